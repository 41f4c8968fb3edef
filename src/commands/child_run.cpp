// SPDX-License-Identifier: MIT
#include "commands/child_run.hpp"

#include "commands/commands.hpp"
#include "commands/output.hpp"
#include "logbackup/exit_code.hpp"
#include "util/error.hpp"
#include "util/priority.hpp"

#include <spdlog/sinks/sink.h>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>
#include <utility>

namespace logbackup {
namespace {

/// Returns the options of all runs but the first: the next reported run tells what they did.
Options silent(Options options) {
    options.quiet = true;
    options.json = options.verbose = false;
    options.metrics.clear();
    return options;
}

} // namespace

bool ChildRun::begin(Kind kind, HeldLogs given, const std::function<void(Session&)>& complete) {
    run_ = {kind, 0, Clock::now(), std::move(given), {}};
    outcomes_ = UniqueFd(::memfd_create("outcomes", MFD_CLOEXEC));
    log_.flush();
    std::fflush(stdout);
    const pid_t child = ::fork();
    if (child == 0)
        work(complete);
    child_ = child < 0 ? 0 : child;
    return child > 0;
}

/// The child: a run as any other, which knows what is held.
void ChildRun::work(const std::function<void(Session&)>& complete) {
    int code = static_cast<int>(ExitCode::impossible);
    try {
        give_way(options_.nice, options_.io_priority);
        const Options options = run_.kind == Kind::first ? options_ : silent(options_);
        if (run_.kind == Kind::between) // the next regular run reports
            log_.sinks().front()->set_level(spdlog::level::off);
        StopSignal stop(options.max_duration);
        Session session{options, stop, std::chrono::system_clock::now()};
        session.held = &run_.given;
        session.is_between = run_.kind != Kind::first;
        complete(session);
        std::optional<Report> report;
        code = save_and_monitor(session, report, log_);
        if (report)
            write_outcomes(*report);
    } catch (const Error& error) {
        log_error(log_, error);
    } catch (const std::exception& error) {
        log_.error(error.what());
    }
    log_.flush();
    std::fflush(stdout);
    ::_exit(code);
}

void ChildRun::write_outcomes(const Report& report) const {
    std::string text;
    for (const auto& outcome : report.held)
        text += outcome.compared ? 'c' : outcome.saved ? 's' : '-';
    text += '.';
    [[maybe_unused]] const auto written = ::write(outcomes_.get(), text.data(), text.size());
}

void ChildRun::stop() const {
    if (child_ != 0)
        ::kill(child_, SIGTERM);
}

std::optional<ChildRun::Ended> ChildRun::reap() {
    int status = 0;
    if (child_ == 0 || ::waitpid(child_, &status, WNOHANG) != child_)
        return std::nullopt;
    child_ = 0;
    run_.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    std::string text(run_.given.directories.size() + 1, '-');
    const auto got = ::pread(outcomes_.get(), text.data(), text.size(), 0);
    if (got == static_cast<ssize_t>(text.size())) {
        run_.outcomes.emplace();
        std::size_t i = 0;
        for (const auto& [id, directory] : run_.given.directories) {
            run_.outcomes->push_back({id, text[i] != '-', text[i] == 'c'});
            ++i;
        }
    }
    return std::exchange(run_, {});
}

} // namespace logbackup
