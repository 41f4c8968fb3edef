// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>

namespace logbackup {

/// Space that a run leaves free on the backup's file system: `bytes`, or a `fraction` of its size if `bytes`
/// is 0.
struct MinFree {
    std::uint64_t bytes = 0;
    double fraction = 0;
};

struct FreeSpace {
    std::uint64_t block = 1;          ///< allocation unit of files, in bytes
    std::uint64_t bytes = 0;          ///< bytes available to us
    std::uint64_t reserved_bytes = 0; ///< part of `bytes` that a run must leave free
    std::uint64_t inodes = 0; ///< available inodes; a very large number if the file system has no limit
    /// Part of `inodes` that a run must leave free: 1000, or 1 % of all inodes if that is less. None if no
    /// bytes are reserved.
    std::uint64_t reserved_inodes = 0;
};

/// Queries statvfs(3) for the file system of a directory, which may be an O_PATH descriptor. Returns nothing,
/// with errno, if the file system does not answer.
[[nodiscard]] std::optional<FreeSpace> free_space(int directory, const MinFree& min_free);

} // namespace logbackup
