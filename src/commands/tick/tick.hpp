// SPDX-License-Identifier: MIT
#pragma once

#include "ledger/clock.hpp"
#include "logbackup/options.hpp"
#include "logbackup/report.hpp"
#include "transfer/apply.hpp"
#include "util/stop_signal.hpp"
#include "util/unique_fd.hpp"

#include <functional>
#include <string>
#include <vector>

namespace logbackup {

/// What a tick works with.
struct TickContext {
    const Options& options;
    StopSignal& stop;
    int root = -1;        ///< backup root; -1 in a dry run when it does not exist
    int lock = -1;        ///< lock file; -1 in a dry run
    Timestamp now{};      ///< when this tick began
    Timestamp previous{}; ///< when the last one began that came to its end and was for all containers
    std::string docker;   ///< paths of the programs
    std::string rsync;
    std::function<void(const std::string&)> notice;                    ///< says something that is no failure
    std::function<Progress(std::uint64_t total_bytes)> start_progress; ///< may give an empty Progress
    Clock clock{};                                                     ///< as this run sees it
    /// Called once the containers are known, before anything is written; may throw Error.
    std::function<void(const std::vector<Container>&)> examine{};
};

/// One tick: discover, locate, assign, view, plan and, unless it is a dry run, apply. One container's failure
/// is in the report and stops no other. Throws Error when nothing can be done.
///
/// With RunKind::verify nothing is planned and nothing changed: each file is compared with its backup, byte
/// for byte. A row's failures are differences; its `unsettled` files differ because they changed after the
/// last tick.
///
/// With RunKind::prune and RunKind::prune_dry_run the report has, in `pruned`, the files of live log
/// directories that may go because their source does not have them any longer. Nothing is changed.
[[nodiscard]] Report run_tick(const TickContext& context);

} // namespace logbackup
