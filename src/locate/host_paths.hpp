// SPDX-License-Identifier: MIT
#pragma once

#include "locate/mounted_tree.hpp"

#include <optional>
#include <set>
#include <string>
#include <utility>

namespace logbackup {

/// Resolves host paths of volumes for the containers of one run.
class HostPaths {
  public:
    /// A host path, and the place without links where it led while a container was running.
    using Seen = std::pair<std::string, std::string>;

    explicit HostPaths(std::set<Seen> seen = {}) : seen_(std::move(seen)) {}

    HostPaths(const HostPaths&) = delete;
    HostPaths& operator=(const HostPaths&) = delete;
    ~HostPaths() = default;

    [[nodiscard]] bool was_seen(const std::string& path, const std::string& place) const {
        return seen_.contains({path, place});
    }
    /// Like MountedTree::open(), from the root of this process's mount namespace as it was at the first call.
    [[nodiscard]] MountedTree::Place open(const std::string& path, Timestamp links_since = {});
    /// Like MountedTree::problem_below().
    [[nodiscard]] std::string problem_below(const std::string& path);

  private:
    MountedTree* tree();

    std::set<Seen> seen_;
    std::optional<MountedTree> tree_;
    std::string why_not_;
};

} // namespace logbackup
