// SPDX-License-Identifier: MIT
#include "commands/commands.hpp"
#include "commands/discover.hpp"
#include "commands/gone.hpp"
#include "commands/live_files.hpp"
#include "commands/output.hpp"
#include "commands/rows.hpp"
#include "commands/unread.hpp"
#include "config/selection.hpp"
#include "ledger/ledger.hpp"
#include "logbackup/exit_code.hpp"
#include "retention/delete.hpp"
#include "retention/select.hpp"
#include "util/error.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace logbackup {
namespace {

/// True if a live log directory may have files that are old enough.
bool may_have_old_files(const Session& session) {
    const Options& options = session.options;
    std::vector<std::string> problems;
    const auto live = load_live_records(session.root.get(), problems);
    const auto any = [](const std::string&) { return true; };
    return std::any_of(live.begin(), live.end(), [&](const Record& record) {
        return selects_all_of(options.filter, record) &&
               !old_files(session.root.get(), record, options.retention, session.now, any).empty();
    });
}

/// Finds the files of live log directories that may be deleted. Asks the runtime only when there can be one.
void find_files_to_prune(Session& session, PruneReport& pruned, spdlog::logger& log) {
    if (!may_have_old_files(session))
        return;
    try {
        prepare(session, log);
        Survey survey = discover_all(session);
        locate_all(session, survey, Closed::leave_out);
        pruned.items = find_live_files(session, survey);
        judge_unread(session, survey);
        const Report report = report_of(session, survey, {});
        for (const auto& line : failure_lines(report))
            pruned.problems.push_back(line);
        for (const auto& line : limit_lines(report))
            log.warn(line.text);
    } catch (const Error& error) {
        pruned.problems.push_back(std::string("live log directories are not looked at: ") + error.what());
    }
}

void tell(const PruneReport& report, const Options& options, spdlog::logger& log) {
    print(report, options, options.verbose ? InventoryDetail::paths : InventoryDetail::lines);
    auto lines = deleted_lines(report);
    lines.push_back(summary(report));
    log_result(log, lines);
    for (const auto& line : failure_lines(report))
        log.error(line);
    if (!report.too_large.empty())
        log.error(report.too_large);
}

} // namespace

int run_prune(const Options& options, spdlog::logger& log) {
    const bool dry = options.kind == RunKind::prune_dry_run;
    StopSignal stop(options.max_duration);
    Session session{options, stop, std::chrono::system_clock::now()};
    if (open_existing_backup(session, dry ? Access::read : Access::write, warn_by(log)) == Opened::busy) {
        log.error("another run is working on {}", in_quotes(options.backup_root));
        return static_cast<int>(ExitCode::busy);
    }
    if (const auto doubt = doubt_about_clock(session.clock_history, session.now); !doubt.empty()) {
        if (session.writes())
            note_run(session.root.get(), session.now);
        throw Error(doubt, "if the time is right, the next run may delete again");
    }
    const int root = session.root.get();
    PruneReport report{dry, options.backup_root, session.now, {}, {}, {}};
    if (!dry)
        report.problems = finish_pruning(root, stop);
    find_files_to_prune(session, report, log);
    HostPaths host({}, [&](const std::string& path) { return is_left_out(options, path); });
    plan_prune(report, root, options.filter, options.retention,
               {session.previous, [&](const Record& record) { return may_exist(record, host); }});
    if (!dry)
        carry_out(report, root, stop);
    tell(report, options, log);
    return exit_code(!failure_lines(report).empty() || !report.too_large.empty(), stop, log);
}

} // namespace logbackup
