// SPDX-License-Identifier: MIT
#pragma once

#include "locate/mounted_tree.hpp"
#include "util/watchdog.hpp"

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace logbackup {

/// The paths of volumes on the host, for the containers of one tick.
class HostPaths {
  public:
    /// A path on the host, and the place without links where it led while a container was running.
    using Seen = std::pair<std::string, std::string>;

    /// `deadline` is when a run must have ended that waits for a file system that has ceased to answer.
    HostPaths(NetworkVolumes network, std::set<Seen> seen,
              std::optional<std::chrono::steady_clock::time_point> deadline = std::nullopt)
        : network_(network), seen_(std::move(seen)), watchdog_(deadline) {}

    HostPaths(const HostPaths&) = delete;
    HostPaths& operator=(const HostPaths&) = delete;
    ~HostPaths() = default;

    [[nodiscard]] NetworkVolumes network() const noexcept { return network_; }
    /// Devices that did not answer.
    [[nodiscard]] std::set<std::string>& dead() noexcept { return dead_; }
    [[nodiscard]] bool was_seen(const std::string& path, const std::string& place) const {
        return seen_.contains({path, place});
    }
    /// As MountedTree::open(), from the root of this process's mount namespace as it is at the first call.
    [[nodiscard]] MountedTree::Place open(const std::string& path, Timestamp links_since = {});
    /// As MountedTree::problem_below().
    [[nodiscard]] std::string problem_below(const std::string& path);

    /// To be called with what is going to be read although it may not answer.
    void watch(const std::string& path) { watchdog_.watch(path); }

  private:
    MountedTree* tree();

    NetworkVolumes network_;
    std::set<Seen> seen_;
    std::set<std::string> dead_;
    std::optional<MountedTree> tree_;
    Watchdog watchdog_;
    std::string why_not_;
};

} // namespace logbackup
