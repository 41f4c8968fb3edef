// SPDX-License-Identifier: MIT
#include "locate/host_paths.hpp"

#include "util/error.hpp"
#include "util/files.hpp"

#include <fcntl.h>

#include <cerrno>

namespace logbackup {

MountedTree* HostPaths::tree() {
    if (tree_ || !problem_.empty())
        return tree_ ? &*tree_ : nullptr;
    const UniqueFd self(::open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC));
    UniqueFd root(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    auto table = read_mount_table(self.get());
    const int error = errno;
    const auto mount = mount_id(root.get());
    if (table && mount) {
        tree_.emplace(std::move(root), *mount, std::move(*table));
        tree_->leave_out(left_out_);
    } else {
        problem_ = "the host's mounts cannot be read: " + error_text(table ? ENODATA : error);
    }
    return tree_ ? &*tree_ : nullptr;
}

bool HostPaths::leaves_out(const std::string& path) const {
    std::string part;
    for (const auto& name : components(path))
        if (part.append("/").append(name); left_out_ && left_out_(part))
            return true;
    return false;
}

MountedTree::Place HostPaths::open(const std::string& path, Timestamp links_since) {
    if (leaves_out(path)) // also where nothing is mounted now
        return MountedTree::left_out(normalized(path));
    if (MountedTree* host = tree())
        return host->open(path, links_since);
    MountedTree::Place place;
    place.reason = problem_;
    return place;
}

std::string HostPaths::problem_below(const std::string& path) {
    const MountedTree* host = tree();
    return host == nullptr ? problem_ : host->problem_below(path);
}

} // namespace logbackup
