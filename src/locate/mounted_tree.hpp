// SPDX-License-Identifier: MIT
#pragma once

#include "util/mount_table.hpp"
#include "util/text.hpp"
#include "util/unique_fd.hpp"

#include <cstddef>
#include <set>
#include <string>
#include <vector>

namespace logbackup {

/// Whether file systems that may not answer are used.
enum class NetworkVolumes { untouched, used };

/// A tree of directories as the kernel shows it, the host's or that of a container's process, with a table of
/// what is mounted in it. Paths are resolved in it one component at a time by descriptor, as openat2(2) does
/// it with RESOLVE_IN_ROOT: a link never leads out, ".." never above the root. A file system that may not
/// answer is not touched unless asked for, and then only after a child process has seen it answer; one of the
/// kernel's own is not entered.
class MountedTree {
  public:
    /// `root` must lie on the mount `root_mount`. `dead` are the devices that did not answer: it is for all
    /// trees of a tick, so that none is waited for twice.
    MountedTree(UniqueFd root, int root_mount, MountTable table, NetworkVolumes network,
                std::set<std::string>& dead)
        : root_(std::move(root)), root_mount_(root_mount), table_(std::move(table)), network_(network),
          dead_(&dead) {}

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
        bool remote = false; ///< it lies on a file system that may not answer
        std::string reason;  ///< why not, safe to print
    };
    [[nodiscard]] Place open(const std::string& path, Timestamp links_since = {});

    /// Why a directory cannot be read without the mounts below it; empty where nothing special is mounted.
    [[nodiscard]] std::string problem_below(const std::string& path) const;

  private:
    struct Step;
    enum class Touch { ordinary, remote };
    [[nodiscard]] Place walk(const std::string& path, Timestamp links_since, Touch touch, int& refused) const;
    [[nodiscard]] bool does_answer(const std::string& path) const;

    UniqueFd root_;
    int root_mount_;
    MountTable table_;
    NetworkVolumes network_;
    std::set<std::string>* dead_;
};

} // namespace logbackup
