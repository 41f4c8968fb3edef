// SPDX-License-Identifier: MIT
#include "commands/batches.hpp"
#include "commands/commands.hpp"
#include "commands/copies.hpp"
#include "commands/discover.hpp"
#include "commands/held.hpp"
#include "commands/news.hpp"
#include "commands/output.hpp"
#include "commands/parts.hpp"
#include "commands/records.hpp"
#include "commands/retain.hpp"
#include "commands/rows.hpp"
#include "commands/stages.hpp"
#include "commands/unread.hpp"
#include "commands/unsaved.hpp"
#include "commands/versions.hpp"
#include "config/selection.hpp"
#include "ledger/ledger.hpp"
#include "ledger/skipped.hpp"
#include "ledger/told.hpp"
#include "ledger/while_following.hpp"
#include "logbackup/exit_code.hpp"
#include "report/cause_lines.hpp"
#include "report/metrics.hpp"
#include "report/metrics_file.hpp"
#include "report/progress.hpp"
#include "util/error.hpp"

#include <chrono>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace logbackup {
namespace {

/// Plans and saves. Returns what became of the records.
KeptRecords save_jobs(const Session& session, Survey& survey, Stages& stages) {
    KeptRecords kept;
    kept.live = survey.records.size();
    if (session.stop.requested())
        return kept; // what was not located must not lose its name
    stages.begin("plan");
    make_moves(session, survey);
    make_room_for_parts(session, survey);
    auto first = plan_first_batch(session, survey);
    judge_unread(session, survey);
    if (session.stop.requested())
        return kept;
    stages.begin("save");
    save_all(session, survey, std::move(first));
    judge_unread(session, survey); // for those that had to wait for their turn
    stages.begin("compare");
    compare_ended(session, survey);
    judge_unread(session, survey);
    stages.begin("finish");
    thin_versions(session, survey);
    drop_copies(session, survey);
    kept = keep_records(session, survey);
    keep_unsaved(session, survey);
    return kept;
}

/// Sums up a run made by the follower, for the next report.
WhileFollowing summed_up(const Report& report) {
    WhileFollowing done;
    done.runs = 1;
    for (const auto& row : report.rows) {
        done.created += row.created;
        done.changed += row.changed;
        done.bytes += row.bytes;
    }
    for (const auto& outcome : report.held)
        done.complete += outcome.compared ? 1U : 0U;
    done.cut = report.cut;
    return done;
}

void take_notes_of_follower(const Session& session, Report& report) {
    report.while_following = take_followed(session.root.get());
    auto& cut = report.while_following.cut;
    report.cut.insert(report.cut.end(), cut.begin(), cut.end());
}

/// Returns the exit code. `report` is set as soon as there is one, for the metrics.
int save_and_tell(Session& session, std::optional<Report>& report, News& news, spdlog::logger& log) {
    const Options& options = session.options;
    if (open_backup(session, Access::write, warn_by(log)) == Opened::busy)
        return tell_busy(session, log);
    if (!session.runtime.discover)
        prepare(session, log);
    session.tell = [&log](const std::string& text) { log.info(text); };
    session.rsync = require_program(options.rsync, "--rsync", "rsync");
    const bool show_progress = !options.quiet && !options.json;
    session.start_progress = [&](std::uint64_t total) {
        return show_progress ? progress_line(total) : Progress();
    };
    report = save(session);
    if (session.is_between)
        note_followed(session.root.get(), summed_up(*report));
    else
        take_notes_of_follower(session, *report);
    std::set<std::string> limits;
    for (const auto& line : limit_lines(*report))
        limits.insert(line.key);
    // A run made by the follower reports nothing; the next regular run does.
    auto told = session.is_between ? limits : note_told(session.root.get(), limits, session.now);
    news = note_causes(session, cause_lines(*report));
    told.insert(news.silent.begin(), news.silent.end());
    tell(*report, options, log, told);
    tell_over(news, log);
    const int code = exit_code(report->has_failures(), session.stop, log);
    if (session.stop.requested() || has_filter(options))
        return code;
    note_run(session.root.get(), session.now);
    if (session.is_between)
        return code; // what it did not see is for the next run to find
    try {
        note_complete_run(session.root.get(), session.now);
    } catch (const Error& error) { // the report was printed already
        log.error(error.what());
        return static_cast<int>(ExitCode::partial);
    }
    return code;
}

/// Writes the metrics, also of a run that could do nothing. Returns the exit code, which changes if they
/// cannot be written.
int monitored(int code, const Session& session, const std::optional<Report>& report, spdlog::logger& log) {
    const Options& options = session.options;
    if (options.metrics.empty() || has_filter(options))
        return code; // metrics describe full runs only
    FinishedRun finished;
    finished.began = session.now;
    finished.seconds = std::chrono::duration<double>(std::chrono::system_clock::now() - session.now).count();
    finished.exit_code = code;
    finished.report = report ? &*report : nullptr;
    finished.skipped = session.skipped;
    try {
        write_metrics({options.metrics, options.backup_root, options.min_free},
                      session.writes() ? session.root.get() : -1, finished);
    } catch (const Error& error) {
        log.error(error.what());
        return code == 0 ? static_cast<int>(ExitCode::partial) : code;
    }
    return code;
}

/// Tells why a run could do nothing, unless it was told already.
News tell_end(const Session& session, const Error& error, spdlog::logger& log) {
    const std::string line = error.with_hint();
    const std::string key = cause_of(error.what(), Quoted::counts);
    News news = note_causes(session, {{key, line}}, false);
    if (news.silent.contains(key))
        log.info(line);
    else
        log_error(log, error);
    tell_over(news, log);
    return news;
}

} // namespace

