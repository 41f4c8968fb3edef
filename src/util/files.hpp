// SPDX-License-Identifier: MIT
#pragma once

#include "util/text.hpp"
#include "util/unique_fd.hpp"

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Access files below an open directory descriptor without ever following a symbolic link. `path` is relative
/// and has no "." or ".." component. Functions that fail set errno.
namespace logbackup {

/// Splits a path into its components; skips empty ones.
[[nodiscard]] std::vector<std::string> components(std::string_view path);
/// "a/b/c" -> "a/b", "c" -> "".
[[nodiscard]] std::string parent_path(std::string_view path);
/// "a/b/c" -> "c".
[[nodiscard]] std::string base_name(std::string_view path);
/// "a" and "b" -> "a/b"; either may be empty.
[[nodiscard]] std::string joined(std::string_view above, std::string_view below);
/// "/a//b/" -> "a/b".
[[nodiscard]] std::string normalized(std::string_view path);
/// Returns the part of `path` below the directory `above`: "c" for "a/b/c" and "a/b". Returns "" if `path`
/// does not lie below it. Every path lies below "" and "/".
[[nodiscard]] std::string part_below(std::string_view path, std::string_view above);
/// True if `path` is `above`, or lies below it.
[[nodiscard]] bool lies_in(std::string_view path, std::string_view above);

/// Opens a directory with O_PATH, one component at a time; "" opens `at` itself. Fails with ELOOP or ENOTDIR
/// on a link.
[[nodiscard]] UniqueFd open_directory(int at, std::string_view path);
/// Opens a regular file for reading. Fails with ENXIO on a FIFO or a device, which it never opens and so
/// never blocks on.
[[nodiscard]] UniqueFd open_regular(int at, std::string_view path);
/// Also returns the file's status, from just before it was opened.
[[nodiscard]] UniqueFd open_regular(int at, std::string_view path, struct stat& status);
/// Opens a regular file with O_PATH, which needs no read permission.
[[nodiscard]] UniqueFd locate_regular(int at, std::string_view path);
/// Opens an existing regular file for reading and writing.
[[nodiscard]] UniqueFd open_for_update(int at, std::string_view path);

/// True if the error of a call that looks up a name means that another process has removed or replaced
/// something on the way since the name was seen. The next run finds what is there then.
[[nodiscard]] bool was_replaced(int error);

[[nodiscard]] std::optional<struct stat> status_of(int fd);
/// Returns lstat(2) of a path below `at`.
[[nodiscard]] std::optional<struct stat> status_at(int at, std::string_view path);

/// Creates the missing directories of `path` with `mode`, and gives them to `group` unless it is -1. Leaves
/// existing directories alone. Returns the last directory, or no descriptor on failure.
[[nodiscard]] UniqueFd make_directories(int at, std::string_view path, mode_t mode, gid_t group);

/// Renames to a new name; fails with EEXIST if that name exists. Caller must hold the lock of the backup
/// root: a file system without such a rename (NFS, FUSE, 9p, ZFS before 2.2) needs a look-up of the name
/// first. Link and unlink would not do: a run killed between them would leave a file with two names.
[[nodiscard]] bool rename_to_new(int from_at, const std::string& from, int to_at, const std::string& to);

/// Reads a file of at most `limit` bytes. Returns nothing if the file is larger or cannot be read.
[[nodiscard]] std::optional<std::string> read_small_file(int at, std::string_view path, std::size_t limit);

/// Reads a file of the host of at most `limit` bytes, and returns its text without the white space around it;
/// "" if it cannot be read. `path` is absolute.
[[nodiscard]] std::string text_of_file(const std::string& path, std::size_t limit = 4096);

/// Replaces the file `path` with `content`; after a crash the file is either the old or the new one. Returns
/// false with errno on failure. `temporary` is the name under which the new one is written: where a lock does
/// not keep others from it, it needs to be one's own.
[[nodiscard]] bool write_atomically(int at, std::string_view path, std::string_view content,
                                    mode_t mode = 0600, const std::string& temporary = ".new");

/// Returns the names in a directory in no order, without "." and "..". Stops reading after `most` names.
/// Returns nothing if the directory cannot be read.
[[nodiscard]] std::optional<std::vector<std::string>> names_in(int at, std::string_view path,
                                                               std::size_t most = SIZE_MAX);

/// Converts to nanoseconds since 1970. Clamps times outside the range of the type.
[[nodiscard]] std::int64_t nanoseconds_of(const timespec& time);
/// Converts a file's time, in the same way.
[[nodiscard]] Timestamp time_of(const timespec& time);

} // namespace logbackup
