// SPDX-License-Identifier: MIT
#include "util/free_space.hpp"

#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <limits>

namespace logbackup {

std::optional<FreeSpace> free_space(int directory, const MinFree& min_free) {
    static constexpr std::uint64_t most_reserved_inodes = 1000;
    struct statvfs status {};
    if (::fstatvfs(directory, &status) != 0)
        return std::nullopt;
    if (status.f_blocks == 0) { // a user-space file system that does not report its space
        errno = EOPNOTSUPP;
        return std::nullopt;
    }
    const auto total = std::uint64_t{status.f_blocks} * status.f_frsize;
    FreeSpace space;
    space.block = std::max<std::uint64_t>(1, status.f_frsize);
    space.bytes = std::uint64_t{status.f_bavail} * status.f_frsize;
    space.reserved_bytes = min_free.bytes > 0
                               ? min_free.bytes
                               : static_cast<std::uint64_t>(static_cast<double>(total) * min_free.fraction);
    space.inodes = status.f_files == 0 ? std::numeric_limits<std::uint64_t>::max() : status.f_favail;
    space.reserved_inodes =
        space.reserved_bytes == 0 ? 0 : std::min<std::uint64_t>(most_reserved_inodes, status.f_files / 100);
    return space;
}

} // namespace logbackup
