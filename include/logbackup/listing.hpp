// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace logbackup {

enum class FileType { regular, directory, link, fifo, socket, device };

/// One file in a listed directory tree.
struct Entry {
    std::string path; ///< relative to the log directory or instance directory
    FileType type = FileType::regular;
    std::uint64_t size = 0;      ///< bytes, of a regular file
    std::uint64_t allocated = 0; ///< bytes on disk; fewer than `size` if the file has holes
    std::int64_t mtime = 0;      ///< nanoseconds since 1970
    std::string target;          ///< target of a symbolic link
    std::uint64_t inode = 0;     ///< inode number; shows whether a name still refers to the same file
    std::uint64_t zeros = 0;     ///< bytes after `size` that are zeros and no log yet; see without_zeros()
};

/// A path that could not be listed or saved.
struct Problem {
    std::string path;   ///< raw bytes; "" is the directory itself
    std::string reason; ///< safe to print
};

struct Listing {
    std::vector<Entry> entries; ///< a directory precedes its contents
    std::vector<Problem> problems;
    bool complete = true;     ///< false: the listing omits something that exists
    bool full = false;        ///< true: the listing is incomplete because it reached the limits
    std::size_t excluded = 0; ///< files and directories omitted on purpose
};

} // namespace logbackup
