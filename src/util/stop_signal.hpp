// SPDX-License-Identifier: MIT
#pragma once

#include "util/unique_fd.hpp"

#include <chrono>
#include <optional>

namespace logbackup {

/// Tells a run to end early, because of a signal or its time limit.
///
/// The constructor blocks SIGTERM, SIGINT, SIGHUP and SIGCHLD for the process and receives them through a
/// signalfd(2), so there is no signal handler. It resets an inherited SIGCHLD=ignore, which would lose exit
/// statuses, and ignores SIGPIPE. Make one object per process, before the first child.
class StopSignal {
  public:
    /// Without a limit the run may last forever. If a system call never returns, so that the process cannot
    /// notice that the limit has passed, SIGALRM ends it a minute later. Throws Error when the kernel
    /// provides no signalfd.
    explicit StopSignal(std::optional<std::chrono::milliseconds> limit = std::nullopt);
    StopSignal(const StopSignal&) = delete;
    StopSignal& operator=(const StopSignal&) = delete;
    /// Cancels the alarm: SIGALRM no longer ends the process.
    ~StopSignal();

    /// True once a stop signal has arrived or the limit has passed. Stays true. Costs one system call.
    [[nodiscard]] bool requested();
    /// The signal that arrived, if any. Only requested() and wait functions check for new ones.
    [[nodiscard]] std::optional<int> signal() const noexcept { return signal_; }
    /// The time at which the limit passes.
    [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> deadline() const noexcept {
        return deadline_;
    }
    /// Readable when any of the four signals is pending: poll(2) it, then call requested().
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  private:
    UniqueFd fd_;
    std::optional<int> signal_;
    std::optional<std::chrono::steady_clock::time_point> deadline_;
};

} // namespace logbackup
