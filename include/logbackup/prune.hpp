// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/record.hpp"
#include "util/text.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace logbackup {

enum class PruneKind {
    directory, ///< an ended log directory: its instance directory and its record
    file,      ///< a saved file of a live log directory that no longer has it
    missed,    ///< the record of a missed container
};

enum class PruneReason { keep, max_size, max_versions };

/// An item that retention deletes from the backup.
struct PruneItem {
    PruneKind kind = PruneKind::directory;
    PruneReason reason = PruneReason::keep;
    Record record;    ///< the item's record, or the record of the log directory that contains it
    std::string path; ///< for a file: path below the instance directory
    /// When the log directory disappeared, the missed container died, or the file last changed.
    Timestamp ended{};
    std::uint64_t files = 0;
    std::uint64_t disk_bytes = 0;
    std::string failure; ///< why it could not be deleted, safe to print; else empty
};

struct PruneReport {
    bool dry_run = false;
    std::string backup_root;
    Timestamp now{};
    std::vector<PruneItem> items;
    std::vector<std::string> problems; ///< problems that belong to no single item; safe to print
    std::string too_large;             ///< why --max-size cannot be reached; empty if it can
};

} // namespace logbackup
