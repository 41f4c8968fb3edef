// SPDX-License-Identifier: MIT
#include "config/selection.hpp"

#include <fnmatch.h>

#include <algorithm>

namespace logbackup {
namespace {

bool matches_any(const std::vector<std::string>& globs, const std::string& name) {
    return globs.empty() || std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) {
               return ::fnmatch(glob.c_str(), name.c_str(), 0) == 0;
           });
}

bool begins_with_any(const std::vector<std::string>& prefixes, const std::string& id) {
    return std::any_of(prefixes.begin(), prefixes.end(),
                       [&](const std::string& prefix) { return id.starts_with(prefix); });
}

/// Compares the names that both containers and records have.
template <typename T> bool names_match(const Options& options, const T& named) {
    return matches_any(options.services, named.service) && matches_any(options.pods, named.pod) &&
           matches_any(options.namespaces, named.namespace_name);
}

/// Returns the value of the last section that matches and sets it, or else the value for all services.
template <typename T>
const T& value_for(const Options& options, const std::string& service, const T& of_all,
                   std::optional<T> ServiceOptions::*member) {
    const auto& all = options.of_services;
    const auto last = std::find_if(all.rbegin(), all.rend(), [&](const ServiceOptions& of_service) {
        return of_service.*member && matches_any({of_service.glob}, service);
    });
    return last == all.rend() ? of_all : *((*last).*member);
}

} // namespace

bool has_filter(const Options& options) {
    return !options.services.empty() || !options.pods.empty() || !options.namespaces.empty() ||
           !options.containers.empty() || !options.coverages.empty();
}

std::vector<LogDirectoryName> log_directories_of(const Options& options, const std::string& service) {
    const auto& paths =
        value_for(options, service, options.log_directories, &ServiceOptions::log_directories);
    std::vector<LogDirectoryName> names;
    names.reserve(paths.size());
    for (const auto& path : paths)
        names.push_back({path, names.empty() ? std::string() : suffix_of(path)});
    return names;
}

std::string suffix_of(const std::string& path) {
    std::string suffix;
    for (const char byte : path)
        suffix += byte == '/' ? "+" : byte == '+' ? "%2B" : byte == '%' ? "%25" : std::string(1, byte);
    return suffix;
}

const std::vector<std::string>& exclude_of(const Options& options, const std::string& service) {
    return value_for(options, service, options.exclude, &ServiceOptions::exclude);
}

std::chrono::milliseconds keep_of(const Options& options, const std::string& service) {
    return value_for(options, service, options.keep, &ServiceOptions::keep);
}

bool has_retention(const Options& options) {
    return options.keep != for_ever || options.max_size != UINT64_MAX ||
           std::any_of(
               options.of_services.begin(), options.of_services.end(),
               [](const ServiceOptions& service) { return service.keep.value_or(for_ever) != for_ever; });
}

bool selects(const Options& options, const Container& container) {
    return (options.containers.empty() || begins_with_any(options.containers, container.id)) &&
           names_match(options, container);
}

bool selects(const Options& options, const Record& record) {
    const bool id =
        options.containers.empty() ||
        std::any_of(record.containers.begin(), record.containers.end(),
                    [&](const std::string& one) { return begins_with_any(options.containers, one); });
    return id && names_match(options, record);
}

} // namespace logbackup
