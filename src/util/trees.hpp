// SPDX-License-Identifier: MIT
#pragma once

#include "util/stop_signal.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <sys/stat.h>

/// Operations on whole directory trees, by descriptor. They follow no link and enter no mount.
namespace logbackup {

/// Totals over the regular files of a tree.
struct TreeSize {
    std::uint64_t files = 0;
    std::uint64_t disk_bytes = 0; ///< bytes allocated on disk
};

/// Sums up the regular files below `name`, which need not be a directory. Returns nothing, with errno, if a
/// part cannot be read. errno is EXDEV if a file system is mounted in it.
[[nodiscard]] std::optional<TreeSize> size_of_tree(int at, const std::string& name);

/// Calls `visit` for each regular file that can be seen, with its path below `directory` and its status.
/// Returns 0, or the errno value of the first part that cannot be seen: EXDEV if a file system is mounted in
/// it.
int for_each_file(int directory,
                  const std::function<void(const std::string& path, const struct statx& status)>& visit);

/// Removes `name` and everything below it; succeeds if it does not exist. Returns 0 or an errno value: EXDEV
/// if a file system is mounted in it, ECANCELED if `stop` was requested. Another call can remove the rest.
[[nodiscard]] int remove_tree(int at, const std::string& name, StopSignal& stop);

} // namespace logbackup
