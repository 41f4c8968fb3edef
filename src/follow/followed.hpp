// SPDX-License-Identifier: MIT
#pragma once

#include "follow/handover.hpp"
#include "follow/watcher.hpp"
#include "locate/mounted_tree.hpp"
#include "logbackup/container.hpp"
#include "logbackup/held.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace logbackup {

/// The containers that a follower knows, with all that it holds of them.
class Followed {
  public:
    /// Returns the paths of the log directories of a container that are to be saved; none for one that is not
    /// ours.
    using LogDirectories = std::function<std::vector<std::string>(const Container&)>;

    /// Returns which volumes of a container are not to be opened.
    using LeftOut = std::function<MountedTree::LeftOut(const Container&)>;

    Followed(WatchLimits limits, LogDirectories log_directories, LeftOut left_out = {})
        : watcher_(limits), log_directories_(std::move(log_directories)), left_out_(std::move(left_out)) {}

    [[nodiscard]] int fd() const noexcept { return watcher_.fd(); }
    /// Takes what happened to files. Also notes containers whose layers are gone: the runtime tells later.
    void update();
    /// The same, but leaves busy containers for later; see Watcher.
    void update_in_turn();
    [[nodiscard]] bool has_more() const { return watcher_.has_more(); }

    /// Begins to follow containers; those that are followed already are described anew.
    void add(const std::vector<Container>& containers);
    [[nodiscard]] bool knows(const std::string& id) const { return all_.contains(id); }
    /// True if all its log directories are watched, or will be once they are there.
    [[nodiscard]] bool is_watched(const std::string& id) const {
        const auto found = all_.find(id);
        return found != all_.end() && is_watched(found->second);
    }
    /// Notes that a container has begun. Describe it anew then: more is mounted now, and it has a process.
    void note_start(const std::string& id, Timestamp when);
    void note_end(const std::string& id, Timestamp when);
    /// Notes that a container was removed. It stays as long as not all that is held of it is saved.
    void note_removal(const std::string& id, Timestamp when);

    /// Returns all that is held, and remembers how it is. The descriptors are good until the next call of any
    /// function.
    [[nodiscard]] HeldLogs held();
    /// Takes what a run did with it. Lets go of what is saved and lost to all others: files without a name,
    /// which nobody writes to, and removed containers. What lost its name or was removed during the run stays
    /// for the next one: nobody knows whether this one saw it. Call update() before.
    void note_saved(const HeldLogs& given, const std::vector<HeldOutcome>& outcomes);

    /// Returns the files that have lost their names and are held still.
    [[nodiscard]] std::vector<HandedFile> nameless() const;
    /// Holds such a file, as another process did until now. Returns false if it cannot.
    [[nodiscard]] bool adopt(HandedFile file);

    /// Ids of removed containers that had nothing to save.
    [[nodiscard]] const std::set<std::string>& gone_empty() const noexcept { return gone_empty_; }
    void clear_gone() { gone_empty_.clear(); }
    /// Grows with each file that loses its name and has something to save.
    [[nodiscard]] std::uint64_t losses() const noexcept { return watcher_.losses(); }
    /// Grows with each container that is removed and has something to save.
    [[nodiscard]] std::uint64_t removals() const noexcept { return removals_; }
    using Clock = std::chrono::steady_clock;
    /// True if containers are held that were removed before then.
    [[nodiscard]] bool has_removed(Clock::time_point before = Clock::time_point::max()) const;
    /// Lets go of containers that were removed so long ago: what is held keeps the disks of their volumes
    /// busy. Returns their number.
    std::size_t let_go_of_removed(std::chrono::seconds age);
    /// True if something is held that only this process has, and that is not saved as it is now.
    [[nodiscard]] bool has_unsaved() const;
    [[nodiscard]] bool lacks_watches() const noexcept { return watcher_.lacks_watches(); }

    /// Lets go of the largest files that nobody but this process keeps on the disk, as long as `is_short`
    /// says of an open file that its file system is short of space. Returns their number.
    std::size_t let_go_of_largest(const std::function<bool(int file)>& is_short);
    /// True if such a file is on a file system that is short of space.
    [[nodiscard]] bool is_burden(const std::function<bool(int file)>& is_short) const;

  private:
    struct Place {
        SourceKind kind = SourceKind::held;
        std::string below;
        std::string host_path;
        Watcher::TreeId tree = 0;
    };
    struct Directory {
        std::string path; ///< in the container
        std::string volume;
        MountAccess access = MountAccess::read_write;
        bool direct = false;
        std::vector<Place> places;
    };
    struct One {
        Container container;
        UniqueFd layer; ///< its own one; stays when it is removed
        std::vector<Directory> directories;
        bool has_started = false; ///< since it was described last: more may be mounted now
        bool is_removed = false;
        std::chrono::steady_clock::time_point removed{};
        bool is_complete = false; ///< a run has compared all of it since it ended
    };
    /// How a file was when a run got it.
    struct State {
        bool has_name = false;
        std::uint64_t size = 0;
        std::int64_t mtime = 0;
        bool operator==(const State&) const = default;
    };
    using FileId = std::pair<Watcher::TreeId, Identity>;

    void note_gone_layers();
    void watch(One& one);
    void unwatch(One& one);
    [[nodiscard]] HeldDirectory held_in(const Directory& directory);
    [[nodiscard]] static bool is_watched(const One& one);
    enum class Names { as_given, lost };
    [[nodiscard]] bool is_as_given(const One& one, Names names) const;
    [[nodiscard]] bool is_as_given(Watcher::TreeId tree, const Identity& identity, const WatchedFile& file,
                                   Names names) const;
    void note_saved(const Directory& directory);
    [[nodiscard]] static State state_of(const WatchedFile& file);
    [[nodiscard]] bool has_anything(const One& one) const;
    void forget(const std::string& id);
    /// A file that only this process keeps: the space that it takes, and what it is.
    struct Kept {
        std::int64_t blocks = 0;
        Watcher::TreeId tree = 0;
        Identity identity;
        int file = -1;
    };
    [[nodiscard]] std::vector<Kept> kept() const;

    Watcher watcher_;
    LogDirectories log_directories_;
    LeftOut left_out_;
    std::map<std::string, One> all_; ///< by id
    std::map<FileId, State> given_;  ///< to the last run
    std::map<Watcher::TreeId, std::size_t> given_not_held_;
    /// Of files that have lost their names: as they were saved. They can still be written to.
    std::map<FileId, State> saved_;
    std::set<std::string> gone_empty_;
    std::uint64_t removals_ = 0;
};

} // namespace logbackup
