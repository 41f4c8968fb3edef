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
    file,      ///< of a live one, which does not have it any longer
    missed,    ///< the record of a missed container
};

enum class PruneReason { keep, max_size };

/// Something that retention deletes from the backup.
struct PruneItem {
    PruneKind kind = PruneKind::directory;
    PruneReason reason = PruneReason::keep;
    Record record;    ///< its own, or that of the log directory it is in
    std::string path; ///< of a file: below the instance directory
    /// When the log directory was gone, the missed container died, the file last changed.
    Timestamp ended{};
    std::uint64_t files = 0;
    std::uint64_t disk_bytes = 0;
    std::string failure; ///< why it could not be deleted; safe to print
};

struct PruneReport {
    bool dry_run = false;
    std::string backup_root;
    Timestamp now{};
    std::vector<PruneItem> items;
    std::vector<std::string> problems; ///< of no single item; safe to print
    std::string too_large;             ///< says that --max-size cannot be reached; else empty
};

} // namespace logbackup
