// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/held.hpp"
#include "logbackup/source.hpp"
#include "util/unique_fd.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace logbackup {

struct WatchLimits {
    std::size_t files = 1000;       ///< held in all trees together
    std::size_t directories = 1000; ///< watched in one tree
    std::size_t directories_in_all = 50'000;
    std::size_t depth = 100;
};

/// A file that is held open.
struct WatchedFile {
    UniqueFd file;
    std::string path; ///< below the tree; the last one that it had there
    bool has_name = false;
    bool was_sought = false; ///< it lost its name, and has no other one in the tree
    std::int64_t mtime = 0;  ///< as it was when the file was first held, in nanoseconds
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

    /// Takes what happened. There may be more to take when it returns: then fd() is readable still.
    void update();

    using Files = std::map<Identity, WatchedFile>;
    [[nodiscard]] const Files& files(TreeId tree) const { return trees_.at(tree).files; }
    /// Returns the directory (O_PATH) as it is, or was last; -1 as long as there was none.
    [[nodiscard]] int directory(TreeId tree) const { return trees_.at(tree).directory.get(); }
    /// Returns the number of files that have lost their names.
    [[nodiscard]] std::size_t nameless(TreeId tree) const { return trees_.at(tree).nameless; }
    /// Returns the number of files that were not held, and of directories that were not watched.
    [[nodiscard]] std::size_t not_held(TreeId tree) const {
        return trees_.at(tree).not_held + trees_.at(tree).lost;
    }
    /// Closes a file that has lost its name. One that is lost with that counts as not held.
    void let_go(TreeId id, const Identity& identity);
    void lose(TreeId id, const Identity& identity) {
        let_go(id, identity);
        ++trees_.at(id).lost;
    }
    /// Returns whether there was no room in the kernel for a watch.
    [[nodiscard]] bool lacks_watches() const noexcept { return lacks_watches_; }
    [[nodiscard]] std::size_t held() const noexcept { return held_; }
    /// Grows with each file that loses its name and has something to save.
    [[nodiscard]] std::uint64_t losses() const noexcept { return losses_; }

  private:
    /// A directory that is watched, as one of a tree sees it.
    struct Seat {
        TreeId tree = 0;
        std::string path;   ///< below the tree
        std::string only{}; ///< a directory above the tree: the only name of interest
        bool is_above = false;
        auto operator<=>(const Seat&) const = default;
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
        std::set<std::string> changed;          ///< paths to look at
        bool is_to_arrive = false;              ///< look at everything
        bool has_lost = false;                  ///< a file may have lost its name
        std::size_t not_held = 0;               ///< counted anew with each look at everything
        std::size_t lost = 0;                   ///< let go of unsaved
        std::size_t nameless = 0;
    };

    void take_events();
    void arrive(TreeId id, Tree& tree);
    void scan(TreeId id, Tree& tree, const std::string& path, std::size_t depth);
    void look_at(TreeId id, Tree& tree, const std::string& path);
    void look_in(TreeId id, Tree& tree, int directory, const std::string& path, std::size_t depth);
    void hold(Tree& tree, const std::string& path, int found, const Identity& identity, std::int64_t mtime);
    [[nodiscard]] bool make_room(Tree& tree, std::int64_t mtime);
    [[nodiscard]] bool let_go_of_oldest(Tree& tree, std::int64_t mtime);
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
