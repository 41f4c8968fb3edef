// SPDX-License-Identifier: MIT
#include "follow/followed.hpp"

#include "locate/host_paths.hpp"
#include "locate/to_watch.hpp"
#include "util/files.hpp"

#include <algorithm>
#include <optional>
#include <tuple>

namespace logbackup {
namespace {

bool is_over(const Container& container) {
    return container.finished != Timestamp{} && container.finished >= container.started;
}

} // namespace

void Followed::watch(One& one) {
    HostPaths host({}, left_out_); // mounts come and go: look at them anew
    const auto paths = log_directories_(one.container);
    auto found = places_to_watch(one.container, paths, host);
    for (std::size_t i = 0; i < paths.size(); ++i) {
        Directory directory{paths[i], std::move(found[i].volume), found[i].access, found[i].direct, {}};
        for (auto& place : found[i].places)
            directory.places.push_back({place.kind == SourceKind::upper ? SourceKind::held : place.kind,
                                        std::move(place.below), std::move(place.host_path),
                                        watcher_.add(std::move(place.top), place.path)});
        one.directories.push_back(std::move(directory));
    }
}

void Followed::unwatch(One& one) {
    for (const auto& directory : one.directories)
        for (const auto& place : directory.places)
            watcher_.remove(place.tree);
    one.directories.clear();
}

void Followed::add(const std::vector<Container>& containers) {
    for (const auto& container : containers) {
        const auto [known, is_new] = all_.try_emplace(container.id);
        One& one = known->second;
        if (one.is_removed)
            continue;
        one.container = container;
        if (!is_new && is_watched(one))
            continue;
        One again;
        again.container = container;
        watch(again); // before the others are let go: what they hold stays held
        unwatch(one);
        one.directories = std::move(again.directories);
    }
}

std::set<std::string> Followed::ids() const {
    std::set<std::string> ids;
    for (const auto& [id, one] : all_)
        ids.insert(id);
    return ids;
}

void Followed::note_start(const std::string& id, Timestamp when) {
    const auto found = all_.find(id);
    if (found == all_.end())
        return;
    found->second.container.started = when;
    found->second.container.state = ContainerState::running;
    found->second.is_complete = false;
}

void Followed::note_end(const std::string& id, Timestamp when) {
    const auto found = all_.find(id);
    if (found == all_.end())
        return;
    Container& container = found->second.container;
    container.state = ContainerState::exited;
    container.pid = 0;
    container.finished = when;
}

void Followed::note_removal(const std::string& id, Timestamp when) {
    const auto found = all_.find(id);
    if (found == all_.end())
        return;
    One& one = found->second;
    if (!is_over(one.container))
        note_end(id, when);
    if (!has_anything(one)) {
        if (is_watched(one))
            gone_empty_.insert(id);
        forget(id);
    } else if (one.is_complete && is_as_given(one)) {
        forget(id);
    } else {
        one.is_removed = true;
    }
}

bool Followed::has_anything(const One& one) const {
    return std::any_of(one.directories.begin(), one.directories.end(), [&](const Directory& directory) {
        return std::any_of(directory.places.begin(), directory.places.end(), [&](const Place& place) {
            return !watcher_.files(place.tree).empty() || watcher_.not_held(place.tree) > 0;
        });
    });
}

/// True if it could be seen what a container writes.
bool Followed::is_watched(const One& one) {
    return !one.directories.empty() &&
           std::all_of(one.directories.begin(), one.directories.end(),
                       [](const Directory& directory) { return !directory.places.empty(); });
}

bool Followed::is_as_given(const One& one) const {
    for (const auto& directory : one.directories)
        for (const auto& place : directory.places)
            for (const auto& [identity, file] : watcher_.files(place.tree)) {
                const auto given = given_.find({place.tree, identity});
                const auto status = status_of(file.file.get());
                if (given == given_.end() || !status ||
                    given->second !=
                        State{static_cast<std::uint64_t>(status->st_size), nanoseconds_of(status->st_mtim)})
                    return false;
            }
    return true;
}

void Followed::forget(const std::string& id) {
    const auto found = all_.find(id);
    unwatch(found->second);
    all_.erase(found);
}

HeldDirectory Followed::held_in(const Directory& directory) {
    HeldDirectory held;
    held.volume = directory.volume;
    held.access = directory.access;
    held.direct = directory.direct;
    for (const auto& place : directory.places) {
        const int there = watcher_.directory(place.tree);
        if (there >= 0)
            held.sources.push_back({place.kind, place.below, there, place.host_path});
        held.not_held += watcher_.not_held(place.tree);
        for (const auto& [identity, file] : watcher_.files(place.tree)) {
            held.files.push_back({joined(place.below, file.path), file.file.get(), file.has_name});
            if (const auto status = status_of(file.file.get()))
                given_[{place.tree, identity}] = {static_cast<std::uint64_t>(status->st_size),
                                                  nanoseconds_of(status->st_mtim)};
        }
    }
    if (!held.sources.empty() && !held.sources.front().below.empty())
        held.sources.clear(); // the log directory itself is not there
    return held;
}

HeldLogs Followed::held() {
    HeldLogs held;
    given_.clear();
    for (const auto& [id, one] : all_) {
        if (one.is_removed)
            held.removed.push_back(one.container);
        held.followed.insert(id);
        for (const auto& directory : one.directories)
            held.directories.emplace(HolderId{id, directory.path}, held_in(directory));
    }
    return held;
}

void Followed::note_saved(const HeldLogs& given, const std::vector<HeldOutcome>& outcomes) {
    std::map<std::string, std::pair<bool, bool>> of; // container: all saved, all compared
    std::set<std::string> was_removed;
    for (const auto& container : given.removed)
        was_removed.insert(container.id);
    for (const auto& [id, saved, compared] : outcomes) {
        auto& [all_saved, all_compared] = of.try_emplace(id.first, true, true).first->second;
        all_saved = all_saved && saved;
        all_compared = all_compared && compared;
        const auto found = all_.find(id.first);
        if (!saved || found == all_.end())
            continue;
        for (const auto& directory : found->second.directories) {
            if (directory.path != id.second)
                continue;
            for (const auto& place : directory.places) {
                std::vector<Identity> done;
                for (const auto& [identity, file] : watcher_.files(place.tree)) {
                    const auto before = given_.find({place.tree, identity});
                    const auto status = status_of(file.file.get());
                    if (!file.has_name && before != given_.end() && status &&
                        before->second == State{static_cast<std::uint64_t>(status->st_size),
                                                nanoseconds_of(status->st_mtim)} &&
                        !has_writer(file.file.get()))
                        done.push_back(identity);
                }
                for (const auto& identity : done)
                    watcher_.let_go(place.tree, identity);
            }
        }
    }
    for (const auto& [id, what] : of) {
        const auto found = all_.find(id);
        if (found == all_.end())
            continue;
        const auto [all_saved, all_compared] = what;
        found->second.is_complete = all_compared;
        if (found->second.is_removed && all_saved && is_as_given(found->second) &&
            (was_removed.contains(id) || all_compared))
            forget(id);
    }
}

bool Followed::has_removed() const {
    return std::any_of(all_.begin(), all_.end(), [](const auto& one) { return one.second.is_removed; });
}

std::size_t Followed::nameless() const {
    std::size_t count = 0;
    for (const auto& [id, one] : all_)
        for (const auto& directory : one.directories)
            for (const auto& place : directory.places)
                count += watcher_.nameless(place.tree);
    return count;
}

std::size_t Followed::let_go_of_largest(const std::function<bool()>& enough) {
    std::vector<std::tuple<std::int64_t, Watcher::TreeId, Identity>> files;
    for (const auto& [id, one] : all_)
        for (const auto& directory : one.directories)
            for (const auto& place : directory.places)
                for (const auto& [identity, file] : watcher_.files(place.tree))
                    if (const auto status = status_of(file.file.get());
                        status && !file.has_name && status->st_nlink == 0)
                        files.emplace_back(status->st_blocks, place.tree, identity);
    std::sort(files.rbegin(), files.rend());
    std::size_t count = 0;
    for (const auto& [blocks, tree, identity] : files) {
        if (enough())
            break;
        watcher_.let_go(tree, identity);
        ++count;
    }
    return count;
}

} // namespace logbackup
