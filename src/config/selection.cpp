// SPDX-License-Identifier: MIT
#include "config/selection.hpp"

#include "util/files.hpp"
#include "util/glob.hpp"

#include <algorithm>
#include <set>

namespace logbackup {
namespace {

/// Returns the value of the last section that matches and sets it, or else the value for all services.
template <typename T>
const T& value_for(const Options& options, const std::string& service, const T& of_all,
                   std::optional<T> ServiceOptions::*member) {
    const auto& all = options.of_services;
    const auto last = std::find_if(all.rbegin(), all.rend(), [&](const ServiceOptions& of_service) {
        return of_service.*member && matches(of_service.glob, service);
    });
    return last == all.rend() ? of_all : *((*last).*member);
}

} // namespace

bool is_skipped(const Options& options, const std::string& service) {
    const bool is_named = std::any_of(options.skip.begin(), options.skip.end(),
                                      [&](const std::string& glob) { return matches(glob, service); });
    return value_for(options, service, is_named, &ServiceOptions::skip);
}

bool is_left_out(const Options& options, const std::string& path, const std::string& name) {
    const auto& globs = options.skip_volumes;
    if (globs.empty())
        return false;
    const auto names = components(path);
    const bool is_docker_s =
        names.size() > 2 && names.back() == "_data" && names[names.size() - 3] == "volumes";
    const std::string known = !name.empty() || !is_docker_s ? name : names[names.size() - 2];
    return std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) {
        if (glob.find('/') == std::string::npos)
            return !known.empty() && matches(glob, known); // a directory of the host has no name
        return matches((glob.starts_with('/') ? "/" : "") + normalized(glob), path);
    });
}

std::function<bool(const std::string& path)> left_out_of(const Options& options,
                                                         const std::vector<Container>& containers) {
    if (options.skip_volumes.empty())
        return {};
    std::set<std::string> named;
    for (const auto& container : containers)
        for (const auto& mount : container.mounts)
            if (!mount.name.empty() && is_left_out(options, mount.source, mount.name))
                named.insert("/" + normalized(mount.source));
    return [&options, named](const std::string& path) {
        return named.contains(path) || is_left_out(options, path);
    };
}

std::vector<LogDirectoryName> log_directories_of(const Options& options, const std::string& service) {
    if (is_skipped(options, service))
        return {};
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

} // namespace logbackup
