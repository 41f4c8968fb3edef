// SPDX-License-Identifier: MIT
#include "follow/watcher.hpp"

#include "locate/paths.hpp"
#include "util/error.hpp"
#include "util/files.hpp"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace logbackup {
namespace {

constexpr std::uint32_t names_change = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
constexpr std::size_t most_reads = 16; // of a full buffer each, before the caller has its turn
/// Names of a tree that are examined in one turn.
constexpr std::size_t most_names = 20'000;
/// Changes of a tree that are queued; with more, the whole tree is scanned.
constexpr std::size_t most_changes = 2 * most_names;
constexpr std::chrono::milliseconds longest_turn{20};
/// A tree gets a tenth of the time.
constexpr int rest_after_turn = 9;
/// Files that each tree may hold, whatever the others hold.
constexpr std::size_t least_share = 16;

std::string self_path(int fd) {
    return "/proc/self/fd/" + std::to_string(fd);
}

/// True if overlayfs has copied up all of a file but its bytes. Then they are in the image, and here are
/// zeros.
bool has_no_bytes(int file) {
    return ::getxattr(self_path(file).c_str(), "trusted.overlay.metacopy", nullptr, 0) >= 0 ||
           ::getxattr(self_path(file).c_str(), "user.overlay.metacopy", nullptr, 0) >= 0;
}

/// Calls `see` for each entry of a map of paths that is `path` or lies below it.
template <class Map, class See> void each_in(Map& map, const std::string& path, const See& see) {
    for (auto next = map.lower_bound(path); next != map.end() && next->first.starts_with(path);) {
        const auto one = next++; // `see` may take it away
        if (lies_in(one->first, path))
            see(one);
    }
}

} // namespace

bool has_writer(int file) {
    if (::fcntl(file, F_SETLEASE, F_RDLCK) != 0)
        return errno == EAGAIN;
    ::fcntl(file, F_SETLEASE, F_UNLCK);
    return false;
}

Watcher::Watcher(WatchLimits limits) : limits_(limits), inotify_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
    if (!inotify_)
        throw Error("cannot watch log directories: " + error_text(errno),
                    "raise fs.inotify.max_user_instances (sysctl), or run without --follow");
}

Watcher::TreeId Watcher::add(UniqueFd top, const std::string& path) {
    const auto status = status_of(top.get());
    const Identity identity = status ? identity_of(*status) : Identity{};
    for (auto& [id, tree] : trees_)
        if (status && tree.top_identity == identity && tree.path == path) {
            ++tree.users;
            return id;
        }
    const TreeId id = next_++;
    Tree& tree = trees_[id];
    tree.top_identity = identity;
    tree.top = std::move(top);
    tree.path = path;
    tree.is_to_arrive = true;
    look(id, tree, Clock::time_point::max());
    return id;
}

void Watcher::remove(TreeId id) {
    Tree& tree = trees_.at(id);
    if (--tree.users > 0)
        return;
    lose_directory(id, tree, "");
    for (const int above : tree.above)
        unwatch(above, id, std::nullopt);
    held_ -= tree.files.size();
    trees_.erase(id);
}

/// Returns the watch, or -1.
int Watcher::watch(int directory, const Seat& seat) {
    const int watch = ::inotify_add_watch(inotify_.get(), self_path(directory).c_str(),
                                          names_change | IN_ONLYDIR | IN_MASK_ADD);
    if (watch < 0) {
        lacks_watches_ = lacks_watches_ || errno == ENOSPC;
        return -1;
    }
    auto& seats = seats_[watch];
    if (std::find(seats.begin(), seats.end(), seat) == seats.end())
        seats.push_back(seat);
    return watch;
}

/// Takes a seat of a tree from a watch: that of a directory at this path, or those above the tree.
void Watcher::unwatch(int watch, TreeId tree, const std::optional<std::string>& path) {
    const auto found = seats_.find(watch);
    if (found == seats_.end())
        return;
    std::erase_if(found->second, [&](const Seat& seat) {
        return seat.tree == tree && seat.is_above == !path && (!path || seat.path == *path);
    });
    if (!found->second.empty())
        return;
    ::inotify_rm_watch(inotify_.get(), watch); // fails if the directory is gone
    seats_.erase(found);
}

