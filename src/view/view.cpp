// SPDX-License-Identifier: MIT
#include "view/view.hpp"

#include "util/error.hpp"
#include "util/files.hpp"
#include "util/text.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>

namespace logbackup {
namespace {

/// Returns the mounted tree that contains a path of the log directory, and the path in that tree.
std::pair<const UniqueFd*, std::string> resolve(const Tree& tree, const std::string& path) {
    std::pair<const UniqueFd*, std::string> best{&tree.held, path};
    std::size_t longest = 0;
    for (const auto& [below, held] : tree.mounted) {
        if (below.size() < longest || !lies_in(path, below))
            continue;
        longest = below.size();
        best = {&held, part_below(path, below)};
    }
    return best;
}

/// Opens a file that is held by itself. Its container can hold a lease on it, which would block.
UniqueFd reopened(int held) {
    const auto status = status_of(held);
    if (!status || !S_ISREG(status->st_mode)) {
        errno = ENXIO;
        return {};
    }
    return UniqueFd(::open(("/proc/self/fd/" + std::to_string(held)).c_str(),
                           O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
}

/// Builds the view with mounts: clones every source onto its place.
int mount_all(const LogDirectory& found, const std::string& directory, const PrivateMounts& mounts) {
    const UniqueFd top = make_directories(mounts.view(), directory, 0700, static_cast<gid_t>(-1));
    for (const auto& source : found.sources) {
        UniqueFd place;
        if (source.below.empty()) {
            place = UniqueFd(::fcntl(top.get(), F_DUPFD_CLOEXEC, 0));
        } else {
            // The container controls its place: follow the path through real directories only.
            const UniqueFd above =
                open_directory(mounts.view(), joined(directory, parent_path(source.below)));
            if (above)
                place = UniqueFd(
                    ::openat(above.get(), base_name(source.below).c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
        }
        if (!place)
            return errno;
        const int process = source.kind == SourceKind::process ? found.process.get() : -1;
        if (const int error = mounts.clone_onto(source.held.get(), place.get(), process); error != 0)
            return error;
    }
    return 0;
}

} // namespace

const UniqueFd* Tree::mounted_at(const std::string& path) const {
    for (const auto& [below, fd] : mounted)
        if (below == path)
            return &fd;
    return nullptr;
}

bool Tree::leaves_out(const std::string& path) const {
    return std::any_of(left_out.begin(), left_out.end(),
                       [&](const std::string& below) { return lies_in(path, below); });
}

UniqueFd open_in(const Tree& tree, const std::string& path) {
    if (const auto file = tree.files.find(path); file != tree.files.end())
        return reopened(file->second.get());
    const auto [held, below] = resolve(tree, path);
    return below.empty() ? reopened(held->get()) : open_regular(held->get(), below); // "": it is mounted
}

UniqueFd locate_in(const Tree& tree, const std::string& path) {
    if (const auto file = tree.files.find(path); file != tree.files.end())
        return UniqueFd(::fcntl(file->second.get(), F_DUPFD_CLOEXEC, 0));
    const auto [held, below] = resolve(tree, path);
    if (!below.empty())
        return locate_regular(held->get(), below);
    return UniqueFd(::fcntl(held->get(), F_DUPFD_CLOEXEC, 0));
}

bool lies_in_memory(int file) {
    struct statfs status {};
    return ::fstatfs(file, &status) == 0 && (status.f_type == TMPFS_MAGIC || status.f_type == RAMFS_MAGIC);
}

Tree show(LogDirectory found, const std::string& directory, const PrivateMounts* mounts,
          std::string& problem) {
    Tree tree;
    tree.directory = directory;
    tree.kind = found.sources.front().kind;
    tree.in_memory = std::any_of(found.sources.begin(), found.sources.end(),
                                 [](const Source& source) { return lies_in_memory(source.held.get()); });
    if (mounts == nullptr) {
        for (auto& source : found.sources) {
            if (source.below.empty())
                tree.held = std::move(source.held);
            else
                tree.mounted.emplace_back(source.below, std::move(source.held));
        }
        return tree;
    }
    if (const int error = mount_all(found, directory, *mounts); error != 0)
        problem = "cannot mount its log directory: " + error_text(error);
    else if (tree.held = open_directory(mounts->view(), directory); !tree.held)
        problem = "cannot open its mounted log directory: " + error_text(errno);
    return tree;
}

} // namespace logbackup
