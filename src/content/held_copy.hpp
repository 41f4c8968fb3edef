// SPDX-License-Identifier: MIT
#pragma once

#include "util/unique_fd.hpp"

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace logbackup {

/// An open file, and its status when it was opened.
struct Held {
    std::string path;
    UniqueFd file;
    struct stat status {};

    [[nodiscard]] std::uint64_t size() const { return static_cast<std::uint64_t>(status.st_size); }

    /// True if the file has not changed, and its name in the directory `parent` still refers to it.
    [[nodiscard]] bool is_still_in(int parent) const;
};

/// A file that is dropped if a compressed one proves to begin with its content.
struct Copy {
    Held held;
    UniqueFd unpacked;      ///< its content, if it is compressed itself; else nothing
    std::uint64_t size = 0; ///< of its content, without a hole at the end
    std::string head;       ///< its first bytes, in which most copies differ from most streams
    bool possible = false;  ///< it equals the beginning of the stream so far
    bool dropped = false;
    int error = 0; ///< error while the copy was read

    [[nodiscard]] int content() const { return unpacked ? unpacked.get() : held.file.get(); }
    /// True if the copy agrees with these bytes of the stream. Bytes beyond the copy's end do not matter.
    [[nodiscard]] bool agrees(std::uint64_t offset, std::string_view bytes);
};

/// Flushes a file, and the directories from it up to the instance directory, to disk. Returns 0 or an errno
/// value.
[[nodiscard]] int flush(int instance, const Held& held);

} // namespace logbackup