void Watcher::take_events() {
    std::array<char, 65536> buffer;
    for (std::size_t reads = 0; reads < most_reads; ++reads) {
        const auto got = ::read(inotify_.get(), buffer.data(), buffer.size());
        if (got <= 0)
            return;
        for (std::size_t at = 0; at + sizeof(inotify_event) <= static_cast<std::size_t>(got);) {
            inotify_event event{};
            std::memcpy(&event, buffer.data() + at, sizeof event);
            const char* name = buffer.data() + at + sizeof event;
            const std::string text = event.len > 0 ? std::string(name, ::strnlen(name, event.len)) : "";
            at += sizeof event + event.len;
            if ((event.mask & IN_Q_OVERFLOW) != 0) {
                for (auto& [id, tree] : trees_)
                    tree.is_to_arrive = true;
                continue;
            }
            const auto found = seats_.find(event.wd);
            if (found == seats_.end())
                continue;
            if ((event.mask & IN_IGNORED) != 0) { // the directory is gone; its parent has told, or will
                seats_.erase(found);
                continue;
            }
            for (const auto& seat : found->second) {
                const auto of = trees_.find(seat.tree);
                if (of == trees_.end())
                    continue;
                Tree& tree = of->second;
                if (!seat.is_above && tree.changed.size() <= most_changes)
                    tree.changed[joined(seat.path, text)] |=
                        (event.mask & IN_CREATE) != 0 && (event.mask & IN_ISDIR) == 0;
                else if (seat.is_above && (text.empty() || text == seat.only))
                    tree.is_to_arrive = true;
            }
        }
    }
}

void Watcher::update() {
    take_events();
    for (auto& [id, tree] : trees_)
        look(id, tree, Clock::time_point::max());
}

void Watcher::update(TreeId id) {
    take_events();
    look(id, trees_.at(id), Clock::time_point::max());
}

void Watcher::update_in_turn() {
    take_events();
    for (auto& [id, tree] : trees_) {
        const auto begin = Clock::now();
        if (!has_more(tree) || begin < tree.not_before)
            continue;
        look(id, tree, begin + longest_turn);
        const auto end = Clock::now();
        tree.not_before = end + (end - begin) * rest_after_turn;
    }
}

/// True if the log directory was there and has been deleted.
bool Watcher::is_removed(const Tree& tree) {
    const auto status = tree.directory ? status_of(tree.directory.get()) : std::nullopt;
    return status && status->st_nlink == 0;
}

bool Watcher::has_more(const Tree& tree) {
    return tree.is_to_arrive || tree.has_lost || !tree.changed.empty();
}

bool Watcher::has_more() const {
    return std::any_of(trees_.begin(), trees_.end(), [](const auto& one) { return has_more(one.second); });
}

/// Takes what the events say of a tree, or a part of it when its time is over.
void Watcher::look(TreeId id, Tree& tree, Clock::time_point until) {
    tree.names_left = most_names - std::min(most_names, tree.changed.size());
    if (tree.is_to_arrive || tree.changed.size() > most_changes)
        arrive(id, tree);
    do {
        while (!tree.changed.empty()) {
            const auto next = tree.changed.extract(tree.changed.begin());
            look_at(id, tree, next.key(), next.mapped());
            if (Clock::now() >= until)
                return;
        }
        settle(id, tree); // may begin to seek other names
    } while (!tree.changed.empty() || tree.is_seeking);
}

/// Looks for the tree and at all that is in it.
void Watcher::arrive(TreeId id, Tree& tree) {
    tree.is_to_arrive = false;
    tree.names_left = most_names;
    if (is_removed(tree)) // what was made in it has gone before it could be held
        tree.lost += static_cast<std::size_t>(std::count_if(tree.changed.begin(), tree.changed.end(),
                                                            [](const auto& one) { return one.second; }));
    tree.changed.clear();
    lose_directory(id, tree, ""); // and with it all names
    for (const int above : std::exchange(tree.above, {}))
        unwatch(above, id, std::nullopt);
    // Watch a directory before looking into it: then no name in it is overlooked.
    UniqueFd here = open_directory(tree.top.get(), "");
    for (const auto& name : components(tree.path)) {
        if (const int above = watch(here.get(), {id, "", name, true}); above >= 0)
            tree.above.push_back(above);
        here = open_directory(here.get(), name);
        if (!here)
            return;
    }
    tree.directory = std::move(here);
    scan(id, tree, "", 0);
}

