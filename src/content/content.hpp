// SPDX-License-Identifier: MIT
#pragma once

#include "plan/plan.hpp"
#include "util/stop_signal.hpp"
#include "view/listing.hpp"
#include "view/view.hpp"

namespace logbackup {

/// Gives the planner access to real files: those of `tree` and those of the directory `instance`, a
/// descriptor. The caller keeps `instance`, `tree` and `stop` alive. A stopped comparison returns ECANCELED.
/// `limits` apply to the tree; of the saved files twice as many are listed.
[[nodiscard]] Content content_of(const Tree& tree, int instance, StopSignal& stop,
                                 const ListingLimits& limits = {});

/// Returns the offset of a file's first data at or after `offset`, the file's size when only a hole follows,
/// and `offset` when the file system does not know.
[[nodiscard]] std::uint64_t next_data(int file, std::uint64_t offset);

/// Writes a file to the disk, and drops what the kernel has of it in memory, so that it is read from the
/// disk. Returns false if a write failed: this one, or one before that nobody was told of.
bool drop_cache(int file);

/// Compares a range of two open files. A range beyond the end of one file is not the same. Holes that both
/// files have are not read.
[[nodiscard]] Comparison compare_range(int source, int saved, std::uint64_t offset, std::uint64_t length,
                                       StopSignal& stop);

} // namespace logbackup
