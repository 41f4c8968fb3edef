// SPDX-License-Identifier: MIT
#pragma once

#include "util/unique_fd.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <sys/types.h>

namespace logbackup {

/// Ends this process by SIGALRM when it is still there at a given time, waiting for a directory that does not
/// answer, and says on standard error which: a process that waits so cannot say it itself. It is a child
/// process, made when there is the first directory to watch, and ends with its parent.
class Watchdog {
  public:
    /// No moment means that nothing is watched.
    explicit Watchdog(std::optional<std::chrono::steady_clock::time_point> moment) : moment_(moment) {}
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;
    ~Watchdog();

    void watch(const std::string& directory);

  private:
    void start();

    std::optional<std::chrono::steady_clock::time_point> moment_;
    pid_t child_ = -1;
    UniqueFd to_child_;
};

} // namespace logbackup
