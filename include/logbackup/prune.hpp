// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/model/prune.hpp"
#include "logbackup/options.hpp"
#include "logbackup/util/stop_signal.hpp"

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

/// Deletes what is in the report, in its order. An instance directory first gets a place in
/// ".logbackup/pruning", and its record with it: wherever that ends, finish_pruning() goes on.
void carry_out(PruneReport& report, int root, StopSignal& stop);

/// Why something cannot be deleted, from an errno value.
[[nodiscard]] std::string undeletable_text(int error);

/// Whether an interruption has left only its record in its place.
[[nodiscard]] bool is_half_pruned(int root, const Record& record);
/// After an interruption: sees that nothing which is half deleted has a record. To be called before anything
/// else is read, but after finish_move().
void settle_pruning(int root);
/// Deletes what an interrupted run left to be deleted. Gives what cannot be; safe to print.
[[nodiscard]] std::vector<std::string> finish_pruning(int root, StopSignal& stop);

} // namespace logbackup
