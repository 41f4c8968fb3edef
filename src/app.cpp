// SPDX-License-Identifier: MIT
#include "logbackup/app.hpp"

#include "logbackup/backup_root.hpp"
#include "logbackup/check.hpp"
#include "logbackup/inventory.hpp"
#include "logbackup/inventory_report.hpp"
#include "logbackup/ledger.hpp"
#include "logbackup/metrics.hpp"
#include "logbackup/monitor.hpp"
#include "logbackup/options.hpp"
#include "logbackup/progress.hpp"
#include "logbackup/prune.hpp"
#include "logbackup/prune_report.hpp"
#include "logbackup/prune_steps.hpp"
#include "logbackup/report.hpp"
#include "logbackup/settings_report.hpp"
#include "logbackup/tick.hpp"
#include "logbackup/util/error.hpp"
#include "logbackup/util/files.hpp"
#include "logbackup/util/lock_file.hpp"
#include "logbackup/util/priority.hpp"
#include "logbackup/util/process.hpp"
#include "logbackup/util/stop_signal.hpp"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <optional>

namespace logbackup {
namespace {

bool writes(const Options& options) {
    return options.kind == RunKind::tick || options.kind == RunKind::prune;
}

/// Messages go to standard error, and with a time to the log file. The result is no message: see print().
std::shared_ptr<spdlog::logger> make_logger(const Options& options) {
    auto terminal = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
    terminal->set_pattern("logbackup: %^%l%$: %v");
    terminal->set_level(options.quiet ? spdlog::level::warn : spdlog::level::info);
    auto logger = std::make_shared<spdlog::logger>("logbackup", terminal);
    if (!writes(options)) // a dry run writes nothing
        return logger;
    if (!options.log_file.empty()) {
        try {
            auto file = std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.log_file);
            file->set_pattern("%Y-%m-%dT%H:%M:%S%z %l %v");
            logger->sinks().push_back(std::move(file));
        } catch (const spdlog::spdlog_ex&) {
            throw Error("cannot open the log file " + in_quotes(options.log_file) + ": " + error_text(errno));
        }
    }
    if (options.syslog) {
        static constexpr bool formatted = false; // it has the time and the level already
        logger->sinks().push_back(
            std::make_shared<spdlog::sinks::syslog_sink_mt>("logbackup", LOG_PID, LOG_DAEMON, formatted));
    }
    return logger;
}

std::string require_program(const std::string& name, const char* option, const char* package) {
    std::string path = find_program(name);
    if (path.empty() && name.find('/') != std::string::npos)
        throw Error("cannot find the program " + in_quotes(name), std::string("it was named with ") + option);
    if (path.empty())
        throw Error("cannot find the program " + in_quotes(name),
                    std::string("install it (on Debian: ") + package + "), or name it with " + option);
    return path;
}

void print(const std::string& text) {
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
}

bool is_coloured() {
    return ::isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
}

/// A Report or an Inventory, as the options ask for it.
template <typename Result, typename Detail>
void print(const Result& result, const Options& options, Detail detail) {
    if (options.json)
        print(json(result));
    else if (!options.quiet)
        print(table(result, is_coloured() ? Colour::yes : Colour::no, detail));
}

constexpr const char* trust_clock_hint = "if it is right, 'logbackup prune --trust-clock' does not wait";

/// What the terminal has on standard output is for the log file and the system log.
void log_result(spdlog::logger& log, const std::vector<std::string>& lines) {
    for (std::size_t i = 1; i < log.sinks().size(); ++i)
        for (const auto& line : lines)
            log.sinks()[i]->log(spdlog::details::log_msg(log.name(), spdlog::level::info, line));
}

Clock see_clock(const Options& options, int root, Timestamp now) {
    const Clock before = load_clock(root);
    const Clock clock = seen_at(before, now);
    if (writes(options))
        save_clock(root, before, clock);
    return clock;
}

int exit_code(bool has_failures, StopSignal& stop, spdlog::logger& log) {
    if (stop.requested()) {
        const auto signal = stop.signal();
        log.error(signal ? "stopped by signal " + std::to_string(*signal) + " (" + ::strsignal(*signal) + ")"
                         : std::string("stopped by --max-duration") +
                               "; what is saved is valid, the next run goes on from it");
        if (signal)
            return 128 + *signal;
    }
    return static_cast<int>(has_failures || stop.requested() ? ExitCode::partial : ExitCode::complete);
}

/// What of a run outlives a failure.
struct Run {
    Timestamp began = std::chrono::system_clock::now();
    UniqueFd root;
    std::optional<LockFile> lock;
    std::optional<Report> report;
    std::uint64_t skipped = 0; ///< runs while another one was working
};

/// Only information: on a long first backup cron would send a mail every minute. But if that goes on for
/// long, somebody should know.
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
    run.root = dry ? find_backup_root(options.backup_root) : open_backup_root(options.backup_root);
    if (!run.root && options.kind == RunKind::verify)
        throw Error("no backup at " + in_quotes(options.backup_root), "name its directory with --dest");
    if (!dry) {
        const UniqueFd state = open_directory(run.root.get(), state_directory);
        run.lock = LockFile::try_acquire(state.get(), "lock");
        if (!run.lock)
            return give_up(run, options, log);
        run.skipped = take_skipped(run.root.get());
        context.lock = run.lock->fd();
    }
    context.docker = require_program(options.docker, "--docker", "docker.io");
    context.rsync = dry ? std::string() : require_program(options.rsync, "--rsync", "rsync");
    context.root = run.root.get();
    if (run.root) {
        context.previous = last_complete_tick(run.root.get());
        context.clock = see_clock(options, run.root.get(), context.now);
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
        } catch (const Error& error) { // the report stands
            log.error(error.what());
            return static_cast<int>(ExitCode::partial);
        }
    }
    return code;
}

