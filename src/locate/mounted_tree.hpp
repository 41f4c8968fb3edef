// SPDX-License-Identifier: MIT
#pragma once

#include "util/mount_table.hpp"
#include "util/text.hpp"
#include "util/unique_fd.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace logbackup {

/// A tree of directories as the kernel shows it, the host's or that of a container's process, with a table of
/// what is mounted in it. Paths are resolved in it one component at a time by descriptor, as openat2(2) does
/// it with RESOLVE_IN_ROOT: a link never leads out, ".." never above the root. A file system that may not
/// answer is not touched, one of the kernel's own is not entered.
class MountedTree {
  public:
    /// `root` must lie on the mount `root_mount`.
    MountedTree(UniqueFd root, int root_mount, MountTable table)
        : root_(std::move(root)), root_mount_(root_mount), table_(std::move(table)) {}

    /// Whether symbolic links were on the way.
    enum class Links {
        none,
        old, ///< neither they nor the directories above them were changed since the given time
        changed,
    };
    enum class Ended { arrived, missing, failed, refused };
    struct Place {
        Ended ended = Ended::failed;
        UniqueFd held;    ///< O_PATH, when it arrived; anything but a symbolic link
        std::string path; ///< without links and leading slash; of what was refused: the mount point
        Links links = Links::none;
        std::string reason; ///< why not, safe to print
    };
    [[nodiscard]] Place open(const std::string& path, Timestamp links_since = {}) const;

    /// Why a directory cannot be read without the mounts below it; empty where nothing special is mounted.
    [[nodiscard]] std::string problem_below(const std::string& path) const;

  private:
    struct Step;

    UniqueFd root_;
    int root_mount_;
    MountTable table_;
};

} // namespace logbackup
