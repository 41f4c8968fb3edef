// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/plan.hpp"
#include "logbackup/util/stop_signal.hpp"
#include "logbackup/view.hpp"

namespace logbackup {

/// The planner's look at real files: those of `tree` against those of the directory `instance`, a descriptor
/// that the caller keeps open, as it keeps `tree` and `stop`. A comparison that is stopped gives ECANCELED.
[[nodiscard]] Content content_of(const Tree& tree, int instance, StopSignal& stop);

/// Compares a range of two open files. A range that reaches beyond the end of one is not the same.
[[nodiscard]] Comparison compare_range(int source, int saved, std::uint64_t offset, std::uint64_t length,
                                       StopSignal& stop);

} // namespace logbackup
