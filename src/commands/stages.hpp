// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace logbackup {

/// Measures how long the stages of a run take.
class Stages {
  public:
    /// Ends the stage before and begins another one.
    void begin(const char* name) {
        end();
        seconds_.emplace_back(name, 0);
        begun_ = std::chrono::steady_clock::now();
        is_running_ = true;
    }
    void end() {
        if (is_running_)
            seconds_.back().second =
                std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count();
        is_running_ = false;
    }
    /// Returns the name of each stage and the seconds it took.
    [[nodiscard]] const std::vector<std::pair<std::string, double>>& seconds() const { return seconds_; }
    [[nodiscard]] std::chrono::duration<double> total() const {
        return std::chrono::steady_clock::now() - first_;
    }

  private:
    std::chrono::steady_clock::time_point first_ = std::chrono::steady_clock::now();
    std::chrono::steady_clock::time_point begun_ = first_;
    bool is_running_ = false;
    std::vector<std::pair<std::string, double>> seconds_;
};

} // namespace logbackup
