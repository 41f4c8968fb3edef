// SPDX-License-Identifier: MIT
#pragma once

#include "util/unique_fd.hpp"

#include <string>
#include <utility>

namespace logbackup {

/// Opens the backup root (O_PATH). Creates it and its ".logbackup" if they are missing, so it fails at once
/// on a file system that is not writable. The path comes from the operator, so links in it are followed.
///
/// Nobody but root and the current user may be able to write there. A backup root or a ".logbackup" that
/// belongs to another user, or that group or others may write to, is refused, and so is a ".logbackup" that
/// is a link. The mode is corrected of a ".logbackup" that others may read, and of directories of services
/// that others may write to. Throws Error.
[[nodiscard]] UniqueFd open_backup_root(const std::string& path);

/// Opens the backup root without creating anything; returns no descriptor when it does not exist. Throws
/// Error when it is not a directory or cannot be opened.
[[nodiscard]] UniqueFd find_backup_root(const std::string& path);

/// Opens the directory, or the nearest existing one above it, and returns it with its path.
[[nodiscard]] std::pair<UniqueFd, std::string> nearest_directory(const std::string& path);

/// Throws Error when the backup root, or the place where it will be created, is on the mount of "/". Creates
/// nothing.
void require_mounted(const std::string& path);

/// Throws Error when open_backup_root() would refuse the existing directories. Creates and changes nothing.
void examine_backup_root(int root, const std::string& path);

/// Throws Error when open_backup_root() would, but creates and changes nothing.
void require_usable(const std::string& path);

/// Returns the backup root nearest to a path that is none: the first above it, or in it; empty if there is
/// none.
[[nodiscard]] std::string nearest_backup_root(const std::string& path);

} // namespace logbackup
