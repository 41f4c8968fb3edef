// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/prune.hpp"
#include "util/stop_signal.hpp"

#include <string>
#include <vector>

/// Deletes what retention selects; may be killed at any moment. `root` is a descriptor of the backup root
/// throughout.
namespace logbackup {

/// Deletes the items of the report, in its order. An instance directory first moves to a place in
/// ".logbackup/pruning", and its record with it; finish_pruning() continues after an interruption at any
/// point.
void carry_out(PruneReport& report, int root, StopSignal& stop);

/// Explains why something cannot be deleted; `error` is an errno value.
[[nodiscard]] std::string undeletable_text(int error);

/// After an interruption, moves the records whose files are already being deleted. Call before reading
/// anything else, but after finish_move().
void settle_pruning(int root);
/// Deletes what an interrupted run was about to delete. Returns the problems; safe to print.
[[nodiscard]] std::vector<std::string> finish_pruning(int root, StopSignal& stop);

} // namespace logbackup
