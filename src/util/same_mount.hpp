// SPDX-License-Identifier: MIT
#pragma once

#include "util/mount_table.hpp"
#include "util/unique_fd.hpp"

#include <string>
#include <utility>
#include <vector>

namespace logbackup {

/// A mount that shows two paths of one file system, and where it shows them.
struct CommonMount {
    std::string point;
    std::string first; ///< relative to the mount
    std::string second;
};
/// All that there are: one can be covered by something else.
[[nodiscard]] std::vector<CommonMount>
find_common_mounts(const std::vector<MountInfo>& mounts, const std::string& first, const std::string& second);

/// Opens the same two directories again so that both lie on one mount, a private, non-recursive clone that
/// nobody else sees, and link(2) and rename(2) work between them. Nothing, with errno, where that cannot be:
/// EXDEV when they are on different file systems.
[[nodiscard]] std::pair<UniqueFd, UniqueFd> on_one_mount(int first, int second);

} // namespace logbackup
