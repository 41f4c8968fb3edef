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

    /// `left_out` names the volumes that are not opened, see MountedTree::leave_out().
    explicit HostPaths(std::set<Seen> seen = {}, MountedTree::LeftOut left_out = {})
        : seen_(std::move(seen)), left_out_(std::move(left_out)) {}

    HostPaths(const HostPaths&) = delete;
    HostPaths& operator=(const HostPaths&) = delete;
    ~HostPaths() = default;

    /// True if a host path, or a directory above it, is left out. Opens nothing, so it follows no link.
    [[nodiscard]] bool leaves_out(const std::string& path) const;
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
    MountedTree::LeftOut left_out_;
    std::optional<MountedTree> tree_;
    std::string problem_;
};

} // namespace logbackup
