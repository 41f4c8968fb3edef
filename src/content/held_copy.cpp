// SPDX-License-Identifier: MIT
#include "content/held_copy.hpp"

#include "util/files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace logbackup {
namespace {

bool same_file(const struct stat& a, const struct stat& b) {
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size &&
           a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

/// True if the file has these bytes at `offset`. Sets `error` when it cannot be read.
bool has_bytes(int file, std::uint64_t offset, std::string_view bytes, int& error) {
    std::array<char, 65536> buffer;
    while (!bytes.empty()) {
        const auto want = std::min(bytes.size(), buffer.size());
        const auto got = ::pread(file, buffer.data(), want, static_cast<off_t>(offset));
        if (got < 0)
            error = errno;
        if (got <= 0)
            return false;
        const auto count = static_cast<std::size_t>(got);
        if (std::memcmp(buffer.data(), bytes.data(), count) != 0)
            return false;
        bytes.remove_prefix(count);
        offset += count;
    }
    return true;
}

} // namespace

bool Held::is_still_in(int parent) const {
    const auto now = status_of(file.get());
    const auto named = status_at(parent, base_name(path));
    return now && named && same_file(status, *now) && same_file(status, *named);
}

bool Copy::agrees(std::uint64_t offset, std::string_view bytes) {
    if (offset >= size)
        return true;
    bytes = bytes.substr(0, std::min<std::uint64_t>(bytes.size(), size - offset));
    if (offset < head.size()) {
        const auto expected = std::string_view(head).substr(offset, bytes.size());
        if (!bytes.starts_with(expected))
            return false;
        bytes.remove_prefix(expected.size());
        offset += expected.size();
    }
    return has_bytes(content(), offset, bytes, error);
}

int flush(int instance, const Held& held) {
    if (::fdatasync(held.file.get()) != 0)
        return errno;
    for (std::string path = held.path; !path.empty();) {
        path = parent_path(path);
        const UniqueFd directory = open_directory(instance, path);
        const UniqueFd readable(::openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        // Some file systems can flush only everything at once.
        if (!readable || (::fsync(readable.get()) != 0 && (errno != EINVAL || ::syncfs(readable.get()) != 0)))
            return errno;
    }
    return 0;
}

} // namespace logbackup
