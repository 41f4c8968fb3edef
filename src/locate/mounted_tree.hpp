// SPDX-License-Identifier: MIT
#pragma once

#include "util/mount_table.hpp"
#include "util/text.hpp"
#include "util/unique_fd.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace logbackup {

/// A directory tree as the kernel shows it, of the host or of a container's process, with its mount table.
/// Resolves paths one component at a time by descriptor, as openat2(2) does with RESOLVE_IN_ROOT: a link
/// never leads out, and ".." never above the root. Does not touch a file system that may not answer, and does
/// not enter a kernel file system.
class MountedTree {
  public:
    /// `root` must lie on the mount `root_mount`.
    MountedTree(UniqueFd root, int root_mount, MountTable table)
        : root_(std::move(root)), root_mount_(root_mount), table_(std::move(table)) {}

    /// Returns whether a path, which is absolute and without links, is not to be opened.
    using LeftOut = std::function<bool(const std::string& path)>;
    void leave_out(LeftOut left_out) { left_out_ = std::move(left_out); }

    /// The symbolic links that were on the way.
    enum class Links {
        none,
        /// Neither the links nor the directories above them changed since the given time, or they lie in
        /// "/var" or "/var/lib" and only root can write there.
        old,
        changed,
    };
    enum class Ended { arrived, missing, failed, refused };
    struct Place {
        Ended ended = Ended::failed;
        UniqueFd held;    ///< O_PATH descriptor of anything but a symbolic link, if `ended` is `arrived`
        std::string path; ///< path without links and leading slash; if refused, the mount point
        Links links = Links::none;
        std::string reason; ///< why the path was not opened, safe to print
        int error = 0;      ///< the same as an errno value, unless refused
        bool is_nowhere =
            false; ///< no log is to be read there: it is the kernel's, a loop of links, left out
        bool is_left_out = false;      ///< refused because of leave_out()
        std::size_t names_missing = 0; ///< if missing: how many names at the end of the path do not exist
    };
    /// Returns what open() says of a path that is left out.
    [[nodiscard]] static Place left_out(const std::string& path);
    [[nodiscard]] Place open(const std::string& path, Timestamp links_since = {}) const;

    /// Returns why a directory cannot be read without the mounts below it; "" if no special file system is
    /// mounted there.
    [[nodiscard]] std::string problem_below(const std::string& path) const;

  private:
    struct Step;
    [[nodiscard]] static bool is_of_the_host(const std::vector<Step>& steps);

    UniqueFd root_;
    int root_mount_;
    MountTable table_;
    LeftOut left_out_;
};

} // namespace logbackup
