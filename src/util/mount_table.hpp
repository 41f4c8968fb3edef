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
    std::string point; ///< where
    std::string type;  ///< of file system; empty when the line does not say
    int id = 0;        ///< as in fdinfo, "mnt_id"
    int parent = 0;    ///< id of the mount that it is mounted on
};

[[nodiscard]] std::vector<MountInfo> parse_mountinfo(std::string_view text);

enum class FileSystem {
    ordinary,
    /// Somebody else answers, over a network or from user space, and may not: a system call there can last
    /// for ever. Automount points count: to touch one mounts such a file system.
    may_not_answer,
    /// The kernel's own, as /proc: has no logs, and shows to root what is no container's.
    of_the_kernel,
};
[[nodiscard]] FileSystem file_system(std::string_view type);

/// All mounts of a namespace, to tell what is mounted on a path without touching it.
class MountTable {
  public:
    explicit MountTable(std::vector<MountInfo> mounts);

    /// What lies uppermost on the place `point` of the mount `parent`; nullptr where nothing does.
    [[nodiscard]] const MountInfo* covering(int parent, const std::string& point) const;
    /// The first mount below a directory that is no ordinary one; nullptr when there is none.
    [[nodiscard]] const MountInfo* first_special_below(const std::string& path) const;
    [[nodiscard]] const MountInfo* by_id(int id) const;

  private:
    std::vector<MountInfo> mounts_;
    std::map<std::string, std::vector<std::size_t>> by_point_;
};

/// Of a process, given by a descriptor of its /proc/<pid>. Nothing, with errno, when it cannot be read.
[[nodiscard]] std::optional<MountTable> read_mount_table(int process);

/// The id of the mount that a descriptor is on; nothing when the kernel does not tell.
[[nodiscard]] std::optional<int> mount_id(int held);

} // namespace logbackup
