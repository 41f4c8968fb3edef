// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace logbackup {

/// One line of /proc/<pid>/mountinfo (proc_pid_mountinfo(5)).
struct MountInfo {
    std::string point; ///< mount point
    std::string type;  ///< file system type; empty if the line does not contain it
    int id = 0;        ///< mount id; the same as "mnt_id" in fdinfo
    int parent = 0;    ///< id of the parent mount
};

[[nodiscard]] std::vector<MountInfo> parse_mountinfo(std::string_view text);

enum class FileSystem {
    ordinary,
    /// A network or user-space server answers system calls, and may never do so: a call can hang forever.
    /// Includes automount points, because touching one mounts such a file system.
    may_not_answer,
    /// A kernel file system such as /proc. It has no logs, and shows root data that does not belong to the
    /// container.
    of_the_kernel,
};
[[nodiscard]] FileSystem file_system(std::string_view type);

/// All mounts of a namespace. Finds what is mounted on a path without touching that path.
class MountTable {
  public:
    explicit MountTable(std::vector<MountInfo> mounts);

    /// Returns the topmost mount on the place `point` of the mount `parent`; nullptr if there is none.
    [[nodiscard]] const MountInfo* covering(int parent, const std::string& point) const;
    /// Returns the first mount below a directory whose file system is not ordinary; nullptr if there is none.
    [[nodiscard]] const MountInfo* first_special_below(const std::string& path) const;
    [[nodiscard]] const MountInfo* by_id(int id) const;

  private:
    std::vector<MountInfo> mounts_;
    std::map<std::string, std::vector<std::size_t>> by_point_;
};

/// Reads the mount table of a process, given a descriptor of its /proc/<pid>. Returns nothing, with errno, on
/// failure.
[[nodiscard]] std::optional<MountTable> read_mount_table(int process);

/// Returns the id of the mount that a descriptor is on; nothing if the kernel does not report it.
[[nodiscard]] std::optional<int> mount_id(int held);

} // namespace logbackup
