// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>

namespace logbackup {

/// What a run leaves free of the backup's file system: `bytes`, or if that is 0 a `fraction` of its size.
struct MinFree {
    std::uint64_t bytes = 0;
    double fraction = 0.05;
};

struct FreeSpace {
    std::uint64_t block = 1;           ///< bytes that a file takes at a time
    std::uint64_t bytes = 0;           ///< available to us
    std::uint64_t reserved_bytes = 0;  ///< of these
    std::uint64_t inodes = 0;          ///< where the file system has no limit, a very large number
    std::uint64_t reserved_inodes = 0; ///< of these: 1000, or 1 % of all where that is less,
                                       ///< and none where no bytes are reserved
};

/// Asks statvfs(3) about the file system of a directory (O_PATH will do). Nothing, with errno,
/// when it does not tell.
[[nodiscard]] std::optional<FreeSpace> free_space(int directory, const MinFree& min_free);

} // namespace logbackup
