// SPDX-License-Identifier: MIT
#pragma once

#include "locate/mounted_tree.hpp"
#include "logbackup/container.hpp"
#include "util/unique_fd.hpp"

#include <optional>
#include <string>

namespace logbackup {

/// A container's files as its own first process sees them, with all mounts.
struct ProcessRoot {
    UniqueFd process; ///< pidfd
    MountedTree tree;
};

/// Opens the root of a container's process. Returns nothing if the process has ended. Also returns nothing,
/// and explains why in `problem` (safe to print), if the process lives but its root is not the container's:
/// it changed its root, or it is not a process in the container (a hypervisor).
[[nodiscard]] std::optional<ProcessRoot> open_process_root(const Container& container, std::string& problem);

/// Returns whether a process belongs to the container, given its /proc/<pid>/cgroup as `text`. This check is
/// necessary because pids are reused.
[[nodiscard]] bool names_container(const std::string& text, const std::string& id);

} // namespace logbackup
