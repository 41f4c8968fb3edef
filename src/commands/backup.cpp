// SPDX-License-Identifier: MIT
#include "commands/parts.hpp"

#include "commands/tick/tick.hpp"
#include "config/selection.hpp"
#include "ledger/backup_root.hpp"
#include "ledger/ledger.hpp"
#include "ledger/skipped.hpp"
#include "logbackup/exit_code.hpp"
#include "report/metrics.hpp"
#include "report/metrics_file.hpp"
#include "report/progress.hpp"
#include "util/error.hpp"
#include "util/files.hpp"
#include "util/lock_file.hpp"

#include <chrono>
#include <optional>
#include <utility>

namespace logbackup::app {
namespace {

/// State needed for metrics even if the run throws.
struct Run {
    Timestamp began = std::chrono::system_clock::now();
    UniqueFd root;
    std::optional<LockFile> lock;
    std::optional<Report> report;
    std::uint64_t skipped = 0; ///< runs that ended because another one was working
};

/// Reports the busy backup as information, because on a long first backup cron would send a mail every
/// minute. Warns only if that goes on for long.
int give_up(const Run& run, const Options& options, spdlog::logger& log) {
    const std::string text = "another run is working on " + in_quotes(options.backup_root);
    const auto skipped = note_skipped(run.root.get());
    if (skipped > 0 && skipped % options.warn_skipped == 0)
        log.warn("{}: {} ended at once since it began", text, counted(skipped, "run"));
    else
        log.info(text);
    return static_cast<int>(ExitCode::busy);
}

void tell(const Report& report, const Options& options, spdlog::logger& log) {
    end_progress_line();
    print(report, options, options.verbose ? Detail::files : Detail::containers);
    for (const auto& notice : report.notices)
        log.info(notice);
    for (const auto& line : failure_lines(report))
        log.error(line);
    auto lines = deleted_lines(report.pruned);
    for (const auto& missed : report.missed)
        lines.push_back(missed_line(missed));
    lines.push_back(summary(report));
    log_result(log, lines);
}

int back_up(Run& run, const Options& options, spdlog::logger& log) {
    StopSignal stop(options.max_duration);
    const bool dry = options.kind != RunKind::tick;
    TickContext context{options, stop, -1, -1, run.began, {}, {}, {}, {}, {}};
    examine_place(options);
    run.root = dry ? find_backup_root(options.backup_root) : open_backup_root(options.backup_root);
    if (!run.root && options.kind == RunKind::verify)
        throw Error("no backup at " + in_quotes(options.backup_root), "name its directory with --dest");
    std::optional<LockFile> lock;
    if (!dry) {
        lock = LockFile::try_acquire(open_directory(run.root.get(), state_directory).get(), "lock");
        if (!lock)
            return give_up(run, options, log);
    }
    if (run.root) {
        const BackupIdentity identity = claim_backup(run.root.get(), options, log);
        context.examine = [&context, identity](const std::vector<Container>& containers) {
            claim_engine(identity, context, containers);
        };
    }
    run.lock = std::move(lock); // claimed by now: the counters of another host's backup must not change
    if (run.lock) {
        run.skipped = take_skipped(run.root.get());
        context.lock = run.lock->fd();
    }
    context.docker = require_program(options.docker, "--docker", "docker.io");
    context.rsync = dry ? std::string() : require_program(options.rsync, "--rsync", "rsync");
    context.root = run.root.get();
    if (run.root) {
        context.previous = last_complete_tick(run.root.get());
        context.clock_history = see_clock(options, run.root.get(), context.now);
    }
    context.notice = [&](const std::string& text) { log.info(text); };
    const bool show_progress = !options.quiet && !options.json;
    context.start_progress = [&](std::uint64_t total) {
        return show_progress ? progress_line(total) : Progress();
    };
    run.report = run_tick(context);
    tell(*run.report, options, log);
    const int code = exit_code(run.report->has_failures(), stop, log);
    if (run.lock && !stop.requested() && !has_filter(options)) {
        try {
            note_complete_tick(run.root.get(), context.now);
        } catch (const Error& error) { // the report was printed already
            log.error(error.what());
            return static_cast<int>(ExitCode::partial);
        }
    }
    return code;
}

/// Writes the metrics and returns the exit code, which changes if they cannot be written.
int monitored(int code, const Run& run, const Options& options, spdlog::logger& log) {
    if (options.metrics.empty() || options.kind != RunKind::tick || has_filter(options))
        return code; // metrics describe full runs only
    FinishedRun finished;
    finished.began = run.began;
    finished.seconds = std::chrono::duration<double>(std::chrono::system_clock::now() - run.began).count();
    finished.exit_code = code;
    finished.report = run.report ? &*run.report : nullptr;
    finished.skipped = run.skipped;
    try {
        write_metrics({options.metrics, options.backup_root, options.min_free},
                      run.lock ? run.root.get() : -1, finished);
    } catch (const Error& error) {
        log.error(error.what());
        return code == 0 ? static_cast<int>(ExitCode::partial) : code;
    }
    return code;
}

} // namespace

int run_backup(const Options& options, spdlog::logger& log) {
    Run run;
    int code = static_cast<int>(ExitCode::impossible);
    try {
        code = back_up(run, options, log);
    } catch (const Error&) {
        (void)monitored(code, run, options, log);
        throw;
    }
    return code == static_cast<int>(ExitCode::busy) ? code : monitored(code, run, options, log);
}

} // namespace logbackup::app
