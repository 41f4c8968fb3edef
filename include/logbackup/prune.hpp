// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/model/prune.hpp"
#include "logbackup/options.hpp"

#include <functional>
#include <string>
#include <vector>

/// Retention: the only part that deletes what is saved nowhere else. It goes by times that no container can
/// set: those of the records, and the kernel's time of an inode's last change. What has no such time is kept.
///
/// `root` is a descriptor of the backup root throughout.
namespace logbackup {

/// When a log directory was gone, as far as its record tells: the newest time in it. `written` is when the
/// record was. The zero time when there is none that can be right.
[[nodiscard]] Timestamp ended_at(const Record& record, Timestamp written);

/// The files of a live log directory that have not changed for so long that they may go, oldest first; those
/// of which `has_gone` says that their source has no such file any longer.
[[nodiscard]] std::vector<PruneItem> old_files(int root, const Record& live, const Options& options,
                                               Timestamp now,
                                               const std::function<bool(const std::string& path)>& has_gone);

/// Adds to the report what has ended and is to go, after the files of live log directories that it has by
/// now. Changes nothing.
void plan_prune(PruneReport& report, int root, const Options& options);

} // namespace logbackup