Report save(const Session& session) {
    Stages stages;
    stages.begin("discover");
    Survey survey = discover_all(session);
    if (!session.is_between)
        find_missed_containers(session, survey);
    stages.begin("locate");
    locate_all(session, survey, Closed::leave_out);
    judge_sight(session, survey);
    const KeptRecords kept = save_jobs(session, survey, stages);
    PruneReport pruned;
    if (!session.stop.requested()) {
        stages.begin("prune");
        pruned = retain(session, survey, kept);
    }
    std::move(survey.old_versions.begin(), survey.old_versions.end(), std::back_inserter(pruned.items));
    Report report = report_of(session, survey, std::move(stages));
    report.live = kept.live;
    report.cut = kept.cut;
    report.pruned = std::move(pruned);
    report.held = outcomes_of_held(session, survey);
    return report;
}

int tell_busy(const Session& session, spdlog::logger& log) {
    const std::string text = "another run is working on " + in_quotes(session.options.backup_root);
    const auto skipped = note_skipped(session.root.get());
    if (skipped > 0 && skipped % session.options.warn_skipped == 0)
        log.warn("{}: {} ended at once since it began", text, counted(skipped, "run"));
    else
        log.info(text);
    return static_cast<int>(ExitCode::busy);
}

int save_and_monitor(Session& session, std::optional<Report>& report, spdlog::logger& log) {
    int code = static_cast<int>(ExitCode::impossible);
    News news;
    try {
        code = save_and_tell(session, report, news, log);
    } catch (const NotOurs&) {
        (void)monitored(code, session, report, log);
        throw;
    } catch (const Error& error) {
        if (report) { // it was told by then
            (void)monitored(code, session, report, log);
            throw;
        }
        news = tell_end(session, error, log);
    } catch (const std::exception&) {
        (void)monitored(code, session, report, log);
        throw;
    }
    if (code != static_cast<int>(ExitCode::busy))
        code = monitored(code, session, report, log);
    session.lock.reset(); // a command that takes long keeps nobody from working
    pass_on(session, news, log);
    return code;
}

int run_save(const Options& options, spdlog::logger& log) {
    if (options.follow.count() > 0)
        return run_following(options, log);
    const Timestamp began = std::chrono::system_clock::now();
    StopSignal stop(options.max_duration);
    Session session{options, stop, began};
    std::optional<Report> report;
    return save_and_monitor(session, report, log);
}

} // namespace logbackup
