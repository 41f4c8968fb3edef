// SPDX-License-Identifier: MIT
#pragma once

#include "plan/plan.hpp"
#include "util/stop_signal.hpp"
#include "view/listing.hpp"
#include "view/view.hpp"

namespace logbackup {

/// The planner's look at real files: those of `tree` against those of the directory `instance`, a descriptor
/// that the caller keeps open, as it keeps `tree` and `stop`. A comparison that is stopped gives ECANCELED.
/// `limits` are those of the tree; of what is saved twice as many files are listed.
[[nodiscard]] Content content_of(const Tree& tree, int instance, StopSignal& stop,
                                 const ListingLimits& limits = {});

/// The offset of a file's first data at or after `offset`, its size when only a hole follows; `offset` where
/// the file system does not know.
[[nodiscard]] std::uint64_t next_data(int file, std::uint64_t offset);

/// Compares a range of two open files. A range that reaches beyond the end of one is not the same. Where both
/// have holes nothing is read.
[[nodiscard]] Comparison compare_range(int source, int saved, std::uint64_t offset, std::uint64_t length,
                                       StopSignal& stop);

} // namespace logbackup
