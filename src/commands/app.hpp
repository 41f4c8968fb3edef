// SPDX-License-Identifier: MIT
#pragma once

namespace logbackup {

/// Runs the program. Returns the exit code: an ExitCode, or 128 plus the number of the signal that stopped
/// it.
[[nodiscard]] int run_app(int argc, const char* const* argv);

} // namespace logbackup
