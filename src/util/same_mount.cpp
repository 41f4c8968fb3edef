// SPDX-License-Identifier: MIT
#include "util/same_mount.hpp"

#include "util/files.hpp"

#include <fcntl.h>
#include <sys/mount.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

namespace logbackup {
namespace {

/// The mount that a path is on. The last one on a place covers those before; but over "/" lies nothing that
/// a path could lead to.
const MountInfo* mount_of(const std::vector<MountInfo>& mounts, const std::string& path) {
    const MountInfo* found = nullptr;
    for (const auto& mount : mounts)
        if (lies_in(path, mount.point) && (found == nullptr || mount.point.size() > found->point.size() ||
                                           (mount.point.size() == found->point.size() && mount.point != "/")))
            found = &mount;
    return found;
}

/// The path in the file system itself.
std::string in_file_system(const MountInfo& mount, const std::string& path) {
    const std::string root = mount.root == "/" ? std::string() : mount.root;
    const std::string rest = part_below(path, mount.point);
    return rest.empty() ? mount.root : root + "/" + rest;
}

/// Whether a file system that may not answer is on the way to a mount.
bool is_behind_remote(const std::vector<MountInfo>& mounts, const MountInfo& mount) {
    return std::any_of(mounts.begin(), mounts.end(), [&](const MountInfo& other) {
        return other.point != "/" && other.point != mount.point && lies_in(mount.point, other.point) &&
               file_system(other.type) == FileSystem::may_not_answer;
    });
}

std::string path_of(int directory) {
    std::array<char, PATH_MAX> path{};
    const auto length =
        ::readlink(("/proc/self/fd/" + std::to_string(directory)).c_str(), path.data(), path.size());
    return length > 0 ? std::string(path.data(), static_cast<std::size_t>(length)) : std::string();
}

bool is_same(int one, int other) {
    const auto first = status_of(one);
    const auto second = status_of(other);
    return first && second && first->st_dev == second->st_dev && first->st_ino == second->st_ino;
}

} // namespace

std::vector<CommonMount> find_common_mounts(const std::vector<MountInfo>& mounts, const std::string& first,
                                            const std::string& second) {
    const MountInfo* of_first = mount_of(mounts, first);
    const MountInfo* of_second = mount_of(mounts, second);
    if (of_first == nullptr || of_second == nullptr || of_first->device != of_second->device)
        return {};
    const std::string one = in_file_system(*of_first, first);
    const std::string other = in_file_system(*of_second, second);
    std::vector<CommonMount> found;
    for (const auto& mount : mounts)
        if (mount.device == of_first->device && lies_in(one, mount.root) && lies_in(other, mount.root) &&
            !is_behind_remote(mounts, mount))
            found.push_back({mount.point, part_below(one, mount.root), part_below(other, mount.root)});
    return found;
}

std::pair<UniqueFd, UniqueFd> on_one_mount(int first, int second) {
    const UniqueFd self(::open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC));
    const auto text = read_small_file(self.get(), "mountinfo", 64U << 20U);
    int error = EXDEV;
    for (const auto& common :
         find_common_mounts(parse_mountinfo(text.value_or("")), path_of(first), path_of(second))) {
        const UniqueFd clone(
            ::open_tree(AT_FDCWD, common.point.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
        if (!clone) {
            error = errno;
            continue;
        }
        std::pair<UniqueFd, UniqueFd> result{open_directory(clone.get(), common.first),
                                             open_directory(clone.get(), common.second)};
        // Something else can lie on the mount's place, or on the way.
        if (result.first && result.second && is_same(result.first.get(), first) &&
            is_same(result.second.get(), second))
            return result;
    }
    errno = error;
    return {};
}

} // namespace logbackup
