// SPDX-License-Identifier: MIT
#pragma once

namespace logbackup {

enum class ExitCode : int {
    complete = 0,         ///< everything is backed up, or listed
    impossible = 1,       ///< the run was not possible
    usage = 2,            ///< wrong usage or configuration
    partial = 3,          ///< some containers, files or records had problems
    not_all_searched = 4, ///< no line was found, and not all could be searched
    not_found = 1,        ///< no line was found, and no gap is known
    not_searched = 2,     ///< a search was not possible
    busy = 75,            ///< another run uses the same backup; EX_TEMPFAIL in sysexits.h
};

} // namespace logbackup
