// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/options.hpp"
#include "logbackup/text_table.hpp"
#include "logbackup/util/stop_signal.hpp"

#include <string>
#include <vector>

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

/// Whether this machine is ready for runs with these options. Changes nothing; what the backup's file system
/// can do is tried in a directory of its own. What hangs on a check that failed is left out. Ends early when
/// `stop` is requested.
[[nodiscard]] std::vector<Check> check_machine(const Options& options, StopSignal& stop);

enum class CheckLines { all, not_ok };

/// For people: a line for each check, its hint below it; with CheckLines::not_ok nothing when all is ok.
[[nodiscard]] std::string table(const std::vector<Check>& checks, Colour colour, CheckLines lines);
/// One JSON object on one line.
[[nodiscard]] std::string json(const std::vector<Check>& checks);
/// 0: ready, 1: no run is possible, 3: runs are, but something will be missing.
[[nodiscard]] int exit_code(const std::vector<Check>& checks);

} // namespace logbackup
