// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/held.hpp"
#include "logbackup/source.hpp"
#include "util/unique_fd.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace logbackup {

struct WatchLimits {
    std::size_t files = 1000;       ///< held in all trees together
    std::size_t directories = 1000; ///< watched in one tree
    std::size_t directories_in_all = 50'000;
    std::size_t depth = 100;
    std::size_t path = 4096; ///< bytes
};

/// A file that is held open.
struct WatchedFile {
    UniqueFd file;
    std::string path; ///< below the tree; the last one that it had there
    bool has_name = false;
    bool was_sought = false; ///< it lost its name, and has no other one in the tree
    std::int64_t mtime = 0;  ///< as it was when it was last looked at, in nanoseconds
};

/// True if somebody has the file open for writing. False also if this process may not know.
[[nodiscard]] bool has_writer(int file);

/// Watches directory trees by one inotify(7) instance and holds their regular files open, so that the bytes
/// of a file stay when it is deleted, and all when the tree is. What an event says is only taken as a hint
/// where to look: events can be late, and many can be one.
///
/// The trees are hostile: no link is followed and no device is opened, what is mounted below is not seen, and
/// each tree has its share of the limits.
class Watcher {
  public:
    using TreeId = std::size_t;

    /// Throws Error when the kernel has no room for another instance.
    explicit Watcher(WatchLimits limits);

    /// Becomes readable when something happened: then call update().
    [[nodiscard]] int fd() const noexcept { return inotify_.get(); }

    /// Watches the directory `path` below `top`, which need not exist yet. One that is watched already is the
    /// same tree, and needs to be removed as often as it was added.
    TreeId add(UniqueFd top, const std::string& path);
    void remove(TreeId id);

    /// Takes what happened in all trees.
    void update();
    /// Takes what happened in one tree.
    void update(TreeId id);
    /// Takes what happened, but leaves a tree for later that has had a tenth of the time: a container that
    /// does much costs the others nothing.
    void update_in_turn();
    /// True if there is more to do although nothing new happened.
    [[nodiscard]] bool has_more() const;

    /// Holds a file that lost its name before. Returns false if it is not a regular file, or if there is no
    /// room for it.
    [[nodiscard]] bool adopt(TreeId id, const std::string& path, UniqueFd file);

    using Files = std::map<Identity, WatchedFile>;
    [[nodiscard]] const Files& files(TreeId tree) const { return trees_.at(tree).files; }
    /// Returns the directory (O_PATH) as it is, or was last; -1 as long as there was none.
    [[nodiscard]] int directory(TreeId tree) const { return trees_.at(tree).directory.get(); }
    /// Returns the number of files that were not held, or let go unsaved, and of directories that were not
    /// watched; one that was seen twice counts twice.
    [[nodiscard]] std::size_t not_held(TreeId tree) const {
        return trees_.at(tree).not_held + trees_.at(tree).lost;
    }
    /// Begins this number anew, but for what was let go: a run has saved what is there.
    void forget_not_held(TreeId id);
    /// Closes a file that has lost its name.
    void let_go(TreeId id, const Identity& identity);
    /// The same, unsaved.
    void lose(TreeId id, const Identity& identity);
    /// Returns whether there was no room in the kernel for a watch.
    [[nodiscard]] bool lacks_watches() const noexcept { return lacks_watches_; }
    /// Grows with each file that loses its name and has something to save.
    [[nodiscard]] std::uint64_t losses() const noexcept { return losses_; }

  private:
    using Clock = std::chrono::steady_clock;
    /// A directory that is watched, as one of a tree sees it.
    struct Seat {
        TreeId tree = 0;
        std::string path;   ///< below the tree
        std::string only{}; ///< a directory above the tree: the only name of interest
        bool is_above = false;
        bool operator==(const Seat&) const = default;
    };
    struct Tree {
        std::size_t users = 1;
        Identity top_identity;
        UniqueFd top;
        std::string path;
        UniqueFd directory;
        Files files;
        std::map<std::string, Identity> names;  ///< of files, by path
        std::map<std::string, int> directories; ///< their watches, by path; "" is the tree itself
        std::vector<int> above;                 ///< watches of the directories above it
        /// Paths to look at. True: a file was made there since the last look.
        std::map<std::string, bool> changed;
        std::size_t names_left = 0;                         ///< to look at in this turn
        bool is_to_arrive = false;                          ///< look at everything
        bool has_lost = false;                              ///< a file may have lost its name
        bool is_seeking = false;                            ///< another name of such a file
        Clock::time_point not_before{};                     ///< its turn
        std::set<std::pair<std::int64_t, Identity>> by_age; ///< the files that have names, by their times
        std::size_t not_held = 0;
        std::size_t lost = 0; ///< let go without a name
    };

    void take_events();
    void look(TreeId id, Tree& tree, Clock::time_point until);
    [[nodiscard]] static bool has_more(const Tree& tree);
    [[nodiscard]] static bool is_removed(const Tree& tree);
    void arrive(TreeId id, Tree& tree);
    void scan(TreeId id, Tree& tree, const std::string& path, std::size_t depth);
    static void give_name(Tree& tree, Files::iterator file, const std::string& path);
    static void take_name(Tree& tree, const Identity& identity);
    void look_at(TreeId id, Tree& tree, const std::string& path, bool is_new);
    void look_in(TreeId id, Tree& tree, int directory, const std::string& path, std::size_t depth);
    void hold(Tree& tree, const std::string& path, int found, const Identity& identity, std::int64_t mtime);
    [[nodiscard]] bool make_room(Tree& tree, std::int64_t mtime);
    [[nodiscard]] bool let_go_of_oldest(Tree& tree, std::int64_t mtime);
    [[nodiscard]] bool let_go_of_any(Tree& tree);
    static void lose_name(Tree& tree, const std::string& path);
    void lose_directory(TreeId id, Tree& tree, const std::string& path);
    void settle(TreeId id, Tree& tree);
    [[nodiscard]] int watch(int directory, const Seat& seat);
    void unwatch(int watch, TreeId tree, const std::optional<std::string>& path);

    WatchLimits limits_;
    UniqueFd inotify_;
    std::map<TreeId, Tree> trees_;
    std::map<int, std::vector<Seat>> seats_; ///< by watch
    TreeId next_ = 0;
    std::size_t held_ = 0;
    std::uint64_t losses_ = 0;
    bool lacks_watches_ = false;
};

} // namespace logbackup
