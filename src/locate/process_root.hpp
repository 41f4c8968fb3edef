// SPDX-License-Identifier: MIT
#pragma once

#include "locate/mounted_tree.hpp"
#include "logbackup/container.hpp"
#include "util/unique_fd.hpp"

#include <optional>
#include <string>

namespace logbackup {

/// A container's files as its own first process sees them, with all that is mounted.
struct ProcessRoot {
    UniqueFd process; ///< pidfd
    MountedTree tree;
};

/// Nothing when the process has ended; with `why_not`, safe to print, when it lives and its root is not the
/// container's: it changed it, or it is no process in the container (a hypervisor).
[[nodiscard]] std::optional<ProcessRoot> open_process_root(const Container& container, std::string& why_not);

/// Whether a process whose /proc/<pid>/cgroup is `text` is of the container: a pid can be reused.
[[nodiscard]] bool names_container(const std::string& text, const std::string& id);

} // namespace logbackup
