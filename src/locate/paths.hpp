// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/source.hpp"

#include <fcntl.h>
#include <sys/stat.h>

namespace logbackup {

inline constexpr int path_flags = O_PATH | O_NOFOLLOW | O_CLOEXEC; ///< to hold one component of a path
inline constexpr int directory_flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
inline constexpr int most_links = 40; ///< on the way of one path: the kernel's limit, path_resolution(7)

[[nodiscard]] inline Identity identity_of(const struct stat& status) {
    return {status.st_dev, status.st_ino};
}

} // namespace logbackup
