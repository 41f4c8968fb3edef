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

} // namespace logbackup
