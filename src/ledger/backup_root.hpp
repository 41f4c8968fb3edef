// SPDX-License-Identifier: MIT
#pragma once

#include "locate/overlap.hpp"
#include "util/unique_fd.hpp"

#include <string>
#include <utility>

namespace logbackup {

/// Opens the backup root (O_PATH), making it and its ".logbackup" where they are missing; so it fails at once
/// on a file system that cannot be written to. The path is the operator's: links in it are followed.
///
/// Nobody but us and root may be able to write there: a backup root or a ".logbackup" that belongs to another
/// user, or that group or others may write to, is refused, and so is a ".logbackup" that is a link. A
/// ".logbackup" that others may read, and directories of services that others may write to, are corrected.
/// Throws Error.
[[nodiscard]] UniqueFd open_backup_root(const std::string& path);

/// Opens the backup root without making anything: nothing when it does not exist. Throws Error when it is no
/// directory or cannot be opened.
[[nodiscard]] UniqueFd find_backup_root(const std::string& path);

/// The directory itself, or the nearest one above it that exists, and its path.
[[nodiscard]] std::pair<UniqueFd, std::string> nearest_directory(const std::string& path);

/// Throws Error when the backup root, or where it is to be made, is on the mount of "/". Makes nothing.
void require_mounted(const std::string& path);

/// Throws Error where open_backup_root() would refuse what is there. Makes and changes nothing.
void examine_backup_root(int root, const std::string& path);

/// For a backup root that need not exist.
[[nodiscard]] OverlapCheck overlap_check(const std::string& path, const UniqueFd& root);

} // namespace logbackup
