// SPDX-License-Identifier: MIT
#pragma once

#include "util/stop_signal.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <sys/stat.h>

/// Whole directory trees, by descriptor. No link is followed, and nothing that is mounted in a tree is
/// entered.
namespace logbackup {

/// The regular files of a tree, taken together.
struct TreeSize {
    std::uint64_t files = 0;
    std::uint64_t disk_bytes = 0; ///< what they take on disk
};

/// What is below `name`, which need not be a directory. Nothing, with errno, when a part of it cannot be
/// read: EXDEV when a file system is mounted in it.
[[nodiscard]] std::optional<TreeSize> size_of_tree(int at, const std::string& name);

/// Calls `visit` with the path below `directory` and the status of each regular file that can be seen.
void for_each_file(int directory,
                   const std::function<void(const std::string& path, const struct statx& status)>& visit);

/// Removes `name` and all that is below it; that it is not there is no failure. 0 or an errno value: EXDEV as
/// above, ECANCELED when `stop` was requested. What is left then can be removed by another call.
[[nodiscard]] int remove_tree(int at, const std::string& name, StopSignal& stop);

} // namespace logbackup
