// SPDX-License-Identifier: MIT
#include "commands/app.hpp"

#include "commands/commands.hpp"
#include "commands/output.hpp"
#include "config/options.hpp"
#include "logbackup/exit_code.hpp"
#include "report/progress.hpp"
#include "util/descriptors.hpp"
#include "util/error.hpp"
#include "util/priority.hpp"
#include "util/text.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <memory>

namespace logbackup {
namespace {

int run_logged(const Options& options, spdlog::logger& log) {
    switch (options.kind) {
    case RunKind::save: return run_save(options, log);
    case RunKind::dry_run: return run_dry_run(options, log);
    case RunKind::verify: return run_verify(options, log);
    case RunKind::list: return run_list(options, log);
    case RunKind::prune:
    case RunKind::prune_dry_run: return run_prune(options, log);
    case RunKind::check: return run_check(options);
    case RunKind::config: return run_config(options);
    case RunKind::grep: return run_grep(options, log);
    }
    return static_cast<int>(ExitCode::impossible);
}

/// A search has exit codes of its own, as grep(1) has.
ExitCode nothing_done(const Options& options) {
    return options.kind == RunKind::grep ? ExitCode::not_searched : ExitCode::impossible;
}

/// Returns the exit code of a run, or an error code if its output could not be written.
int with_output(int code, ExitCode if_not = ExitCode::impossible) {
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0)
        return code;
    std::fputs("logbackup: error: cannot write the output\n", stderr);
    return code == 0 ? static_cast<int>(if_not) : code;
}

} // namespace

int run_app(int argc, const char* const* argv) {
    raise_descriptor_limit();
    ::umask(027);
    // Opens closed standard descriptors. Otherwise the next file opened would take their place.
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
        return with_output(ended.code);
    }
    std::shared_ptr<spdlog::logger> log;
    try {
        log = make_logger(*options);
        if (options->follow.count() == 0) // a follower hardly works, and must be in time: its runs give way
            give_way(options->nice, options->io_priority);
        return with_output(run_logged(*options, *log), nothing_done(*options));
    } catch (const std::exception& error) {
        end_progress_line();
        if (!log)
            log = make_logger(Options{});
        const auto* expected = dynamic_cast<const Error*>(&error);
        if (expected == nullptr)
            log->error("internal error: " + escaped(error.what()));
        else
            log_error(*log, *expected);
        return static_cast<int>(nothing_done(*options));
    }
}

} // namespace logbackup
