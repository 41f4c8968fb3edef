// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
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
    bool zeros_proved = true;    ///< false: some of the bytes after `size` were not read
};

/// Why a part of a container's logs is left out although nothing failed: the container brings it about, and
/// the program bounds what one container costs. An operator need not mend the node.
enum class Limit {
    depth,      ///< --max-depth
    path,       ///< longest path
    files,      ///< --max-files
    file_size,  ///< --max-file-size
    bytes,      ///< --max-bytes; the next runs save the rest
    comparison, ///< files that wait until they are compared with what is saved; the next runs go on
    labels,     ///< labels that are not valid names
    location,   ///< the path of the log directory is a loop of links, or leads to a file
};

inline constexpr std::array all_limits{Limit::depth, Limit::path,       Limit::files,  Limit::file_size,
                                       Limit::bytes, Limit::comparison, Limit::labels, Limit::location};

/// Returns the name in records, JSON and metrics.
[[nodiscard]] std::string_view name_of(Limit limit);

/// A path that could not be listed or saved, or that a limit leaves out.
struct Problem {
    std::string path;             ///< raw bytes; "" is the directory itself
    std::string reason;           ///< safe to print
    std::optional<Limit> limit{}; ///< nothing: it failed
};

struct Listing {
    std::vector<Entry> entries; ///< a directory precedes its contents
    std::vector<Problem> problems;
    /// Symbolic links that may lead to logs elsewhere in the container, but cannot be followed.
    std::vector<Problem> unread{};
    bool complete = true;     ///< false: the listing omits something that exists
    bool full = false;        ///< true: the listing is incomplete because it reached the limits
    std::size_t excluded = 0; ///< files and directories omitted on purpose
};

} // namespace logbackup
