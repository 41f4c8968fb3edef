// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/prune.hpp"
#include "util/stop_signal.hpp"

#include <string>
#include <vector>

/// Deletes what retention selects, so that it can be killed at any moment. `root` is a descriptor of the
/// backup root throughout.
namespace logbackup {

/// Deletes what is in the report, in its order. An instance directory first gets a place in
/// ".logbackup/pruning", and its record with it: wherever that ends, finish_pruning() goes on.
void carry_out(PruneReport& report, int root, StopSignal& stop);

/// Why something cannot be deleted, from an errno value.
[[nodiscard]] std::string undeletable_text(int error);

/// After an interruption: sees that nothing which is half deleted has a record. To be called before anything
/// else is read, but after finish_move().
void settle_pruning(int root);
/// Deletes what an interrupted run left to be deleted. Gives what cannot be; safe to print.
[[nodiscard]] std::vector<std::string> finish_pruning(int root, StopSignal& stop);

} // namespace logbackup
