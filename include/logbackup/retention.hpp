// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/record.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace logbackup {

/// A duration without end.
inline constexpr std::chrono::milliseconds for_ever = std::chrono::milliseconds::max();

/// How long the logs of the services that match are kept.
struct ServiceKeep {
    std::string glob;
    std::chrono::milliseconds keep = for_ever;
};

/// Rules for what may be deleted from the backup.
struct RetentionRules {
    std::chrono::milliseconds keep = for_ever; ///< age at which ended log directories are deleted
    std::vector<ServiceKeep> of_services;      ///< overrides `keep`; later entries override earlier ones
    std::uint64_t max_size = UINT64_MAX;       ///< bytes the backup may take on disk; UINT64_MAX: no limit
};

/// Returns how long the saved logs of a service are kept after their log directory has ended.
[[nodiscard]] std::chrono::milliseconds keep_of(const RetentionRules& rules, const std::string& service);

/// Returns how long a record's log directory is kept: for the service that keeps it longest, of its own and
/// those that share it.
[[nodiscard]] std::chrono::milliseconds keep_of(const RetentionRules& rules, const Record& record);

/// True if the rules may ever delete anything.
[[nodiscard]] bool has_retention(const RetentionRules& rules);

} // namespace logbackup
