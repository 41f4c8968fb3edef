// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/check.hpp"
#include "logbackup/options.hpp"
#include "util/stop_signal.hpp"

#include <vector>

namespace logbackup {

/// Whether this machine is ready for runs with these options. Changes nothing; what the backup's file system
/// can do is tried in a directory of its own. What hangs on a check that failed is left out. Ends early when
/// `stop` is requested.
[[nodiscard]] std::vector<Check> check_machine(const Options& options, StopSignal& stop);

} // namespace logbackup
