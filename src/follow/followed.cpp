// SPDX-License-Identifier: MIT
#include "follow/followed.hpp"

#include "locate/host_paths.hpp"
#include "locate/to_watch.hpp"
#include "util/files.hpp"

#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

namespace logbackup {
namespace {

bool is_over(const Container& container) {
    return container.finished != Timestamp{} && container.finished >= container.started;
}

} // namespace

void Followed::update() {
    watcher_.update();
    note_gone_layers();
}

void Followed::update_in_turn() {
    watcher_.update_in_turn();
    note_gone_layers();
}

void Followed::note_gone_layers() {
    std::vector<std::string> gone;
    for (const auto& [id, one] : all_) {
        const auto status = one.is_removed ? std::nullopt : status_of(one.layer.get());
        if (status && status->st_nlink == 0)
            gone.push_back(id);
    }
    for (const auto& id : gone)
        note_removal(id, std::chrono::system_clock::now());
}

void Followed::watch(One& one) {
    one.layer = UniqueFd(::open(one.container.upper.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    HostPaths host({},
                   left_out_ ? left_out_(one.container) : nullptr); // mounts come and go: look at them anew
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
        if (!is_new && is_watched(one) && !one.has_started)
            continue;
        one.has_started = false;
        One again;
        again.container = container;
        watch(again); // before the others are let go: what they hold stays held
        unwatch(one);
        one.directories = std::move(again.directories);
        one.layer = std::move(again.layer);
    }
}

void Followed::note_start(const std::string& id, Timestamp when) {
    const auto found = all_.find(id);
    if (found == all_.end())
        return;
    found->second.container.started = when;
    found->second.container.state = ContainerState::running;
    found->second.is_complete = false;
    found->second.has_started = true;
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
    for (const auto& directory : one.directories) // what it wrote last
        for (const auto& place : directory.places)
            watcher_.update(place.tree);
    if (!is_over(one.container))
        note_end(id, when);
    if (!has_anything(one)) {
        if (is_watched(one))
            gone_empty_.insert(id);
        forget(id);
    } else if (one.is_complete && is_as_given(one, Names::lost)) {
        forget(id);
    } else if (!std::exchange(one.is_removed, true)) {
        one.removed = std::chrono::steady_clock::now();
        ++removals_;
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

Followed::State Followed::state_of(const WatchedFile& file) {
    const auto status = status_of(file.file.get());
    return status ? State{file.has_name, static_cast<std::uint64_t>(status->st_size),
                          nanoseconds_of(status->st_mtim)}
                  : State{};
}

/// True if the last run got a file as it is now. `lost`: its name may be gone since.
bool Followed::is_as_given(Watcher::TreeId tree, const Identity& identity, const WatchedFile& file,
                           Names names) const {
    const auto given = given_.find({tree, identity});
    State now = state_of(file);
    if (given != given_.end() && names == Names::lost)
        now.has_name = given->second.has_name;
    return given != given_.end() && given->second == now;
}

bool Followed::is_as_given(const One& one, Names names) const {
    for (const auto& directory : one.directories)
        for (const auto& place : directory.places)
            for (const auto& [identity, file] : watcher_.files(place.tree))
                if (!is_as_given(place.tree, identity, file, names))
                    return false;
    return true;
}

void Followed::forget(const std::string& id) {
    const auto found = all_.find(id);
    for (const auto& directory : found->second.directories)
        for (const auto& place : directory.places)
            std::erase_if(saved_, [&](const auto& one) { return one.first.first == place.tree; });
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
        given_not_held_[place.tree] = watcher_.not_held(place.tree);
        for (const auto& [identity, file] : watcher_.files(place.tree)) {
            held.files.push_back({joined(place.below, file.path), file.file.get(), file.has_name});
            given_[{place.tree, identity}] = state_of(file);
        }
    }
    // The log directory itself is not there, but what is mounted below it.
    if (!held.sources.empty() && !held.sources.front().below.empty())
        held.sources.insert(held.sources.begin(),
                            {SourceKind::held, "", held.sources.front().directory, std::string()});
    return held;
}

HeldLogs Followed::held() {
    HeldLogs held;
    given_.clear();
    given_not_held_.clear();
    for (const auto& [id, one] : all_) {
        if (one.is_removed)
            held.removed.push_back(one.container);
        held.followed.insert(id);
        for (const auto& directory : one.directories)
            held.directories.emplace(HolderId{id, directory.path}, held_in(directory));
    }
    return held;
}

/// Takes that the last run saved a log directory. Closes the files that have lost their names and are saved.
void Followed::note_saved(const Directory& directory) {
    for (const auto& place : directory.places) {
        std::vector<Identity> done;
        for (const auto& [identity, file] : watcher_.files(place.tree)) {
            if (file.has_name || !is_as_given(place.tree, identity, file, Names::as_given))
                continue;
            if (has_writer(file.file.get()))
                saved_[{place.tree, identity}] = state_of(file);
            else
                done.push_back(identity);
        }
        for (const auto& identity : done) {
            watcher_.let_go(place.tree, identity);
            saved_.erase({place.tree, identity});
        }
        if (const auto given = given_not_held_.find(place.tree);
            given != given_not_held_.end() && given->second == watcher_.not_held(place.tree))
            watcher_.forget_not_held(place.tree);
    }
}

void Followed::note_saved(const HeldLogs& given, const std::vector<HeldOutcome>& outcomes) {
    std::set<std::string> was_removed;
    for (const auto& container : given.removed)
        was_removed.insert(container.id);
    std::map<std::string, HeldOutcome> of; // container: what holds for all its log directories
    for (const auto& outcome : outcomes) {
        auto& all = of.try_emplace(outcome.directory.first, HeldOutcome{{}, true, true}).first->second;
        all.saved = all.saved && outcome.saved;
        all.compared = all.compared && outcome.compared;
    }
    for (const auto& [id, all] : of)
        if (const auto found = all_.find(id); found != all_.end())
            found->second.is_complete = all.compared && is_as_given(found->second, Names::as_given);
    for (const auto& outcome : outcomes)
        if (const auto found = all_.find(outcome.directory.first); found != all_.end() && outcome.saved)
            for (const auto& directory : found->second.directories)
                if (directory.path == outcome.directory.second)
                    note_saved(directory);
    for (const auto& [id, all] : of)
        if (all.saved && was_removed.contains(id))
            forget(id);
}

std::vector<HandedFile> Followed::nameless() const {
    std::vector<HandedFile> files;
    for (const auto& [id, one] : all_)
        for (const auto& directory : one.directories)
            for (const auto& place : directory.places)
                for (const auto& [identity, file] : watcher_.files(place.tree))
                    if (!file.has_name)
                        files.push_back({id, directory.path, place.below, file.path,
                                         UniqueFd(::fcntl(file.file.get(), F_DUPFD_CLOEXEC, 0))});
    return files;
}

bool Followed::adopt(HandedFile file) {
    const auto found = all_.find(file.container);
    if (found == all_.end())
        return false;
    for (const auto& directory : found->second.directories)
        for (const auto& place : directory.places)
            if (directory.path == file.directory && place.below == file.below)
                return watcher_.adopt(place.tree, file.path, std::move(file.file));
    return false;
}

bool Followed::has_removed(Clock::time_point before) const {
    return std::any_of(all_.begin(), all_.end(),
                       [&](const auto& one) { return one.second.is_removed && one.second.removed < before; });
}

std::size_t Followed::let_go_of_removed(std::chrono::seconds age) {
    const auto before = std::chrono::steady_clock::now() - age;
    std::vector<std::string> old;
    for (const auto& [id, one] : all_)
        if (one.is_removed && one.removed <= before)
            old.push_back(id);
    for (const auto& id : old)
        forget(id);
    return old.size();
}

bool Followed::has_unsaved() const {
    const auto is_unsaved = [&](Watcher::TreeId tree, const Identity& identity, const WatchedFile& file) {
        const auto saved = saved_.find({tree, identity});
        return !file.has_name && (saved == saved_.end() || saved->second != state_of(file));
    };
    for (const auto& [id, one] : all_) {
        if (one.is_removed)
            return true;
        for (const auto& directory : one.directories)
            for (const auto& place : directory.places)
                for (const auto& [identity, file] : watcher_.files(place.tree))
                    if (is_unsaved(place.tree, identity, file))
                        return true;
    }
    return false;
}

std::vector<Followed::Kept> Followed::kept() const {
    std::vector<Kept> files;
    for (const auto& [id, one] : all_)
        for (const auto& directory : one.directories)
            for (const auto& place : directory.places)
                for (const auto& [identity, file] : watcher_.files(place.tree)) {
                    const auto status = file.has_name ? std::nullopt : status_of(file.file.get());
                    if (status && status->st_nlink == 0 && !has_writer(file.file.get()))
                        files.push_back({status->st_blocks, place.tree, identity, file.file.get()});
                }
    return files;
}

std::size_t Followed::let_go_of_largest(const std::function<bool(int file)>& is_short) {
    std::vector<Kept> files = kept();
    std::sort(files.begin(), files.end(), [](const Kept& a, const Kept& b) { return a.blocks > b.blocks; });
    std::size_t count = 0;
    for (const auto& file : files) {
        if (!is_short(file.file))
            continue;
        watcher_.lose(file.tree, file.identity);
        ++count;
    }
    return count;
}

bool Followed::is_burden(const std::function<bool(int file)>& is_short) const {
    const auto files = kept();
    return std::any_of(files.begin(), files.end(), [&](const Kept& file) { return is_short(file.file); });
}

} // namespace logbackup
