// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace logbackup {

enum class FileType { regular, directory, link, fifo, socket, device };

/// What a directory says of one file below it.
struct Entry {
    std::string path; ///< relative to the log directory or instance directory
    FileType type = FileType::regular;
    std::uint64_t size = 0;      ///< bytes, of a regular file
    std::uint64_t allocated = 0; ///< bytes on disk; fewer than `size` where the file has holes
    std::int64_t mtime = 0;      ///< nanoseconds since 1970
    std::string target;          ///< of a link
    std::uint64_t inode = 0;     ///< its number; tells whether a name still stands for the same file
};

/// Something that could not be listed or saved.
struct Problem {
    std::string path;   ///< raw bytes; "" stands for the directory itself
    std::string reason; ///< safe to print
};

struct Listing {
    std::vector<Entry> entries; ///< a directory before what is in it
    std::vector<Problem> problems;
    bool complete = true;     ///< false: something that is there is left out
    bool full = false;        ///< because there is more than the limits allow
    std::size_t excluded = 0; ///< files and directories that are left out on purpose
};

} // namespace logbackup
