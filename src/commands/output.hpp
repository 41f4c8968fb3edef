// SPDX-License-Identifier: MIT
#pragma once

#include "commands/session.hpp"
#include "logbackup/options.hpp"
#include "report/list_report.hpp"
#include "report/prune_report.hpp"
#include "report/save_report.hpp"
#include "util/error.hpp"
#include "util/stop_signal.hpp"

#include <spdlog/spdlog.h>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

/// Output and log of the commands.
namespace logbackup {

/// Creates the logger. Messages go to standard error, and with a time to the log file. The result of a
/// command is not a message: see print().
std::shared_ptr<spdlog::logger> make_logger(const Options& options);

/// Returns a function that logs a warning.
std::function<void(const std::string&)> warn_by(spdlog::logger& log);

void print(const std::string& text);
bool is_coloured();

/// Prints a Report, an Inventory or a PruneReport in the form that the options ask for.
template <typename Result, typename Detail>
void print(const Result& result, const Options& options, Detail detail) {
    if (options.json)
        print(json(result));
    else if (!options.quiet)
        print(table(result, is_coloured() ? Colour::yes : Colour::no, detail));
}

/// Prints the report of a run, and logs its problems. What limits leave out is a warning, but only
/// information if its key is in `told`: then the last runs said it.
void tell(const Report& report, const Options& options, spdlog::logger& log,
          const std::set<std::string>& told = {});

/// Logs an error, with its hint if it has one.
void log_error(spdlog::logger& log, const Error& error);

/// Logs the result, which the terminal shows on standard output, to the log file and the system log.
void log_result(spdlog::logger& log, const std::vector<std::string>& lines);

/// Returns the path of a program. Throws Error when it is not installed.
std::string require_program(const std::string& name, const char* option, const char* package);

/// Gives a session the runtime, and a way to tell what is not a problem. Throws Error when the runtime's
/// client is not installed.
void prepare(Session& session, spdlog::logger& log);

/// Returns the exit code, and logs why the run was stopped.
int exit_code(bool has_failures, StopSignal& stop, spdlog::logger& log);

} // namespace logbackup
