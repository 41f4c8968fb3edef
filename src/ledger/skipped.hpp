// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

/// The count of runs that ended at once because another run was working. `root` is a descriptor of the backup
/// root.
namespace logbackup {

/// Counts a run that ends at once because another one is working. Returns the count since the other run
/// began, or 0 when the run cannot be counted.
[[nodiscard]] std::uint64_t note_skipped(int root);
/// Returns the count.
[[nodiscard]] std::uint64_t skipped_runs(int root);
/// Returns the count and resets it. Caller must hold the lock.
[[nodiscard]] std::uint64_t take_skipped(int root);

} // namespace logbackup
