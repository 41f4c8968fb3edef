// SPDX-License-Identifier: MIT
#include "locate/volumes.hpp"

#include "util/error.hpp"
#include "util/files.hpp"

#include <fcntl.h>

#include <algorithm>

namespace logbackup {
namespace {

/// Returns how many names at the end of a volume's path are removed together with it: the kubelet removes a
/// pod's directory "<root>/pods/<uid>", Docker the directory "<root>/volumes/<name>".
std::size_t names_of_its_own(const std::string& source) {
    const auto names = components(source);
    for (std::size_t i = 0; i + 3 < names.size(); ++i)
        if (names[i] == "pods" && (names[i + 2] == "volumes" || names[i + 2] == "volume-subpaths"))
            return names.size() - i - 1;
    const bool is_docker_s =
        names.size() > 2 && names.back() == "_data" && names[names.size() - 3] == "volumes";
    return is_docker_s ? 2 : 1;
}

/// True if the volume was removed: the directory that it lay in is still there. An empty one may be the mount
/// point of a disk that is not mounted, unless it is the kubelet's. A link on the way may be a container's.
bool is_removed(const std::string& source, const MountedTree::Place& place, HostPaths& host) {
    const std::size_t own = names_of_its_own(source);
    if (place.ended != MountedTree::Ended::missing || place.names_missing > own ||
        place.links == MountedTree::Links::changed)
        return false;
    if (own > 2)
        return true;
    const auto above = host.open("/" + parent_path(place.path)); // the first name that is missing lay there
    const auto names = above.held ? names_in(above.held.get(), "", 1) : std::nullopt;
    return names && !names->empty();
}

} // namespace

bool is_same_file(int one, int other) {
    const auto first = status_of(one);
    const auto second = status_of(other);
    return first && second && first->st_dev == second->st_dev && first->st_ino == second->st_ino;
}

Volume& Volumes::open(const Mount& mount) {
    const auto found = opened_.find(&mount);
    return found != opened_.end() ? found->second : opened_.emplace(&mount, look(mount)).first->second;
}

Volume Volumes::look(const Mount& mount) {
    using Ended = MountedTree::Ended;
    using Links = MountedTree::Links;
    auto place = host_.open(mount.source, container_.created);
    Volume volume;
    volume.path = "/" + place.path;
    if (place.is_left_out) {
        volume.state = Volume::State::left_out;
        volume.reason = place.reason;
        return volume;
    }
    ProcessRoot* process = place.ended == Ended::refused ? nullptr : process_();
    if (place.ended != Ended::arrived) {
        volume.state = process != nullptr ? Volume::State::elsewhere
                       : container_.is_still() && is_removed(mount.source, place, host_) ? Volume::State::gone
                       : place.ended == Ended::missing ? Volume::State::missing
                                                       : Volume::State::refused;
        volume.reason = "cannot open its volume " + in_quotes(mount.source) + ": " + place.reason;
        return volume;
    }
    volume.held = std::move(place.held);
    if (process != nullptr) {
        const auto inside = process->tree.open(mount.destination);
        const bool same = inside.held && is_same_file(inside.held.get(), volume.held.get());
        volume.state = same ? Volume::State::usable : Volume::State::elsewhere;
        volume.linked = same && place.links != Links::none;
    } else if (place.links != Links::changed || host_.was_seen(mount.source, volume.path)) {
        volume.state = Volume::State::usable;
    }
    if (volume.state == Volume::State::refused)
        volume.reason =
            "its volume " + in_quotes(mount.source) +
            " leads through a symbolic link, which a container may have put there, and no run saw "
            "it while the container was running";
    else if (volume.state == Volume::State::elsewhere)
        volume.reason =
            "the container has mounted something other than its volume " + in_quotes(mount.source);
    return volume;
}

} // namespace logbackup
