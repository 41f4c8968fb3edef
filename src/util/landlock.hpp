// SPDX-License-Identifier: MIT
#pragma once

#include "util/unique_fd.hpp"

#include <string>
#include <vector>

/// Landlock lets a process give up access to files, network and signals permanently:
/// https://docs.kernel.org/userspace-api/landlock.html
namespace logbackup {

/// The files that a program may open, as descriptors of files or of directories with everything below them.
/// O_PATH descriptors suffice. Files that are already open stay usable.
struct FileAccess {
    std::vector<int> readable;
    /// Existing files, for reading and writing. The program cannot create or remove any.
    std::vector<int> writable;
    std::vector<int> readable_files{}; ///< not directories; takes a system call less for each
};

/// Creates a rule set for a program. It allows `access` and what the program needs to start: its own file,
/// its directory, and the common system directories (/usr, /lib, …). It denies TCP (since Linux 6.7) and
/// signals to processes other than the program's children (since 6.12). Returns no descriptor on a kernel
/// without Landlock: before 5.13, or with Landlock disabled.
[[nodiscard]] UniqueFd landlock_rules(const FileAccess& access, const std::string& program);

/// Returns the kernel's Landlock version; 0 means Landlock is not available.
[[nodiscard]] long landlock_version() noexcept;

/// Applies a rule set to this process and its future children, permanently. The process must have set
/// no_new_privs. Async-signal-safe. Returns 0 or an errno value.
[[nodiscard]] int landlock_restrict(int rules) noexcept;

} // namespace logbackup
