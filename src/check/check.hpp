// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/check.hpp"
#include "logbackup/options.hpp"
#include "util/stop_signal.hpp"

#include <vector>

namespace logbackup {

/// Checks whether this machine is ready for runs with these options. Changes nothing, except that it tests
/// the backup's file system in a temporary directory. A check that depends on a failed check is left out.
/// Ends early when `stop` is requested.
[[nodiscard]] std::vector<Check> check_machine(const Options& options, StopSignal& stop);

} // namespace logbackup
