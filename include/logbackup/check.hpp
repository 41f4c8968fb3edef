// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace logbackup {

enum class CheckStatus {
    ok,
    warning,    ///< runs do all that they can, but somebody should know
    problem,    ///< runs are possible, but something will be missing
    impossible, ///< no run is possible; people read "problem"
};

/// One thing that was looked at.
struct Check {
    std::string name; ///< the same in every version: scripts look for it
    CheckStatus status = CheckStatus::ok;
    std::string found; ///< safe to print
    std::string hint;  ///< what to do; safe to print; empty when nothing is to be done
};

} // namespace logbackup
