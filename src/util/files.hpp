// SPDX-License-Identifier: MIT
#pragma once

#include "util/unique_fd.hpp"

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Work with files below a held directory descriptor, without ever following a symbolic link. `path` is
/// relative and has no "." or ".." component. A function that fails leaves errno set.
namespace logbackup {

/// The components of a path; empty ones are left out.
[[nodiscard]] std::vector<std::string> components(std::string_view path);
/// "a/b/c" -> "a/b", "c" -> "".
[[nodiscard]] std::string parent_path(std::string_view path);
/// "a/b/c" -> "c".
[[nodiscard]] std::string base_name(std::string_view path);
/// "a" and "b" -> "a/b"; either may be empty.
[[nodiscard]] std::string joined(std::string_view above, std::string_view below);
/// "/a//b/" -> "a/b".
[[nodiscard]] std::string normalized(std::string_view path);
/// The part of `path` below the directory `above`: "c" of "a/b/c" and "a/b". Empty when it does not lie
/// below. Every path lies below "" and "/".
[[nodiscard]] std::string part_below(std::string_view path, std::string_view above);
/// True if `path` is `above`, or lies below it.
[[nodiscard]] bool lies_in(std::string_view path, std::string_view above);

/// Opens a directory, O_PATH, one component at a time; "" opens `at` itself. ELOOP or ENOTDIR on a link.
[[nodiscard]] UniqueFd open_directory(int at, std::string_view path);
/// Opens a regular file for reading. Never opens, and so never blocks on, a FIFO or a device: those give
/// ENXIO.
[[nodiscard]] UniqueFd open_regular(int at, std::string_view path);
/// The same as an O_PATH descriptor, which needs no right to read.
[[nodiscard]] UniqueFd locate_regular(int at, std::string_view path);
/// Opens an existing regular file for reading and writing.
[[nodiscard]] UniqueFd open_for_update(int at, std::string_view path);

[[nodiscard]] std::optional<struct stat> status_of(int fd);
/// lstat(2) of a path below `at`.
[[nodiscard]] std::optional<struct stat> status_at(int at, std::string_view path);

/// Makes the missing directories of `path`, each with `mode`, handed to `group` when it is not -1. Existing
/// ones are left alone. Gives the directory, or nothing.
[[nodiscard]] UniqueFd make_directories(int at, std::string_view path, mode_t mode, gid_t group);

/// Renames to a name that nothing has: EEXIST where something has it. For whoever holds the lock of the
/// backup root: on a file system that cannot rename so (NFS, FUSE, 9p, ZFS before 2.2) the name is looked up
/// first. To link and unlink instead would leave a file with two names when a run is killed between these.
[[nodiscard]] bool rename_to_new(int from_at, const std::string& from, int to_at, const std::string& to);

/// Removes the directories above `path` that are empty, but not `base`, which it is relative to.
void remove_empty_directories_above(int at, const std::string& base, const std::string& path);

/// Everything in a small file, up to `limit` bytes; nothing when it cannot be read or is larger.
[[nodiscard]] std::optional<std::string> read_small_file(int at, std::string_view path, std::size_t limit);

/// Replaces the file `path` with `content`, so that after a crash there is either the old or the new one.
/// False, with errno, when that failed.
[[nodiscard]] bool write_atomically(int at, std::string_view path, std::string_view content,
                                    mode_t mode = 0600);

/// The names in a directory, without "." and "..", in no order; `most` of them at the most, and no more are
/// read. Nothing when it cannot be read.
[[nodiscard]] std::optional<std::vector<std::string>> names_in(int at, std::string_view path,
                                                               std::size_t most = SIZE_MAX);

/// Nanoseconds since 1970. A file can have a time that this cannot express: then the nearest that it can.
[[nodiscard]] std::int64_t nanoseconds_of(const timespec& time);

} // namespace logbackup
