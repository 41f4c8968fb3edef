// SPDX-License-Identifier: MIT
#include "util/files.hpp"

#include "util/text.hpp"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>

namespace logbackup {
namespace {

std::string_view without_last_slashes(std::string_view path) {
    return path.substr(0, path.find_last_not_of('/') + 1); // npos + 1 is 0
}

/// Returns the rest of `path` after `above`: "" for `above` itself; nothing if `path` lies outside.
std::optional<std::string_view> rest_in(std::string_view path, std::string_view above) {
    path = without_last_slashes(path);
    above = without_last_slashes(above);
    if (!path.starts_with(above))
        return std::nullopt;
    path.remove_prefix(above.size());
    if (!above.empty() && !path.empty() && path.front() != '/')
        return std::nullopt;
    return path.substr(std::min(path.find_first_not_of('/'), path.size()));
}

} // namespace

std::vector<std::string> components(std::string_view path) {
    std::vector<std::string> parts;
    while (!path.empty()) {
        const auto slash = path.find('/');
        if (slash != 0)
            parts.emplace_back(path.substr(0, slash));
        path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    }
    return parts;
}

std::string parent_path(std::string_view path) {
    const auto slash = path.rfind('/');
    return std::string(slash == std::string_view::npos ? std::string_view() : path.substr(0, slash));
}

std::string base_name(std::string_view path) {
    return std::string(path.substr(path.rfind('/') + 1)); // npos + 1 is 0
}

std::string joined(std::string_view above, std::string_view below) {
    std::string path(above);
    if (!above.empty() && !below.empty())
        path += '/';
    return path.append(below);
}

std::string normalized(std::string_view path) {
    std::string result;
    for (const auto& part : components(path))
        result = joined(result, part);
    return result;
}

std::string part_below(std::string_view path, std::string_view above) {
    return std::string(rest_in(path, above).value_or(std::string_view()));
}

bool lies_in(std::string_view path, std::string_view above) {
    return rest_in(path, above).has_value();
}

UniqueFd open_directory(int at, std::string_view path) {
    static constexpr int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    const auto parts = components(path);
    UniqueFd held(::openat(at, parts.empty() ? "." : parts.front().c_str(), flags));
    for (std::size_t i = 1; i < parts.size() && held; ++i)
        held = UniqueFd(::openat(held.get(), parts[i].c_str(), flags));
    return held;
}

namespace {
UniqueFd locate_regular(int at, std::string_view path, struct stat& status) {
    UniqueFd directory;
    if (const auto above = parent_path(path); !above.empty()) {
        directory = open_directory(at, above);
        if (!directory)
            return {};
        at = directory.get();
    }
    UniqueFd file(::openat(at, base_name(path).c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!file || ::fstat(file.get(), &status) != 0)
        return {};
    if (!S_ISREG(status.st_mode)) {
        errno = ENXIO;
        return {};
    }
    return file;
}

// Opens the file of an O_PATH descriptor again. The kernel opens that very file and looks up no name.
UniqueFd reopen(const UniqueFd& held, int flags) {
    if (!held)
        return {};
    const std::string path = "/proc/self/fd/" + std::to_string(held.get());
    return UniqueFd(::open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
}
} // namespace

UniqueFd locate_regular(int at, std::string_view path) {
    struct stat status {};
    return locate_regular(at, path, status);
}
UniqueFd open_regular(int at, std::string_view path, struct stat& status) {
    return reopen(locate_regular(at, path, status), O_RDONLY);
}
UniqueFd open_regular(int at, std::string_view path) {
    struct stat status {};
    return open_regular(at, path, status);
}
UniqueFd open_for_update(int at, std::string_view path) {
    return reopen(locate_regular(at, path), O_RDWR);
}

std::optional<struct stat> status_of(int fd) {
    struct stat status {};
    if (::fstat(fd, &status) != 0)
        return std::nullopt;
    return status;
}

std::optional<struct stat> status_at(int at, std::string_view path) {
    UniqueFd directory;
    if (const auto above = parent_path(path); !above.empty()) {
        directory = open_directory(at, above);
        if (!directory)
            return std::nullopt;
        at = directory.get();
    }
    struct stat status {};
    if (::fstatat(at, base_name(path).c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
        return std::nullopt;
    return status;
}

UniqueFd make_directories(int at, std::string_view path, mode_t mode, gid_t group) {
    UniqueFd held = open_directory(at, "");
    for (const auto& part : components(path)) {
        if (!held)
            break;
        const bool made = ::mkdirat(held.get(), part.c_str(), mode) == 0;
        if (!made && errno != EEXIST)
            return {};
        held = open_directory(held.get(), part);
        if (made && held && group != static_cast<gid_t>(-1) &&
            ::fchownat(held.get(), "", static_cast<uid_t>(-1), group, AT_EMPTY_PATH) != 0)
            return {};
    }
    return held;
}

bool rename_to_new(int from_at, const std::string& from, int to_at, const std::string& to) {
    if (::renameat2(from_at, from.c_str(), to_at, to.c_str(), RENAME_NOREPLACE) == 0)
        return true;
    if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
        return false;
    struct stat there {};
    if (::fstatat(to_at, to.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0) {
        errno = EEXIST;
        return false;
    }
    return errno == ENOENT && ::renameat(from_at, from.c_str(), to_at, to.c_str()) == 0;
}

std::optional<std::string> read_small_file(int at, std::string_view path, std::size_t limit) {
    const UniqueFd file = open_regular(at, path);
    if (!file)
        return std::nullopt;
    std::string text;
    std::array<char, 16384> buffer;
    for (;;) {
        const auto got = ::read(file.get(), buffer.data(), buffer.size());
        if (got == 0)
            return text;
        if (got < 0)
            return std::nullopt;
        if (text.size() + static_cast<std::size_t>(got) > limit) {
            errno = EFBIG;
            return std::nullopt;
        }
        text.append(buffer.data(), static_cast<std::size_t>(got));
    }
}

bool was_replaced(int error) {
    return error == ENOENT || error == ENOTDIR || error == ELOOP || error == ENXIO || error == ESTALE;
}

std::string text_of_file(const std::string& path, std::size_t limit) {
    const UniqueFd directory(::open(("/" + parent_path(path)).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    return directory ? trimmed(read_small_file(directory.get(), base_name(path), limit).value_or(""))
                     : std::string();
}

bool write_atomically(int at, std::string_view path, std::string_view content, mode_t mode,
                      const std::string& temporary) {
    const UniqueFd directory = open_directory(at, parent_path(path));
    if (!directory)
        return false;
    const std::string name = base_name(path);
    // There is one writer at a time, so a temporary file of this name is left over from a killed run.
    ::unlinkat(directory.get(), temporary.c_str(), 0);
    const UniqueFd file(::openat(directory.get(), temporary.c_str(),
                                 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file)
        return false;
    bool written = true;
    while (written && !content.empty()) {
        const auto put = ::write(file.get(), content.data(), content.size());
        written = put >= 0;
        content.remove_prefix(written ? static_cast<std::size_t>(put) : 0);
    }
    const auto status = status_of(file.get());
    const bool has_mode = status && (status->st_mode & 07777U) == mode; // some file systems support no other
    if (written && (has_mode || ::fchmod(file.get(), mode) == 0) && ::fdatasync(file.get()) == 0 &&
        ::renameat(directory.get(), temporary.c_str(), directory.get(), name.c_str()) == 0)
        return true;
    const int error = errno;
    ::unlinkat(directory.get(), temporary.c_str(), 0);
    errno = error;
    return false;
}

std::optional<std::vector<std::string>> names_in(int at, std::string_view path, std::size_t most) {
    UniqueFd held;
    if (!path.empty()) {
        held = open_directory(at, path);
        if (!held)
            return std::nullopt;
        at = held.get();
    }
    const int readable = ::openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR* opened = readable < 0 ? nullptr : ::fdopendir(readable);
    if (opened == nullptr) {
        UniqueFd(readable).reset();
        return std::nullopt;
    }
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(opened, ::closedir);
    std::vector<std::string> names;
    errno = 0;
    while (names.size() < most) {
        const dirent* entry = ::readdir(directory.get());
        if (entry == nullptr && errno != 0)
            return std::nullopt;
        if (entry == nullptr)
            break;
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..")
            names.emplace_back(name);
    }
    return names;
}

std::int64_t nanoseconds_of(const timespec& time) {
    static constexpr std::int64_t second = 1'000'000'000;
    static constexpr std::int64_t most = INT64_MAX / second - 1;
    return std::clamp<std::int64_t>(time.tv_sec, -most, most) * second + time.tv_nsec;
}

Timestamp time_of(const timespec& time) {
    return Timestamp(std::chrono::nanoseconds(nanoseconds_of(time)));
}

} // namespace logbackup
