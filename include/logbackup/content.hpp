// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/plan.hpp"
#include "logbackup/util/stop_signal.hpp"
#include "logbackup/view.hpp"

namespace logbackup {

/// The planner's look at real files: those of `tree` against those of the directory `instance`, a descriptor
/// that the caller keeps open, as it keeps `tree` and `stop`. A comparison that is stopped gives ECANCELED.
[[nodiscard]] Content content_of(const Tree& tree, int instance, StopSignal& stop);

} // namespace logbackup
