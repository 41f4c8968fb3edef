// SPDX-License-Identifier: MIT
#pragma once

namespace logbackup {

enum class ExitCode : int {
    complete = 0,   ///< everything is backed up, or listed
    impossible = 1, ///< nothing could be done
    usage = 2,      ///< wrong usage or configuration
    partial = 3,    ///< some containers, files or records failed
    busy = 75,      ///< another run is working on the same backup; sysexits.h calls it EX_TEMPFAIL
};

/// The program. Gives the exit code: an ExitCode, or 128 plus the number of the signal that stopped it.
[[nodiscard]] int run_app(int argc, const char* const* argv);

} // namespace logbackup
