// SPDX-License-Identifier: MIT
#include "commands/output.hpp"

#include "config/runtime_settings.hpp"
#include "logbackup/exit_code.hpp"
#include "report/cause_lines.hpp"
#include "report/progress.hpp"
#include "util/error.hpp"
#include "util/process.hpp"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/syslog_sink.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

namespace logbackup {
namespace {

bool writes(const Options& options) {
    return options.kind == RunKind::save || options.kind == RunKind::prune;
}

/// Says once, on standard error, that lines are lost: the log file cannot say so itself.
void tell_lost_lines(const std::string& why) {
    static bool is_told = false;
    if (!std::exchange(is_told, true))
        std::fputs(("logbackup: error: lines of the log file are lost: " + escaped(why) + "\n").c_str(),
                   stderr);
}

} // namespace

std::shared_ptr<spdlog::logger> make_logger(const Options& options) {
    auto terminal = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
    terminal->set_pattern("logbackup: %^%l%$: %v");
    terminal->set_level(options.quiet ? spdlog::level::warn : spdlog::level::info);
    auto logger = std::make_shared<spdlog::logger>("logbackup", terminal);
    if (!writes(options)) // a dry run writes nothing
        return logger;
    if (!options.log_file.empty()) {
        try {
            const auto above = std::filesystem::path(options.log_file).parent_path();
            struct stat status {};
            if (!above.empty() && ::stat(above.c_str(), &status) != 0) // spdlog would make it
                throw spdlog::spdlog_ex("no directory", errno);
            auto file = std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.log_file);
            file->set_pattern("%Y-%m-%dT%H:%M:%S%z %l %v");
            logger->sinks().push_back(std::move(file));
            logger->flush_on(spdlog::level::trace); // a full disk shows only then
            logger->set_error_handler(tell_lost_lines);
        } catch (const spdlog::spdlog_ex&) {
            throw Error("cannot open the log file " + in_quotes(options.log_file) + ": " + error_text(errno));
        }
    }
    if (options.syslog) {
        static constexpr bool formatted = false; // syslog adds the time and the level itself
        logger->sinks().push_back(
            std::make_shared<spdlog::sinks::syslog_sink_mt>("logbackup", LOG_PID, LOG_DAEMON, formatted));
    }
    return logger;
}

std::function<void(const std::string&)> warn_by(spdlog::logger& log) {
    return [&log](const std::string& text) { log.warn(text); };
}

void tell(const Report& report, const Options& options, spdlog::logger& log,
          const std::set<std::string>& told) {
    end_progress_line();
    print(report, options, options.verbose ? Detail::files : Detail::containers);
    for (const auto& warning : report.warnings)
        log.warn(warning);
    for (const auto& notice : report.notices)
        log.info(notice);
    for (const auto& [key, text] : limit_lines(report))
        log.log(told.contains(key) ? spdlog::level::info : spdlog::level::warn, text);
    if (options.verbose)
        for (const auto& line : failure_lines(report))
            log.error(line);
    else
        for (const auto& cause : cause_lines(report))
            log.log(told.contains(cause.key) ? spdlog::level::info : spdlog::level::err, cause.line);
    auto lines = deleted_lines(report.pruned);
    for (const auto& missed : report.missed)
        lines.push_back(missed_line(missed));
    lines.push_back(summary(report));
    log_result(log, lines);
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
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}

bool is_coloured() {
    return ::isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
}

void log_error(spdlog::logger& log, const Error& error) {
    log.error(error.with_hint());
}

void log_result(spdlog::logger& log, const std::vector<std::string>& lines) {
    for (std::size_t i = 1; i < log.sinks().size(); ++i)
        try {
            for (const auto& line : lines)
                log.sinks()[i]->log(spdlog::details::log_msg(log.name(), spdlog::level::info, line));
            log.sinks()[i]->flush();
        } catch (const spdlog::spdlog_ex& error) {
            tell_lost_lines(error.what());
        }
}

void prepare(Session& session, spdlog::logger& log) {
    const RuntimeSettings settings = runtime_settings(session.options);
    session.descriptions = std::make_shared<Descriptions>();
    session.runtime = runtime_of(find_runtimes(settings), settings, session.descriptions);
    session.tell = [&log](const std::string& text) { log.info(text); };
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

} // namespace logbackup
