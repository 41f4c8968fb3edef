// SPDX-License-Identifier: MIT
#include "logbackup/app.hpp"

#include "logbackup/backup_root.hpp"
#include "logbackup/inventory.hpp"
#include "logbackup/inventory_report.hpp"
#include "logbackup/ledger.hpp"
#include "logbackup/options.hpp"
#include "logbackup/progress.hpp"
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
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <optional>

namespace logbackup {
namespace {

/// Messages go to standard error, and with a time to the log file. The result is no message: see print().
std::shared_ptr<spdlog::logger> make_logger(const Options& options) {
    auto terminal = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
    terminal->set_pattern("logbackup: %^%l%$: %v");
    terminal->set_level(options.quiet ? spdlog::level::warn : spdlog::level::info);
    auto logger = std::make_shared<spdlog::logger>("logbackup", terminal);
    if (!options.log_file.empty() && options.kind == RunKind::tick) { // a dry run writes nothing
        try {
            auto file = std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.log_file);
            file->set_pattern("%Y-%m-%dT%H:%M:%S%z %l %v");
            logger->sinks().push_back(std::move(file));
        } catch (const spdlog::spdlog_ex&) {
            throw Error("cannot open the log file " + in_quotes(options.log_file) + ": " + error_text(errno));
        }
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

/// A Report or an Inventory, as the options ask for it.
template <typename Result, typename Detail>
void print(const Result& result, const Options& options, Detail detail) {
    const bool coloured = ::isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
    if (options.json)
        print(json(result));
    else if (!options.quiet)
        print(table(result, coloured ? Colour::yes : Colour::no, detail));
}

int exit_code(const Report& report, StopSignal& stop, spdlog::logger& log) {
    if (stop.requested()) {
        const auto signal = stop.signal();
        log.error(signal ? "stopped by signal " + std::to_string(*signal) + " (" + ::strsignal(*signal) + ")"
                         : std::string("stopped by --max-duration") +
                               "; what is saved is valid, the next run goes on from it");
        if (signal)
            return 128 + *signal;
    }
    return static_cast<int>(report.has_failures() || stop.requested() ? ExitCode::partial
                                                                      : ExitCode::complete);
}

int run_backup(const Options& options, spdlog::logger& log) {
    StopSignal stop(options.max_duration);
    const bool dry = options.kind != RunKind::tick;
    TickContext context{options, stop, -1, -1, std::chrono::system_clock::now(), {}, {}, {}, {}, {}};
    context.docker = require_program(options.docker, "--docker", "docker.io");
    context.rsync = dry ? std::string() : require_program(options.rsync, "--rsync", "rsync");
    const UniqueFd root = dry ? find_backup_root(options.backup_root) : open_backup_root(options.backup_root);
    if (!root && options.kind == RunKind::verify)
        throw Error("no backup at " + in_quotes(options.backup_root), "name its directory with --dest");
    std::optional<LockFile> lock;
    if (!dry) {
        const UniqueFd state = open_directory(root.get(), state_directory);
        lock = LockFile::try_acquire(state.get(), "lock");
        if (!lock) {
            // No more than information: on a long first backup cron would send a mail every minute.
            log.info("another run is working on {}", in_quotes(options.backup_root));
            return static_cast<int>(ExitCode::busy);
        }
        context.lock = lock->fd();
    }
    context.root = root.get();
    if (root)
        context.previous = last_complete_tick(root.get());
    context.notice = [&](const std::string& text) { log.info(text); };
    const bool show_progress = !options.quiet && !options.json;
    context.start_progress = [&](std::uint64_t total) {
        return show_progress ? progress_line(total) : Progress();
    };

    const Report report = run_tick(context);
    end_progress_line();
    print(report, options, options.verbose ? Detail::files : Detail::containers);
    for (const auto& notice : report.notices)
        log.info(notice);
    for (const auto& line : failure_lines(report))
        log.error(line);
    if (log.sinks().size() > 1) { // the terminal has it on standard output
        auto to_file = [&](const std::string& line) {
            log.sinks()[1]->log(spdlog::details::log_msg(log.name(), spdlog::level::info, line));
        };
        for (const auto& missed : report.missed)
            to_file(missed_line(missed));
        to_file(summary(report));
    }
    const int code = exit_code(report, stop, log);
    if (lock && !stop.requested() && !has_filter(options)) {
        try {
            note_complete_tick(root.get(), context.now);
        } catch (const Error& error) { // the report stands
            log.error(error.what());
            return static_cast<int>(ExitCode::partial);
        }
    }
    return code;
}

int run_list(const Options& options, spdlog::logger& log) {
    const UniqueFd root = find_backup_root(options.backup_root);
    if (!root)
        throw Error("no backup at " + in_quotes(options.backup_root), "name its directory with --dest");
    const Inventory inventory = take_inventory(root.get(), options);
    if (has_filter(options) && inventory.instances.empty() && inventory.problems.empty())
        throw Error("no log directory matches --service, --pod, --namespace, --container or --coverage",
                    "'logbackup list' without them lists all log directories");
    print(inventory, options, options.verbose ? InventoryDetail::paths : InventoryDetail::lines);
    for (const auto& problem : inventory.problems)
        log.error(problem);
    return static_cast<int>(inventory.problems.empty() ? ExitCode::complete : ExitCode::partial);
}

int run_logged(const Options& options, spdlog::logger& log) {
    switch (options.kind) {
    case RunKind::tick:
    case RunKind::dry_run:
    case RunKind::verify: break;
    case RunKind::list: return run_list(options, log);
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
