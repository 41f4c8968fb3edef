// SPDX-License-Identifier: MIT
#include "locate/process_root.hpp"

#include "locate/paths.hpp"
#include "util/files.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace logbackup {
namespace {

/// Returns whether a directory is the root of any mount namespace: its /proc/self/fd link reads "/" only
/// then.
bool is_root_of_namespace(int directory) {
    std::array<char, 8> path{};
    return ::readlink(("/proc/self/fd/" + std::to_string(directory)).c_str(), path.data(), path.size()) ==
               1 &&
           path[0] == '/';
}

bool is_our_root(int directory) {
    struct stat ours {};
    const auto theirs = status_of(directory);
    return !theirs || ::stat("/", &ours) != 0 ||
           (ours.st_dev == theirs->st_dev && ours.st_ino == theirs->st_ino);
}

} // namespace

bool names_container(const std::string& text, const std::string& id) {
    // "<id>", "docker-<id>.scope", "libpod-payload-<id>", "crio-<id>", "<slice>:cri-containerd:<id>", and
    // others.
    const auto is_part = [](char byte) { return std::isalnum(static_cast<unsigned char>(byte)) != 0; };
    const auto is_named = [&](const std::string& name) {
        for (auto at = name.find(id); at != std::string::npos; at = name.find(id, at + 1)) {
            const auto end = at + id.size();
            if ((at == 0 || !is_part(name[at - 1])) && (end == name.size() || !is_part(name[end])))
                return true;
        }
        return false;
    };
    std::string lines = text;
    std::replace(lines.begin(), lines.end(), '\n', '/');
    const auto names = components(lines);
    return !id.empty() && std::any_of(names.begin(), names.end(), is_named);
}

std::optional<ProcessRoot> open_process_root(const Container& container, std::string& problem) {
    UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, container.pid, 0)));
    const std::string proc = "/proc/" + std::to_string(container.pid);
    const UniqueFd above(::open(proc.c_str(), directory_flags));
    if (!process || !above)
        return std::nullopt;
    UniqueFd root(::openat(above.get(), "root", directory_flags));
    const auto cgroup = read_small_file(above.get(), "cgroup", 65536);
    auto table = read_mount_table(above.get());
    pollfd alive{process.get(), POLLIN, 0};
    if (!root || !cgroup || !table || !names_container(*cgroup, container.id) || ::poll(&alive, 1, 0) != 0)
        return std::nullopt;
    const auto mount = mount_id(root.get());
    const MountInfo* base = mount ? table->by_id(*mount) : nullptr;
    if (!is_root_of_namespace(root.get()) || is_our_root(root.get()) || base == nullptr ||
        base->point != "/" || file_system(base->type) == FileSystem::of_the_kernel) {
        problem = "the root directory of its process is not the container's";
        return std::nullopt;
    }
    return ProcessRoot{std::move(process), MountedTree(std::move(root), *mount, std::move(*table))};
}

} // namespace logbackup
