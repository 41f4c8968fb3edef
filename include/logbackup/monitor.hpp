// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/options.hpp"

#include <cstdint>
#include <string>

namespace logbackup {

struct FinishedRun;

/// Counts a finished run and writes --metrics, mode 0644, so that whoever reads it sees the whole old file or
/// the whole new one. Once an hour it measures the backup. `root` is a descriptor of the backup root, or -1:
/// then there are no counters. Throws Error.
void write_metrics(int root, const Options& options, const FinishedRun& run);

/// Notes that a run ended at once because another one is working, and gives how many have since that began.
/// 0 when that cannot be noted.
[[nodiscard]] std::uint64_t note_skipped(int root);
/// The number of such runs.
[[nodiscard]] std::uint64_t skipped_runs(int root);
/// The same, which then begins anew. For whoever holds the lock.
[[nodiscard]] std::uint64_t take_skipped(int root);

} // namespace logbackup
