// SPDX-License-Identifier: MIT
#pragma once

#include "commands/session.hpp"
#include "report/cause_lines.hpp"

#include <spdlog/logger.h>

#include <set>
#include <string>
#include <vector>

namespace logbackup {

/// Changes in the causes of failures that last from run to run.
struct News {
    std::set<std::string> silent;       ///< keys of causes that were told already
    std::vector<std::string> fresh;     ///< lines of causes that no run before has met
    std::vector<std::string> over;      ///< lines about causes that are over
    std::vector<std::string> told_over; ///< those of them that were told when they began
};

/// Records why a run failed, and returns what is new. With --quiet a cause is told when it is new, when it is
/// over, and each --repeat in between. A run for some containers only, or one that is stopped, does not know
/// what is over, and says everything. So does one that has no backup to note anything in. `whole`: false if
/// the run ended before it could meet them all.
[[nodiscard]] News note_causes(const Session& session, const std::vector<CauseLine>& causes,
                               bool whole = true);

/// Tells what is over.
void tell_over(const News& news, spdlog::logger& log);

/// Runs the command of --on-failure if there is news. Its standard input has a line for each: "failure: …" or
/// "over: …".
void pass_on(const Session& session, const News& news, spdlog::logger& log);

} // namespace logbackup
