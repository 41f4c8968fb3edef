// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/options.hpp"
#include "logbackup/prune.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// Retention: the only part that deletes what is saved nowhere else. It goes by times that no container can
/// set: those of the records, and the kernel's time of an inode's last change. What has no such time is kept.
///
/// `root` is a descriptor of the backup root throughout.
namespace logbackup {

/// No log directory is deleted before it has ended for so long, whatever --keep and --max-size
/// say.
inline constexpr std::chrono::hours least_age{24};

/// What shows that a log directory which is said to have ended really has.
struct EndEvidence {
    /// When the last complete run began, before this one. It found the end that an earlier run had found.
    Timestamp last_complete_run{};
    /// True if the layer or the volume of a record may still be on this host.
    std::function<bool(const Record&)> may_exist;
};

/// When a log directory was gone, as far as its record tells: the newest time in it. `written` is when the
/// record was. The zero time when there is none that can be right.
[[nodiscard]] Timestamp ended_at(const Record& record, Timestamp written);

/// The files of a live log directory that have not changed for so long that they may go, oldest first; those
/// of which `has_gone` says that their source has no such file any longer.
[[nodiscard]] std::vector<PruneItem> old_files(int root, const Record& live, const Options& options,
                                               Timestamp now,
                                               const std::function<bool(const std::string& path)>& has_gone);

/// Chooses of what has ended, the oldest first, until the backup takes no more than `most` bytes: always the
/// oldest of the service that takes most, and of none that takes no more than its share, which is `most`
/// divided by the number of services. `usage` has the bytes that each service takes. Nothing when that is not
/// enough: then nothing is to be deleted for it. Pure.
[[nodiscard]] std::optional<std::vector<PruneItem>>
choose_for_size(std::map<std::string, std::uint64_t> usage, std::vector<PruneItem> ended, std::uint64_t most);

/// Adds to the report what has ended and is to go, after the files of live log directories that it has by
/// now. What not several runs found ended, or what may still exist, stays. Changes nothing.
void plan_prune(PruneReport& report, int root, const Options& options, const EndEvidence& evidence);

} // namespace logbackup
