// SPDX-License-Identifier: MIT
#include "locate/to_watch.hpp"

#include "locate/locator.hpp"
#include "locate/paths.hpp"
#include "util/files.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/vfs.h>

#include <algorithm>
#include <utility>

namespace logbackup {
namespace {

/// Returns a descriptor of a directory in a clone of its mount that is mounted nowhere. So nobody who
/// unmounts finds the mount busy, and nothing that is mounted below is seen.
UniqueFd apart(int directory) {
    UniqueFd cloned(::open_tree(directory, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH));
    // The kernel refuses a clone without the right to mount, and of a mount in another mount namespace.
    return cloned ? std::move(cloned) : UniqueFd(::fcntl(directory, F_DUPFD_CLOEXEC, 0));
}

bool is_overlay(int directory) {
    struct statfs status {};
    return ::fstatfs(directory, &status) != 0 || status.f_type == OVERLAYFS_SUPER_MAGIC;
}

/// Returns the innermost mount at a path or above it; nullptr if there is none.
const PlacedMount* innermost_above(const std::vector<PlacedMount>& mounts, const std::string& path) {
    const PlacedMount* innermost = nullptr;
    for (const auto& placed : mounts)
        if (lies_in(path, placed.path) &&
            (innermost == nullptr || placed.path.size() >= innermost->path.size()))
            innermost = &placed;
    return innermost;
}

} // namespace

/// Returns the container's layers as they lie on the host.
std::optional<Root> Locator::bare_layers() const {
    std::vector<UniqueFd> layers;
    layers.emplace_back(container_.upper.empty() ? -1 : ::open(container_.upper.c_str(), directory_flags));
    if (!layers.front())
        return std::nullopt;
    for (const auto& lower : container_.lowers)
        if (UniqueFd held(::open(lower.c_str(), directory_flags)); held)
            layers.push_back(std::move(held));
    return Root(SourceKind::upper, std::move(layers), container_.upper);
}

/// A log directory that only the container's process can see, such as a tmpfs.
ToWatch Locator::watch_in_process(const std::string& log_directory) {
    ToWatch watch;
    if (process() == nullptr)
        return watch;
    auto place = process()->tree.open(log_directory);
    const auto status = place.held ? status_of(place.held.get()) : std::nullopt;
    if (status && S_ISDIR(status->st_mode) && !is_overlay(place.held.get()))
        watch.places.push_back({SourceKind::process, "", apart(place.held.get()), "", ""});
    return watch;
}

ToWatch Locator::watch_in(const Root& root, const std::string& log_directory) {
    Root::Place place;
    std::string missing; // the end of the path that does not exist yet
    std::string path = normalized(log_directory);
    std::string reason;
    auto ended = root.walk(path, volumes_, place, reason);
    while (ended == Root::Walk::missing && !path.empty()) {
        missing = joined(base_name(path), missing);
        path = parent_path(path);
        ended = root.walk(path, volumes_, place, reason);
    }
    if (ended == Root::Walk::on_tmpfs || ended == Root::Walk::elsewhere)
        return watch_in_process(log_directory);
    ToWatch watch;
    if (ended != Root::Walk::arrived)
        return watch;
    const std::string canonical = joined(place.path, missing);
    // The runtime makes a mount point that is missing only when the container starts.
    const auto* placed = innermost_above(root.mounts(), canonical);
    if (placed == nullptr) {
        watch.places.push_back(
            {SourceKind::upper, "", apart(root.top()), canonical, root.host_path() + "/" + canonical});
    } else if (placed->mount->source.empty()) {
        return watch_in_process(log_directory);
    } else {
        const Mount& mount = *placed->mount;
        const Volume& volume = volumes_.open(mount);
        const std::string below = part_below(canonical, placed->path);
        if (volume.state != Volume::State::usable)
            return watch;
        watch.volume = joined(mount.source, below);
        watch.access = mount.access;
        watch.direct = components(joined(mount.destination, below)) == components(log_directory);
        watch.places.push_back(
            {SourceKind::volume, "", apart(volume.held.get()), below, joined(volume.path, below)});
    }
    for (const auto& [mount, where] : root.mounts()) {
        const std::string below = part_below(where, canonical);
        if (below.empty() || mount->source.empty())
            continue;
        const Volume& volume = volumes_.open(*mount);
        const auto status = volume.held ? status_of(volume.held.get()) : std::nullopt;
        if (volume.state == Volume::State::usable && status && S_ISDIR(status->st_mode))
            watch.places.push_back({SourceKind::volume, below, apart(volume.held.get()), "", volume.path});
    }
    return watch;
}

std::vector<ToWatch> Locator::to_watch(const std::vector<std::string>& log_directories) {
    std::vector<ToWatch> all(log_directories.size());
    auto root = bare_layers();
    if (!root)
        return all;
    root->place_mounts(container_, volumes_);
    for (std::size_t i = 0; i < log_directories.size(); ++i)
        if (!is_left_out(log_directories[i]))
            all[i] = watch_in(*root, log_directories[i]);
    return all;
}

std::vector<ToWatch> places_to_watch(const Container& container,
                                     const std::vector<std::string>& log_directories, HostPaths& host) {
    return Locator(container, nullptr, host).to_watch(log_directories);
}

} // namespace logbackup
