// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/filter.hpp"
#include "logbackup/prune.hpp"
#include "logbackup/retention.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// Retention is the only part that deletes logs that are saved nowhere else. It relies on times that no
/// container can set: the times in the records, and the kernel's time of an inode's last change. An item
/// without such a time is kept.
///
/// `root` is a descriptor of the backup root throughout.
namespace logbackup {

/// The minimum time since the end of a log directory before it may be deleted, whatever --keep and --max-size
/// say.
inline constexpr std::chrono::hours least_age{24};

/// Evidence that a log directory has really ended.
struct EndEvidence {
    /// When the last complete run before this one began. That run found the end that an earlier run had
    /// found.
    Timestamp last_complete_run{};
    /// True if the layer or the volume of a record may still be on this host.
    std::function<bool(const Record&)> may_exist;
};

/// Returns when a log directory was gone according to its record: the newest time in it. `written` is when
/// the record was written. Returns the zero time when no time in the record is credible.
[[nodiscard]] Timestamp ended_at(const Record& record, Timestamp written);

/// Returns the files of a live log directory that are old enough to be deleted, oldest first: they have not
/// changed for the time to keep, and `has_gone` confirms that their source no longer has the file.
[[nodiscard]] std::vector<PruneItem> old_files(int root, const Record& live, const RetentionRules& rules,
                                               Timestamp now,
                                               const std::function<bool(const std::string& path)>& has_gone);

/// Chooses ended log directories to delete until the backup takes no more than `most` bytes. Each choice is
/// the oldest directory of the service that takes most. A service that takes no more than its share, which is
/// `most` divided by the number of services, loses nothing. `usage` has the bytes that each service takes.
/// Returns nothing when the choice is not enough; then nothing may be deleted for the size. Pure.
[[nodiscard]] std::optional<std::vector<PruneItem>>
choose_for_size(std::map<std::string, std::uint64_t> usage, std::vector<PruneItem> ended, std::uint64_t most);

/// Adds the ended log directories to delete to the report, which already lists the files of live log
/// directories. A directory stays when fewer than two runs found it ended, or when it may still exist.
/// Changes nothing.
void plan_prune(PruneReport& report, int root, const Filter& filter, const RetentionRules& rules,
                const EndEvidence& evidence);

} // namespace logbackup
