// SPDX-License-Identifier: MIT
#include "locate/root.hpp"

#include "locate/paths.hpp"
#include "util/error.hpp"
#include "util/files.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

namespace logbackup {
namespace {

std::string cannot_open(const std::string& path) {
    return "cannot open " + in_quotes("/" + path) + ": " + error_text(errno);
}

Root::Walk ending_of(Volume::State state) {
    switch (state) {
    case Volume::State::usable: return Root::Walk::arrived;
    case Volume::State::elsewhere: return Root::Walk::elsewhere;
    case Volume::State::gone: return Root::Walk::gone;
    case Volume::State::left_out: return Root::Walk::left_out;
    case Volume::State::missing:
    case Volume::State::refused: break;
    }
    return Root::Walk::failed;
}

} // namespace

void Root::place_mounts(const Container& container, Volumes& volumes) {
    std::vector<const Mount*> mounts;
    for (const auto& mount : container.mounts)
        mounts.push_back(&mount);
    std::stable_sort(mounts.begin(), mounts.end(), [](const Mount* a, const Mount* b) {
        return components(a->destination).size() < components(b->destination).size();
    });
    for (const auto* mount : mounts) {
        std::string path = normalized(mount->destination);
        std::string ignored; // paths that cannot be resolved are used as written
        Place place;
        if (walk(path, volumes, place, ignored) == Walk::arrived)
            path = place.path;
        else if (walk(parent_path(path), volumes, place, ignored) == Walk::arrived) // a single file
            path = joined(place.path, base_name(path));
        mounts_.push_back({mount, path});
    }
}

const Mount* Root::mount_at(const std::string& path) const {
    for (const auto& placed : mounts_)
        if (placed.path == path)
            return placed.mount;
    return nullptr;
}

bool Root::has_mount_below(const std::string& path) const {
    return std::any_of(mounts_.begin(), mounts_.end(),
                       [&](const PlacedMount& placed) { return !part_below(placed.path, path).empty(); });
}

/// The result of looking up one name in a directory.
struct Root::Lookup {
    Walk ended = Walk::arrived;
    std::string link; ///< target, if the name is a symbolic link
    bool is_file = false;
    UniqueFd file; ///< a regular file of the topmost layer or a volume
    std::vector<Held> directories;
};

/// A directory on the way, in all layers that have it. The first step is the root.
struct Root::Step {
    std::string name;
    std::vector<Held> held;
    const Mount* mount = nullptr;
};

/// Looks up a name in the layers that have the directory, topmost first. Works as overlayfs does, except for
/// opaque directories, which only a process that may mount can recognise.
Root::Lookup Root::look_up(const std::vector<Step>& steps, const std::string& name) const {
    Lookup result;
    const std::string path = Way<Step>::path_of(steps);
    for (const auto& [layer, directory] : steps.back().held) {
        const UniqueFd reopened = directory ? UniqueFd() : open_directory(layers_[layer].get(), path);
        const int where = directory ? directory.get() : reopened.get();
        UniqueFd next(where < 0 ? -1 : ::openat(where, name.c_str(), path_flags));
        const auto status = next ? status_of(next.get()) : std::nullopt;
        if (!status && errno == ENOENT)
            continue;
        if (!status) {
            result.ended = is_its_own_doing(errno) ? Walk::nowhere : Walk::failed;
            return result;
        }
        if (S_ISDIR(status->st_mode)) {
            result.directories.push_back({layer, layer == 0 ? std::move(next) : UniqueFd()});
            continue;
        }
        // Anything else hides this name in the layers below.
        const bool whiteout = kind_ == SourceKind::upper && S_ISCHR(status->st_mode) && status->st_rdev == 0;
        if (whiteout || !result.directories.empty())
            break;
        if (S_ISLNK(status->st_mode)) {
            std::array<char, PATH_MAX> target{};
            const auto length = ::readlinkat(next.get(), "", target.data(), target.size());
            result.link.assign(target.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
        } else if (S_ISREG(status->st_mode)) {
            result.is_file = true;
            result.file = layer == 0 ? std::move(next) : UniqueFd();
            return result;
        }
        if (result.link.empty()) {
            result.ended = Walk::nowhere;
            errno = ENOTDIR;
        }
        return result;
    }
    if (result.directories.empty())
        result.ended = Walk::missing;
    return result;
}

void Root::describe(std::vector<Step>& steps, Place& place) {
    place = {};
    place.mount = steps.back().mount;
    for (std::size_t i = 1; i < steps.size(); ++i) {
        place.path = joined(place.path, steps[i].name);
        place.below_mount =
            steps[i].mount != steps[i - 1].mount ? std::string() : joined(place.below_mount, steps[i].name);
    }
    // Of bare layers only the topmost is read: it contains what the container itself wrote.
    if (steps.back().held.front().layer == 0)
        place.held = std::move(steps.back().held.front().directory);
}

/// Continues in a volume.
Root::Walk Root::enter(const Mount& mount, Volumes& volumes, Step& step, std::string& reason) {
    if (mount.source.empty())
        return Walk::on_tmpfs;
    const Volume& volume = volumes.open(mount);
    reason = volume.reason;
    if (volume.state != Volume::State::usable)
        return ending_of(volume.state);
    step.mount = &mount;
    step.held.push_back({0, UniqueFd(::fcntl(volume.held.get(), F_DUPFD_CLOEXEC, 0))}); // it can be a file
    if (step.held.front().directory)
        return Walk::arrived;
    reason = "cannot open its volume " + in_quotes(mount.source) + ": " + error_text(errno);
    return Walk::failed;
}

Root::Walk Root::walk(const std::string& path, Volumes& volumes, Place& place, std::string& reason) const {
    std::vector<Step> steps(1);
    for (std::size_t i = 0; i < layers_.size(); ++i)
        steps[0].held.push_back(
            {i, i == 0 ? UniqueFd(::fcntl(layers_[i].get(), F_DUPFD_CLOEXEC, 0)) : UniqueFd()});
    Way<Step> way(path);
    while (auto name = way.next(steps)) {
        const std::string here = joined(Way<Step>::path_of(steps), *name);
        if (const Mount* mount = mount_at(here)) {
            Step step;
            auto entered = enter(*mount, volumes, step, reason);
            if (entered == Walk::gone && has_mount_below(here)) // that may be there still
                entered = Walk::failed;
            if (entered != Walk::arrived)
                return entered;
            step.name = std::move(*name);
            steps.push_back(std::move(step));
            continue;
        }
        Lookup next = look_up(steps, *name);
        if (next.is_file && way.names_left() > 0) {
            next.ended = Walk::nowhere;
            errno = ENOTDIR;
        }
        if (next.ended == Walk::failed || next.ended == Walk::nowhere)
            reason = cannot_open(here);
        if (next.ended != Walk::arrived)
            return next.ended;
        if (next.is_file) {
            describe(steps, place);
            place.path = here;
            place.below_mount = joined(place.below_mount, *name);
            place.held = std::move(next.file);
            return Walk::arrived;
        }
        if (next.link.empty()) {
            steps.push_back({std::move(*name), std::move(next.directories), steps.back().mount});
            continue;
        }
        if (!way.follow(next.link, steps)) {
            reason = cannot_open(here);
            return Walk::nowhere;
        }
    }
    describe(steps, place);
    return Walk::arrived;
}

} // namespace logbackup