void Watcher::scan(TreeId id, Tree& tree, const std::string& path, std::size_t depth) {
    const UniqueFd directory = open_directory(tree.directory.get(), path);
    const auto here = directory ? status_of(directory.get()) : std::nullopt;
    if (!here || here->st_dev != tree.top_identity.device)
        return;
    const std::size_t share = limits_.directories_in_all / 2 / trees_.size();
    if (depth > limits_.depth || path.size() > limits_.path ||
        tree.directories.size() >= limits_.directories ||
        (seats_.size() >= limits_.directories_in_all / 2 && tree.directories.size() > share)) {
        ++tree.not_held;
        return;
    }
    const int watched = watch(directory.get(), {id, path});
    if (watched < 0)
        ++tree.not_held;
    else
        tree.directories[path] = watched;
    const auto names = names_in(directory.get(), "", tree.names_left).value_or(std::vector<std::string>());
    tree.names_left -= std::min(tree.names_left, names.size());
    if (tree.names_left == 0)
        ++tree.not_held; // there may be more
    for (const auto& name : names)
        tree.changed.try_emplace(joined(path, name), false);
}

/// Looks at a path of a tree. `is_new`: a file was made there since the last look.
void Watcher::look_at(TreeId id, Tree& tree, const std::string& path, bool is_new) {
    const UniqueFd directory = open_directory(tree.directory.get(), parent_path(path));
    const auto status = directory ? status_of(directory.get()) : std::nullopt;
    const bool is_gone = !status || status->st_nlink == 0;
    if (is_gone && is_new) // before it could be held; with the log directory it is gone for ever
        ++(is_removed(tree) ? tree.lost : tree.not_held);
    if (!is_gone)
        return look_in(id, tree, directory.get(), path, components(path).size() - 1);
    lose_name(tree, path);
    lose_directory(id, tree, path);
}

