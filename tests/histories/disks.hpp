// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>

namespace logbackup::test {

enum class DiskKind {
    memory, ///< two tmpfs
    ext4,   ///< one, in a file: inode numbers come again, blocks hold 1 KiB
};

/// A disk for the logs and a small one for the backup, mounted where only this process sees them.
class Disks {
  public:
    explicit Disks(DiskKind kind);
    Disks(const Disks&) = delete;
    Disks& operator=(const Disks&) = delete;
    ~Disks();

    /// The log directory, which exists, and the backup root, which need not.
    [[nodiscard]] std::string logs() const { return place_ + "/logs/opt"; }
    [[nodiscard]] std::string backup() const { return place_ + "/backup/root"; }
    /// For the rest of a container's file system: its layers "own" and "image".
    [[nodiscard]] std::string layers() const { return place_ + "/layers"; }

    /// Empties both.
    void clear() const;
    /// Leaves the backup no more than this, also while others write to it; only in memory.
    void leave(std::size_t bytes, std::size_t inodes) const;
    void leave_enough() const;

  private:
    /// Whether the kernel took these limits. It does not when more is used than a moment ago: EINVAL.
    [[nodiscard]] bool limit_to_used_and(std::size_t bytes, std::size_t inodes) const;

    DiskKind kind_;
    std::string place_;
};

} // namespace logbackup::test
