// SPDX-License-Identifier: MIT
#pragma once

#include "util/unique_fd.hpp"

#include <chrono>
#include <optional>

namespace logbackup {

/// Why a run has to end early: a signal, or its time limit.
///
/// The constructor blocks SIGTERM, SIGINT, SIGHUP and SIGCHLD for the process and receives them through a
/// signalfd(2), so there is no signal handler. It resets an inherited SIGCHLD=ignore, under which exit
/// statuses would be lost, and ignores SIGPIPE. One object per process, made before the first child.
class StopSignal {
  public:
    /// Without a limit the run may last for ever. Where the process does not get to notice that the limit has
    /// passed, because a system call never returns, SIGALRM ends it a minute later. Throws Error when the
    /// kernel has no signalfd to give.
    explicit StopSignal(std::optional<std::chrono::milliseconds> limit = std::nullopt);
    StopSignal(const StopSignal&) = delete;
    StopSignal& operator=(const StopSignal&) = delete;
    /// Whatever the process does afterwards, SIGALRM no longer ends it.
    ~StopSignal();

    /// True once a stop signal has arrived or the limit has passed. Stays true. Costs one system call.
    [[nodiscard]] bool requested();
    /// The signal that arrived, if any; only requested() and wait functions look for new ones.
    [[nodiscard]] std::optional<int> signal() const noexcept { return signal_; }
    /// The moment at which the limit passes.
    [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> deadline() const noexcept {
        return deadline_;
    }
    /// Readable when any of the four signals is pending: for poll(2), followed by requested().
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  private:
    UniqueFd fd_;
    std::optional<int> signal_;
    std::optional<std::chrono::steady_clock::time_point> deadline_;
};

} // namespace logbackup
