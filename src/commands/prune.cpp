// SPDX-License-Identifier: MIT
#include "commands/parts.hpp"

#include "commands/gone.hpp"
#include "commands/tick/tick.hpp"
#include "config/selection.hpp"
#include "ledger/backup_root.hpp"
#include "ledger/ledger.hpp"
#include "logbackup/exit_code.hpp"
#include "retention/delete.hpp"
#include "retention/select.hpp"
#include "util/error.hpp"
#include "util/files.hpp"
#include "util/lock_file.hpp"

#include <algorithm>
#include <chrono>
#include <optional>

namespace logbackup::app {
namespace {

/// Finds the files of live log directories that may be deleted. Asks docker only when there can be one.
void find_files_to_prune(TickContext& context, PruneReport& pruned, spdlog::logger& log) {
    const Options& options = context.options;
    std::vector<std::string> problems;
    const auto live = load_live_records(context.root, problems);
    const auto any = [](const std::string&) { return true; };
    if (std::all_of(live.begin(), live.end(), [&](const Record& record) {
            return !selects(options, record) ||
                   old_files(context.root, record, options.retention, context.now, any).empty();
        }))
        return;
    try {
        context.docker = require_program(options.docker, "--docker", "docker.io");
        context.notice = [&](const std::string& text) { log.info(text); };
        Report report = run_tick(context);
        pruned.items = std::move(report.pruned.items);
        for (const auto& line : failure_lines(report))
            pruned.problems.push_back(line);
    } catch (const Error& error) {
        pruned.problems.push_back(std::string("live log directories are not looked at: ") + error.what());
    }
}

} // namespace

int run_prune(const Options& options, spdlog::logger& log) {
    const bool dry = options.kind == RunKind::prune_dry_run;
    examine_place(options);
    UniqueFd root = find_backup_root(options.backup_root);
    if (!root)
        throw Error("no backup at " + in_quotes(options.backup_root), "name its directory with --dest");
    StopSignal stop(options.max_duration);
    TickContext context{options, stop, -1, -1, std::chrono::system_clock::now(), {}, {}, {}, {}, {}};
    std::optional<LockFile> lock;
    if (!dry) {
        root = open_backup_root(options.backup_root);
        lock = LockFile::try_acquire(open_directory(root.get(), state_directory).get(), "lock");
        if (!lock) {
            log.error("another run is working on {}", in_quotes(options.backup_root));
            return static_cast<int>(ExitCode::busy);
        }
        context.lock = lock->fd();
    }
    context.root = root.get();
    const BackupIdentity identity = claim_backup(root.get(), options, log);
    context.examine = [&](const std::vector<Container>& containers) {
        claim_engine(identity, context, containers);
    };
    const ClockHistory history = see_clock(options, root.get(), context.now);
    if (const auto doubt = doubt_about_clock(history, context.now); !doubt.empty())
        throw Error(doubt, "if the time is right, the next run may delete again");
    PruneReport report{dry, options.backup_root, context.now, {}, {}, {}};
    if (!dry) {
        finish_move(root.get());
        settle_pruning(root.get());
        report.problems = finish_pruning(root.get(), stop);
    }
    find_files_to_prune(context, report, log);
    HostPaths host;
    plan_prune(
        report, root.get(), options.filter, options.retention,
        {last_complete_tick(root.get()), [&](const Record& record) { return may_exist(record, host); }});
    if (!dry)
        carry_out(report, root.get(), stop);
    print(report, options, options.verbose ? InventoryDetail::paths : InventoryDetail::lines);
    auto lines = deleted_lines(report);
    lines.push_back(summary(report));
    log_result(log, lines);
    for (const auto& line : failure_lines(report))
        log.error(line);
    if (!report.too_large.empty())
        log.error(report.too_large);
    return exit_code(!failure_lines(report).empty() || !report.too_large.empty(), stop, log);
}

} // namespace logbackup::app
