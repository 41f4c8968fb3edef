// SPDX-License-Identifier: MIT
#include "util/trees.hpp"

#include "util/files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace logbackup {
namespace {

using Visit = std::function<void(const std::string& path, const struct statx& status)>;

std::optional<struct statx> look_at(int at, const std::string& name) {
    struct statx status {};
    if (::statx(at, name.c_str(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BASIC_STATS | STATX_MNT_ID,
                &status) != 0)
        return std::nullopt;
    return status;
}

/// Kernels before 5.8 do not report the mount id: there a directory that is bind-mounted within its own file
/// system is not detected.
bool on_one_mount(const struct statx& a, const struct statx& b) {
    const bool known = (a.stx_mask & b.stx_mask & STATX_MNT_ID) != 0;
    return a.stx_dev_major == b.stx_dev_major && a.stx_dev_minor == b.stx_dev_minor &&
           (!known || a.stx_mnt_id == b.stx_mnt_id);
}

/// Visits everything below a directory. Returns 0, or the errno value of the first entry that could not be
/// examined; visits the others nevertheless.
int walk(int directory, const std::string& path, const struct statx& top, const Visit& visit) {
    const auto names = names_in(directory, "");
    if (!names)
        return errno;
    int error = 0;
    const auto note = [&](int failed) { error = error == 0 ? failed : error; };
    for (const auto& name : *names) {
        const auto status = look_at(directory, name);
        if (!status) {
            note(errno == ENOENT ? 0 : errno);
        } else if (!on_one_mount(*status, top)) {
            note(EXDEV);
        } else if (S_ISREG(status->stx_mode)) {
            visit(joined(path, name), *status);
        } else if (S_ISDIR(status->stx_mode)) {
            const UniqueFd below = open_directory(directory, name);
            note(below ? walk(below.get(), joined(path, name), top, visit) : errno);
        }
    }
    return error;
}

int remove_below(int at, const std::string& name, const struct statx& top, StopSignal& stop) {
    const auto status = look_at(at, name);
    if (!status)
        return errno == ENOENT ? 0 : errno;
    if (!on_one_mount(*status, top))
        return EXDEV;
    if (!S_ISDIR(status->stx_mode))
        return ::unlinkat(at, name.c_str(), 0) == 0 ? 0 : errno;
    const UniqueFd directory = open_directory(at, name);
    const auto names = directory ? names_in(directory.get(), "") : std::nullopt;
    if (!names)
        return errno;
    int error = 0;
    for (const auto& below : *names) {
        if (stop.requested())
            return ECANCELED;
        const int failed = remove_below(directory.get(), below, top, stop);
        error = error == 0 ? failed : error;
    }
    if (error == 0 && ::unlinkat(at, name.c_str(), AT_REMOVEDIR) != 0)
        return errno;
    return error;
}

} // namespace

std::optional<TreeSize> size_of_tree(int at, const std::string& name) {
    const auto above = look_at(at, ".");
    const auto status = above ? look_at(at, name) : std::nullopt;
    if (!status)
        return std::nullopt;
    TreeSize size;
    if (!S_ISDIR(status->stx_mode))
        return size;
    errno = EXDEV;
    if (!on_one_mount(*status, *above))
        return std::nullopt;
    const UniqueFd directory = open_directory(at, name);
    const int error = directory ? walk(directory.get(), "", *above,
                                       [&](const std::string&, const struct statx& file) {
                                           ++size.files;
                                           size.disk_bytes += file.stx_blocks * 512;
                                       })
                                : errno;
    errno = error;
    return error == 0 ? std::optional(size) : std::nullopt;
}

int for_each_file(int directory, const Visit& visit) {
    const auto top = look_at(directory, ".");
    return top ? walk(directory, "", *top, visit) : errno;
}

int remove_tree(int at, const std::string& name, StopSignal& stop) {
    const auto above = look_at(at, ".");
    return above ? remove_below(at, name, *above, stop) : errno;
}

} // namespace logbackup
