// SPDX-License-Identifier: MIT
#pragma once

#include "commands/app.hpp"
#include "commands/tick/tick.hpp"
#include "ledger/clock.hpp"
#include "ledger/identity.hpp"
#include "logbackup/options.hpp"
#include "report/list_report.hpp"
#include "report/prune_report.hpp"
#include "report/save_report.hpp"
#include "util/stop_signal.hpp"

#include <spdlog/spdlog.h>

#include <memory>
#include <string>
#include <vector>

/// The larger commands of the program, and what all commands share. Each command returns the exit code, and
/// throws Error when nothing could be done.
namespace logbackup::app {

int run_backup(const Options& options, spdlog::logger& log);
int run_prune(const Options& options, spdlog::logger& log);

/// Creates the logger. Messages go to standard error, and with a time to the log file. The result of a
/// command is not a message: see print().
std::shared_ptr<spdlog::logger> make_logger(const Options& options);

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

/// Logs the result, which the terminal shows on standard output, to the log file and the system log.
void log_result(spdlog::logger& log, const std::vector<std::string>& lines);

std::string require_program(const std::string& name, const char* option, const char* package);

/// Returns what earlier runs noted of the clock. A run that writes notes its own time.
ClockHistory see_clock(const Options& options, int root, Timestamp now);

/// Throws Error when the backup is not on the mount that --require-mount asks for.
void examine_place(const Options& options);

/// Throws Error when the backup belongs to another host. A run writes the identity if it is missing, and
/// reports a new backup. Returns the identity for claim_engine(). Caller must hold the lock.
BackupIdentity claim_backup(int root, const Options& options, spdlog::logger& log);
/// Like claim_backup(), for the engine. Call once the engine's containers are known.
void claim_engine(const BackupIdentity& identity, const TickContext& context,
                  const std::vector<Container>& containers);

int exit_code(bool has_failures, StopSignal& stop, spdlog::logger& log);

} // namespace logbackup::app
