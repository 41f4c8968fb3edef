// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/options.hpp"

#include <cstdint>
#include <string>

namespace logbackup {

struct FinishedRun;

/// Counts a finished run and writes the file of --metrics, mode 0644, atomically: readers see either the
/// whole old file or the whole new one. Measures the backup once an hour. `root` is a descriptor of the
/// backup root, or -1; then there are no counters. Throws Error.
void write_metrics(int root, const Options& options, const FinishedRun& run);

} // namespace logbackup
