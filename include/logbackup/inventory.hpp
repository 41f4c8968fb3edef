// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/record.hpp"
#include "util/text.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace logbackup {

/// Totals over the regular files of an instance directory.
struct Usage {
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;      ///< sum of their sizes
    std::uint64_t disk_bytes = 0; ///< allocated on disk; less than `bytes` if files have holes
    Timestamp last_saved{};       ///< newest ctime, which containers cannot set; zero if there are no files
};

/// One log directory in the backup, or one missed container. A missed container has no `record.instance`.
struct Instance {
    Record record;
    bool has_record = true; ///< false: an earlier script made the directory; `record` holds only its names
    Usage usage;
    bool is_left_out = false; ///< the settings leave out the volume that it lies on
};

struct Inventory {
    std::string backup_root;
    /// Sorted: instances that need attention come first (failing, cut, missed, incomplete, without a record),
    /// then by service, pod and the creation time of their containers.
    std::vector<Instance> instances;
    std::vector<std::string> problems; ///< safe to print
};

} // namespace logbackup
