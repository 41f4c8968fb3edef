// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

/// Runs that ended at once because another one was working. `root` is a descriptor of the backup root.
namespace logbackup {

/// Notes that a run ended at once because another one is working, and gives how many have since that began.
/// 0 when that cannot be noted.
[[nodiscard]] std::uint64_t note_skipped(int root);
/// The number of such runs.
[[nodiscard]] std::uint64_t skipped_runs(int root);
/// The same, which then begins anew. For whoever holds the lock.
[[nodiscard]] std::uint64_t take_skipped(int root);

} // namespace logbackup
