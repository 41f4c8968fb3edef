// SPDX-License-Identifier: MIT
#pragma once

#include "util/unique_fd.hpp"

#include <string>
#include <vector>

/// Landlock, with which a process gives up files, network and signals for good:
/// https://docs.kernel.org/userspace-api/landlock.html
namespace logbackup {

/// The files that a program may open; what is open already stays open. Descriptors of files, or of
/// directories with all that is below them; O_PATH is enough.
struct FileAccess {
    std::vector<int> readable;
    std::vector<int> writable; ///< files that exist, for reading and writing; nothing can be made or removed
};

/// A rule set by which a program may open these files and what it needs to start: itself, what lies in its
/// directory, and what systems have for all programs (/usr, /lib, …). No TCP (since Linux 6.7), and no
/// signals to processes other than its own children (6.12). Nothing on a kernel without Landlock:
/// before 5.13, or where it is switched off.
[[nodiscard]] UniqueFd landlock_rules(const FileAccess& access, const std::string& program);

/// What the kernel has of it; 0: none.
[[nodiscard]] long landlock_version() noexcept;

/// Applies it to this process and what it starts, for ever; it must have set no_new_privs. Async-signal-safe.
/// 0 or an errno value.
[[nodiscard]] int landlock_restrict(int rules) noexcept;

} // namespace logbackup
