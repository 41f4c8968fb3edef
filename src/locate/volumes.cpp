// SPDX-License-Identifier: MIT
#include "locate/volumes.hpp"

#include "util/error.hpp"
#include "util/files.hpp"

namespace logbackup {

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
    ProcessRoot* process = place.ended == Ended::refused ? nullptr : process_();
    if (place.ended != Ended::arrived) {
        volume.state = process != nullptr              ? Volume::State::elsewhere
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
        volume.reason = "what it has mounted is not its volume " + in_quotes(mount.source);
    return volume;
}

} // namespace logbackup
