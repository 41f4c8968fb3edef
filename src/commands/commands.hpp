// SPDX-License-Identifier: MIT
#pragma once

#include "commands/session.hpp"
#include "logbackup/options.hpp"
#include "logbackup/report.hpp"

#include <spdlog/fwd.h>

/// The commands of the program, one a file. Each returns the exit code, and throws Error when nothing could
/// be done.
namespace logbackup {

int run_save(const Options& options, spdlog::logger& log);
int run_dry_run(const Options& options, spdlog::logger& log);
int run_verify(const Options& options, spdlog::logger& log);
int run_prune(const Options& options, spdlog::logger& log);
int run_list(const Options& options, spdlog::logger& log);
int run_check(const Options& options);
int run_config(const Options& options);

/// One run: brings the backup up to date. A problem with one container is in the report and does not stop the
/// others. Throws Error when nothing can be done. The session's backup must be open for writing.
[[nodiscard]] Report save(const Session& session);

/// Returns what save() would do. Changes nothing.
[[nodiscard]] Report dry_run(const Session& session);

/// Compares each saved file of the existing log directories with its source, byte for byte: a thorough plan
/// that nobody carries out. A row's failures are differences; its `unsettled` are files that changed after
/// the last run. Changes nothing.
[[nodiscard]] Report verify(const Session& session);

} // namespace logbackup
