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

/// The input of a run.
struct TickContext {
    const Options& options;
    StopSignal& stop;
    int root = -1;        ///< backup root; -1 in a dry run when it does not exist
    int lock = -1;        ///< lock file; -1 in a dry run
    Timestamp now{};      ///< when this run began
    Timestamp previous{}; ///< when the last complete run for all containers began
    std::string docker;   ///< paths of the programs docker and rsync
    std::string rsync;
    std::function<void(const std::string&)> notice; ///< reports something that is not a problem
    std::function<Progress(std::uint64_t total_bytes)> start_progress; ///< may return an empty Progress
    ClockHistory clock_history{};                                      ///< what earlier runs noted
    /// Called once the containers are known, before anything is written; may throw Error.
    std::function<void(const std::vector<Container>&)> examine{};
};

/// Performs one run: discover, locate, assign, view, plan and, unless it is a dry run, apply. A problem with
/// one container is in the report and does not stop the others. Throws Error when nothing can be done.
///
/// With RunKind::verify nothing is planned and nothing changed: each file is compared with its backup, byte
/// for byte. A row's failures are differences. The files in its `unsettled` differ because they changed after
/// the last run.
///
/// With RunKind::prune and RunKind::prune_dry_run, `pruned` in the report lists the files of live log
/// directories that may be deleted because their source no longer has them. Nothing is changed.
[[nodiscard]] Report run_tick(const TickContext& context);

} // namespace logbackup
