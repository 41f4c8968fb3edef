// SPDX-License-Identifier: MIT
#pragma once

#include "commands/session.hpp"
#include "logbackup/options.hpp"
#include "logbackup/report.hpp"

#include <spdlog/fwd.h>

#include <optional>

/// The commands of the program, one a file. Each returns the exit code, and throws Error when nothing could
/// be done.
namespace logbackup {

/// One run. With --follow it goes on as run_following().
int run_save(const Options& options, spdlog::logger& log);
/// One run, and then follows the containers until the time of --follow is over or the next run takes over.
int run_following(const Options& options, spdlog::logger& log);
int run_dry_run(const Options& options, spdlog::logger& log);
int run_verify(const Options& options, spdlog::logger& log);
int run_prune(const Options& options, spdlog::logger& log);
int run_list(const Options& options, spdlog::logger& log);
int run_grep(const Options& options, spdlog::logger& log);
int run_check(const Options& options);
int run_config(const Options& options);

/// One run: brings the backup up to date. A problem with one container is in the report and does not stop the
/// others. Throws Error when nothing can be done. The session's backup must be open for writing.
[[nodiscard]] Report save(const Session& session);

/// Reports the busy backup as information, because on a long first backup cron would send a mail every
/// minute. Warns only if that goes on for long. Returns the exit code.
int tell_busy(const Session& session, spdlog::logger& log);

/// Opens the backup, unless the session has its lock, saves, tells, and writes the metrics. `report` is set
/// as soon as there is one. Returns the exit code.
int save_and_monitor(Session& session, std::optional<Report>& report, spdlog::logger& log);

/// Returns what save() would do. Changes nothing.
[[nodiscard]] Report dry_run(const Session& session);

/// Compares each saved file of the existing log directories with its source, byte for byte: a thorough plan
/// that nobody carries out. A row's failures are differences; its `unsettled` are files that changed after
/// the last run. Changes nothing.
[[nodiscard]] Report verify(const Session& session);

} // namespace logbackup