/// The exit code, which is another one when the metrics cannot be written.
int monitored(int code, const Run& run, const Options& options, spdlog::logger& log) {
    if (options.metrics.empty() || options.kind != RunKind::tick || has_filter(options))
        return code; // metrics are of everything
    FinishedRun finished;
    finished.began = run.began;
    finished.seconds = std::chrono::duration<double>(std::chrono::system_clock::now() - run.began).count();
    finished.exit_code = code;
    finished.report = run.report ? &*run.report : nullptr;
    finished.skipped = run.skipped;
    try {
        write_metrics(run.lock ? run.root.get() : -1, options, finished);
    } catch (const Error& error) {
        log.error(error.what());
        return code == 0 ? static_cast<int>(ExitCode::partial) : code;
    }
    return code;
}

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

int run_list(const Options& options, spdlog::logger& log) {
    const UniqueFd root = find_backup_root(options.backup_root);
    if (!root)
        throw Error("no backup at " + in_quotes(options.backup_root), "name its directory with --dest");
    const Inventory inventory = take_inventory(root.get(), options);
    // That none is cut or missed is no failure.
    if (has_filter(options) && options.coverages.empty() && inventory.instances.empty() &&
        inventory.problems.empty())
        throw Error("no log directory matches --service, --pod, --namespace or --container",
                    "'logbackup list' without them lists all log directories");
    print(inventory, options, options.verbose ? InventoryDetail::paths : InventoryDetail::lines);
    for (const auto& problem : inventory.problems)
        log.error(problem);
    return static_cast<int>(inventory.problems.empty() ? ExitCode::complete : ExitCode::partial);
}

/// The files of live log directories that may go. Docker is asked only when there can be one.
void find_files_to_prune(TickContext& context, PruneReport& pruned, spdlog::logger& log) {
    const Options& options = context.options;
    std::vector<std::string> problems;
    const auto live = load_live_records(context.root, problems);
    const auto any = [](const std::string&) { return true; };
    if (std::all_of(live.begin(), live.end(), [&](const Record& record) {
            return !selects(options, record) ||
                   old_files(context.root, record, options, context.now, any).empty();
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

int run_prune(const Options& options, spdlog::logger& log) {
    const bool dry = options.kind == RunKind::prune_dry_run;
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
    context.clock = see_clock(options, root.get(), context.now);
    const bool steady = options.trust_clock || is_steady(context.clock);
    if (!steady && !dry)
        throw Error(unsteady_text(context.clock), trust_clock_hint);
    PruneReport report{dry, options.backup_root, context.now, {}, {}, {}};
    if (!dry) {
        finish_move(root.get());
        settle_pruning(root.get());
        report.problems = finish_pruning(root.get(), stop);
    }
    find_files_to_prune(context, report, log);
    plan_prune(report, root.get(), options);
    if (!dry)
        carry_out(report, root.get(), stop);
    print(report, options, options.verbose ? InventoryDetail::paths : InventoryDetail::lines);
    auto lines = deleted_lines(report);
    lines.push_back(summary(report));
    log_result(log, lines);
    if (!steady)
        log.info("{}\nhint: {}", unsteady_text(context.clock), trust_clock_hint);
    for (const auto& line : failure_lines(report))
        log.error(line);
    if (!report.too_large.empty())
        log.error(report.too_large);
    return exit_code(!failure_lines(report).empty() || !report.too_large.empty(), stop, log);
}

int run_check(const Options& options) {
    StopSignal stop(options.max_duration);
    const auto checks = check_machine(options, stop);
    if (stop.requested() && stop.signal())
        return 128 + *stop.signal();
    if (options.json)
        print(json(checks));
    else
        print(table(checks, is_coloured() ? Colour::yes : Colour::no,
                    options.quiet ? CheckLines::not_ok : CheckLines::all));
    return exit_code(checks);
}

int run_logged(const Options& options, spdlog::logger& log) {
    switch (options.kind) {
    case RunKind::tick:
    case RunKind::dry_run:
    case RunKind::verify: break;
    case RunKind::list: return run_list(options, log);
    case RunKind::prune:
    case RunKind::prune_dry_run: return run_prune(options, log);
    case RunKind::check: return run_check(options);
    case RunKind::config: print(options.json ? json(options.settings) : text(options.settings)); return 0;
    }
    return run_backup(options, log);
}

} // namespace

int run_app(int argc, const char* const* argv) {
    ::umask(027);
    // Started with one of the standard descriptors closed, the next file opened would take its place.
    while (true) {
        const int fd = ::open("/dev/null", O_RDWR);
        if (fd > STDERR_FILENO || fd < 0) {
            UniqueFd(fd).reset();
            break;
        }
    }
    ParseEnded ended;
    const auto options = parse_options(argc, argv, ended);
    if (!options) {
        std::fputs(ended.text.c_str(), ended.code == 0 ? stdout : stderr);
        return ended.code;
    }
    std::shared_ptr<spdlog::logger> log;
    try {
        log = make_logger(*options);
        give_way(options->nice, options->io_priority);
        return run_logged(*options, *log);
    } catch (const Error& error) {
        end_progress_line();
        if (!log)
            log = make_logger(Options{});
        const std::string hint = error.hint().empty() ? "" : "\nhint: " + error.hint();
        log->error(error.what() + hint);
        return static_cast<int>(ExitCode::impossible);
    }
}

} // namespace logbackup
