// SPDX-License-Identifier: MIT
#pragma once

#include "util/free_space.hpp"

#include <string>

namespace logbackup {

struct FinishedRun;

struct MetricsFile {
    std::string path;
    std::string backup_root;
    MinFree min_free;
};

/// Counts a finished run and writes the file, mode 0644, atomically: readers see either the
/// whole old file or the whole new one. Measures the backup once an hour. `root` is a descriptor of the
/// backup root, or -1; then there are no counters. Throws Error.
void write_metrics(const MetricsFile& file, int root, const FinishedRun& run);

} // namespace logbackup
