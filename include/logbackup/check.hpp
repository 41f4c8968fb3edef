// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace logbackup {

enum class CheckStatus {
    ok,
    warning,    ///< runs save everything they can, but an operator should know
    problem,    ///< runs are possible, but something will be missing
    impossible, ///< no run is possible; shown as "problem"
};

/// The result of one check.
struct Check {
    std::string name; ///< stable across versions: scripts search for it
    CheckStatus status = CheckStatus::ok;
    std::string found; ///< safe to print
    std::string hint;  ///< what to do; safe to print; empty if no action is needed
};

} // namespace logbackup
