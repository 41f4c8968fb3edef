// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/container.hpp"
#include "logbackup/options.hpp"

#include <functional>
#include <string>
#include <vector>

/// Looks up the options that apply to one service, container or record. All functions are pure.
namespace logbackup {

/// True if nothing of the service is to be opened.
[[nodiscard]] bool is_skipped(const Options& options, const std::string& service);

/// True if --skip-volume names a volume: a glob with a slash matches its host path, any other Docker's name
/// of it. Without a name, that in Docker's own path of a volume counts
/// ("/var/lib/docker/volumes/<name>/_data").
[[nodiscard]] bool is_left_out(const Options& options, const std::string& path, const std::string& name = {});

/// Returns a function that tells of a host path whether it is a volume of one of these containers that
/// --skip-volume names. A driver can have a volume at any path: its name stands only in the container's
/// description. The options must live as long as the function.
[[nodiscard]] std::function<bool(const std::string& path)>
left_out_of(const Options& options, const std::vector<Container>& containers);

/// Returns the log directories of a service, in the configured order; none if it is skipped.
[[nodiscard]] std::vector<LogDirectoryName> log_directories_of(const Options& options,
                                                               const std::string& service);
/// Returns what follows "<pod>" in the name of an instance whose log directory is not its service's first:
/// "/var/log/app" gives "+var+log+app". In the path "+" becomes "%2B", and "%" becomes "%25".
[[nodiscard]] std::string suffix_of(const std::string& path);

/// Returns the globs of the files that are left out of the log directories of a service.
[[nodiscard]] const std::vector<std::string>& exclude_of(const Options& options, const std::string& service);

template <typename T> [[nodiscard]] bool selects(const Options& options, const T& container_or_record) {
    return selects(options.filter, container_or_record);
}
[[nodiscard]] inline bool has_filter(const Options& options) {
    return has_filter(options.filter);
}
[[nodiscard]] inline bool has_retention(const Options& options) {
    return has_retention(options.retention);
}

} // namespace logbackup