/// Takes what there is at a path now.
void Watcher::look_in(TreeId id, Tree& tree, int directory, const std::string& path, std::size_t depth) {
    const UniqueFd found(
        ::openat(directory, base_name(path).c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    const auto status = found ? status_of(found.get()) : std::nullopt;
    const bool is_here = status && status->st_dev == tree.top_identity.device;
    if (!is_here || !S_ISREG(status->st_mode))
        lose_name(tree, path);
    else
        hold(tree, path, found.get(), identity_of(*status), nanoseconds_of(status->st_mtim));
    lose_directory(id, tree, path); // what is there now may be another one
    if (is_here && S_ISDIR(status->st_mode))
        scan(id, tree, path, depth + 1);
}

void Watcher::hold(Tree& tree, const std::string& path, int found, const Identity& identity,
                   std::int64_t mtime) {
    const auto known = tree.files.find(identity);
    if (const auto name = tree.names.find(path); name != tree.names.end() && name->second != identity)
        lose_name(tree, path);
    if (known != tree.files.end())
        return give_name(tree, known, path);
    if (has_no_bytes(found))
        return;
    if (!make_room(tree, mtime)) {
        ++tree.not_held;
        return;
    }
    UniqueFd file(::open(self_path(found).c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!file) {
        ++tree.not_held;
        return;
    }
    const auto held =
        tree.files.emplace(identity, WatchedFile{std::move(file), path, false, false, mtime}).first;
    give_name(tree, held, path);
    ++held_;
}

void Watcher::give_name(Tree& tree, Files::iterator file, const std::string& path) {
    auto& [identity, watched] = *file;
    if (watched.path != path && watched.has_name)
        tree.names.erase(watched.path);
    watched.path = path;
    watched.has_name = true;
    watched.was_sought = false;
    tree.names[path] = identity;
    tree.by_age.emplace(watched.mtime, identity);
}

void Watcher::take_name(Tree& tree, const Identity& identity) {
    WatchedFile& file = tree.files.at(identity);
    file.has_name = false;
    tree.has_lost = true;
    tree.by_age.erase({file.mtime, identity});
}

bool Watcher::adopt(TreeId id, const std::string& path, UniqueFd file) {
    Tree& tree = trees_.at(id);
    const auto status = status_of(file.get());
    if (!status || !S_ISREG(status->st_mode))
        return false;
    if (tree.files.contains(identity_of(*status)))
        return true;
    const auto mtime = nanoseconds_of(status->st_mtim);
    if (!make_room(tree, mtime)) {
        ++tree.lost;
        return false;
    }
    tree.files.emplace(identity_of(*status), WatchedFile{std::move(file), path, false, true, mtime});
    ++held_;
    return true;
}

/// Makes room for one more file of a tree. A tree that holds less than its share gets it from the one that
/// holds most, another lets go of its own oldest file. Files without a name go last: nobody else has them.
bool Watcher::make_room(Tree& tree, std::int64_t mtime) {
    const std::size_t share = std::max(least_share, limits_.files / std::max<std::size_t>(trees_.size(), 1));
    if (held_ < limits_.files && (tree.files.size() < share || held_ < limits_.files / 2))
        return true;
    if (tree.files.size() >= share)
        return let_go_of_oldest(tree, mtime);
    Tree* largest = &tree;
    for (auto& [id, other] : trees_)
        if (other.files.size() > largest->files.size())
            largest = &other;
    return let_go_of_oldest(*largest, INT64_MAX) ||
           (largest->files.size() > share && let_go_of_any(*largest));
}

/// Lets go of the oldest file that has a name and is older than `mtime`.
bool Watcher::let_go_of_oldest(Tree& tree, std::int64_t mtime) {
    std::size_t moved = 0;
    while (!tree.by_age.empty() && tree.by_age.begin()->first < mtime) {
        const auto file = tree.files.find(tree.by_age.begin()->second);
        tree.by_age.erase(tree.by_age.begin());
        const auto status = status_of(file->second.file.get());
        if (const auto now = status ? nanoseconds_of(status->st_mtim) : 0;
            now > file->second.mtime && moved++ < tree.files.size()) {
            file->second.mtime = now; // it has been written to since
            tree.by_age.emplace(now, file->first);
            continue;
        }
        tree.names.erase(file->second.path);
        tree.files.erase(file);
        --held_;
        ++tree.not_held;
        return true;
    }
    return false;
}

/// Lets go of a file, whether it has a name or not.
bool Watcher::let_go_of_any(Tree& tree) {
    const auto file = tree.files.begin();
    if (file == tree.files.end())
        return false;
    const auto status = status_of(file->second.file.get());
    ++(status && status->st_nlink > 0 ? tree.not_held : tree.lost); // its name may be found again
    if (file->second.has_name)
        tree.names.erase(file->second.path);
    tree.by_age.erase({file->second.mtime, file->first});
    tree.files.erase(file);
    --held_;
    return true;
}

void Watcher::lose_name(Tree& tree, const std::string& path) {
    const auto name = tree.names.find(path);
    if (name == tree.names.end())
        return;
    take_name(tree, name->second);
    tree.names.erase(name);
}

/// Forgets a directory and all below it; the files in it are still held.
void Watcher::lose_directory(TreeId id, Tree& tree, const std::string& path) {
    if (!path.empty() && !tree.directories.contains(path))
        return; // it was no directory
    each_in(tree.directories, path, [&](const auto& one) {
        unwatch(one->second, id, one->first);
        tree.directories.erase(one);
    });
    each_in(tree.names, path, [&](const auto& one) {
        take_name(tree, one->second);
        tree.names.erase(one);
    });
}

/// Decides about files that have lost their names.
void Watcher::settle(TreeId id, Tree& tree) {
    if (!std::exchange(tree.has_lost, false))
        return;
    const bool any_other_name = std::any_of(tree.files.begin(), tree.files.end(), [](const auto& one) {
        const auto& [identity, file] = one;
        const auto status = file.has_name || file.was_sought ? std::nullopt : status_of(file.file.get());
        return status && status->st_nlink > 0;
    });
    if (!std::exchange(tree.is_seeking, false) && any_other_name) { // perhaps in the tree
        tree.is_seeking = tree.has_lost = true;
        return arrive(id, tree);
    }
    for (auto next = tree.files.begin(); next != tree.files.end();) {
        const auto one = next++;
        WatchedFile& file = one->second;
        const bool is_new = !std::exchange(file.was_sought, !file.has_name);
        if (file.has_name)
            continue;
        const auto status = status_of(file.file.get());
        if (status && status->st_size == 0 && !has_writer(file.file.get())) {
            tree.files.erase(one); // it has nothing to save
            --held_;
        } else if (is_new) {
            ++losses_;
        }
    }
}

void Watcher::let_go(TreeId id, const Identity& identity) {
    auto& files = trees_.at(id).files;
    const auto found = files.find(identity);
    if (found == files.end() || found->second.has_name)
        return;
    files.erase(found);
    --held_;
}

void Watcher::lose(TreeId id, const Identity& identity) {
    let_go(id, identity);
    ++trees_.at(id).lost;
}

void Watcher::forget_not_held(TreeId id) {
    Tree& tree = trees_.at(id);
    if (std::exchange(tree.not_held, 0) > 0)
        tree.is_to_arrive = true; // there may be room by now; what is not held still, is counted again
}

} // namespace logbackup
