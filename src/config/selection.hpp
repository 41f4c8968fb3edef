// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/container.hpp"
#include "logbackup/options.hpp"

#include <chrono>
#include <string>
#include <vector>

/// What the options say of one service, container or record. Pure.
namespace logbackup {

[[nodiscard]] std::vector<LogDirectoryName> log_directories_of(const Options& options,
                                                               const std::string& service);

/// How long after its end what is saved of a service is kept.
[[nodiscard]] std::chrono::milliseconds keep_of(const Options& options, const std::string& service);

/// Whether anything is ever to be deleted.
[[nodiscard]] bool has_retention(const Options& options);

/// The globs of what is left out of their log directories.
[[nodiscard]] const std::vector<std::string>& exclude_of(const Options& options, const std::string& service);

/// Whether the filters select a container; without any they select all.
[[nodiscard]] bool selects(const Options& options, const Container& container);
/// The same for a record, of which one container is enough.
[[nodiscard]] bool selects(const Options& options, const Record& record);
[[nodiscard]] bool has_filter(const Options& options);

} // namespace logbackup
