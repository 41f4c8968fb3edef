// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/container.hpp"
#include "logbackup/options.hpp"

#include <chrono>
#include <string>
#include <vector>

/// Looks up the options that apply to one service, container or record. All functions are pure.
namespace logbackup {

/// Returns the log directories of a service, in the configured order.
[[nodiscard]] std::vector<LogDirectoryName> log_directories_of(const Options& options,
                                                               const std::string& service);
/// Returns what follows "<pod>" in the name of an instance whose log directory is not its service's first:
/// "/var/log/app" gives "+var+log+app". In the path "+" becomes "%2B", and "%" becomes "%25".
[[nodiscard]] std::string suffix_of(const std::string& path);

/// Returns how long the saved logs of a service are kept after their log directory has ended.
[[nodiscard]] std::chrono::milliseconds keep_of(const Options& options, const std::string& service);

/// True if the options may ever delete anything.
[[nodiscard]] bool has_retention(const Options& options);

/// Returns the globs of the files that are left out of the log directories of a service.
[[nodiscard]] const std::vector<std::string>& exclude_of(const Options& options, const std::string& service);

/// True if the filters select the container; without filters every container is selected.
[[nodiscard]] bool selects(const Options& options, const Container& container);
/// True if the filters select the record. One matching container of the record is enough.
[[nodiscard]] bool selects(const Options& options, const Record& record);
[[nodiscard]] bool has_filter(const Options& options);

} // namespace logbackup
