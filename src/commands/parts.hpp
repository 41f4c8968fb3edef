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

/// What the commands of the program have in common, and those that are more than a few lines. Each gives the
/// exit code, and throws Error when nothing could be done.
namespace logbackup::app {

int run_backup(const Options& options, spdlog::logger& log);
int run_prune(const Options& options, spdlog::logger& log);

/// Messages go to standard error, and with a time to the log file. The result is no message: see print().
std::shared_ptr<spdlog::logger> make_logger(const Options& options);

void print(const std::string& text);
bool is_coloured();

/// A Report, an Inventory or a PruneReport, as the options ask for it.
template <typename Result, typename Detail>
void print(const Result& result, const Options& options, Detail detail) {
    if (options.json)
        print(json(result));
    else if (!options.quiet)
        print(table(result, is_coloured() ? Colour::yes : Colour::no, detail));
}

/// What the terminal has on standard output is for the log file and the system log.
void log_result(spdlog::logger& log, const std::vector<std::string>& lines);

std::string require_program(const std::string& name, const char* option, const char* package);

/// The clock as it was and is now; a run that writes notes it.
Clock see_clock(const Options& options, int root, Timestamp now);

/// Throws Error when the backup is not where --require-mount wants it.
void examine_place(const Options& options);

/// Throws Error when the backup belongs to another host. A run writes down whose it is where that is missing,
/// and says so when the backup is new. Gives what it is for claim_engine(). Needs the lock.
BackupIdentity claim_backup(int root, const Options& options, spdlog::logger& log);
/// The same for the engine, once its containers are known.
void claim_engine(const BackupIdentity& identity, const TickContext& context,
                  const std::vector<Container>& containers);

int exit_code(bool has_failures, StopSignal& stop, spdlog::logger& log);

} // namespace logbackup::app
