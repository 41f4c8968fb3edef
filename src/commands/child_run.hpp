// SPDX-License-Identifier: MIT
#pragma once

#include "commands/session.hpp"
#include "logbackup/held.hpp"
#include "logbackup/report.hpp"
#include "util/unique_fd.hpp"

#include <spdlog/fwd.h>
#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <vector>

namespace logbackup {

/// A run that a follower makes in a child process. The child inherits all that is held, works as a run
/// without a follower does, and ends. So nothing that a run waits for keeps the follower from listening.
class ChildRun {
  public:
    using Clock = std::chrono::steady_clock;

    enum class Kind {
        first,   ///< the one that was asked for, with its report
        between, ///< saves what would be lost; the next run reports it
        last,    ///< before the follower ends
    };
    struct Ended {
        Kind kind = Kind::first;
        int code = 0;
        Clock::time_point begun{};
        HeldLogs given; ///< to the run
        std::optional<std::vector<HeldOutcome>>
            outcomes; ///< of the directories in `given`; none if it failed
    };

    ChildRun(const Options& options, spdlog::logger& log) : options_(options), log_(log) {}

    /// Begins a run. `complete` is called in the child, to fill in what the run needs. Returns false, with
    /// errno set, if there can be no child.
    [[nodiscard]] bool begin(Kind kind, HeldLogs given, const std::function<void(Session&)>& complete);
    [[nodiscard]] bool is_running() const noexcept { return child_ != 0; }
    /// Tells a running one to stop.
    void stop() const;
    /// Returns what became of the run, once, when it has ended. SIGCHLD tells when.
    [[nodiscard]] std::optional<Ended> reap();

  private:
    [[noreturn]] void work(const std::function<void(Session&)>& complete);
    void write_outcomes(const Report& report) const;

    const Options& options_;
    spdlog::logger& log_;
    pid_t child_ = 0;
    Ended run_;         ///< the last one
    UniqueFd outcomes_; ///< one byte for each log directory in `given`, and one more
};

} // namespace logbackup
