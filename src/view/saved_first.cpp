// SPDX-License-Identifier: MIT
#include "view/listing.hpp"

#include "util/error.hpp"
#include "util/files.hpp"
#include "util/glob.hpp"
#include "view/entry.hpp"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

/// The listing of a log directory that has more than the limit: what is saved and has changed, and then the
/// newest files, because a log that is being written is among them.
namespace logbackup {
namespace {

/// Keeps the files that are most wanted, as many as the limits allow.
class MostWanted {
  public:
    explicit MostWanted(const ListingLimits& limits) : limits_(limits) {}

    /// True if a file of this time would be kept at present.
    [[nodiscard]] bool wants(std::int64_t mtime) const {
        return files_.size() < limits_.entries ||
               (!files_.empty() && !files_.front().goes_on && mtime >= files_.front().entry.mtime);
    }

    /// `goes_on`: it is saved, and has changed since.
    void add(Entry entry, bool goes_on) {
        bytes_ += entry.path.size();
        files_.push_back({std::move(entry), goes_on});
        std::push_heap(files_.begin(), files_.end(), is_wanted_more);
        while (files_.size() > limits_.entries || bytes_ > limits_.paths) {
            std::pop_heap(files_.begin(), files_.end(), is_wanted_more);
            bytes_ -= files_.back().entry.path.size();
            files_.pop_back();
        }
    }

    /// Returns the files with the directories above them, by path.
    [[nodiscard]] std::vector<Entry> take() {
        std::sort_heap(files_.begin(), files_.end(), is_wanted_more);
        bytes_ = 0;
        std::vector<Entry> entries;
        std::unordered_set<std::string> directories;
        for (auto& [entry, goes_on] : files_) {
            const auto above = missing_above(entry.path, directories);
            std::size_t bytes = entry.path.size();
            for (const auto& directory : above)
                bytes += directory.size();
            if (entries.size() + above.size() + 1 > limits_.entries || bytes_ + bytes > limits_.paths)
                continue;
            bytes_ += bytes;
            for (const auto& directory : above) {
                entries.emplace_back().path = directory;
                entries.back().type = FileType::directory;
                directories.insert(directory);
            }
            entries.push_back(std::move(entry));
        }
        std::sort(entries.begin(), entries.end(),
                  [](const Entry& a, const Entry& b) { return a.path < b.path; });
        return entries;
    }

  private:
    struct File {
        Entry entry;
        bool goes_on = false;
    };

    static bool is_wanted_more(const File& a, const File& b) {
        if (a.goes_on != b.goes_on)
            return a.goes_on;
        return a.entry.mtime != b.entry.mtime ? a.entry.mtime > b.entry.mtime : a.entry.path < b.entry.path;
    }

    static std::vector<std::string> missing_above(const std::string& path,
                                                  const std::unordered_set<std::string>& known) {
        std::vector<std::string> above;
        for (std::string parent = parent_path(path); !parent.empty() && !known.contains(parent);
             parent = parent_path(parent))
            above.push_back(parent);
        return above;
    }

    const ListingLimits& limits_;
    std::vector<File> files_; ///< a heap: the least wanted one is in front
    std::size_t bytes_ = 0;   ///< of all paths
};

/// Offers the files of a tree to MostWanted. Holds no names: reads each directory twice, first for its files
/// and then for what lies below it.
class NewestWalk {
  public:
    /// Files of `known` are left out.
    NewestWalk(const Tree& tree, const ListingLimits& limits, const std::unordered_set<std::string>& known,
               MostWanted& wanted, StopSignal& stop, const FollowLink& follow, std::size_t looks)
        : tree_(tree), limits_(limits), known_(known), wanted_(wanted), stop_(stop), follow_(follow),
          looks_in_one_(looks / 4), looks_left_(looks) {}

    /// Returns the directories that could not be read.
    std::vector<Problem> run() {
        if (tree_.held)
            walk(reopened(tree_.held.get()), "", 0);
        for (std::size_t i = 0; i < tree_.mounted.size(); ++i) // links that are followed add more
            if (!seen_.contains(tree_.mounted[i].first))       // its mount point is missing in a bare layer
                look_at_mounted(std::string(tree_.mounted[i].first), tree_.mounted[i].second.get());
        for (const auto& [path, file] : tree_.files)
            look_at_mounted(path, file.get());
        return std::move(problems_);
    }

  private:
    using Stream = std::unique_ptr<DIR, int (*)(DIR*)>;

    static UniqueFd opened_at(int directory, const char* name) {
        return UniqueFd(::openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    }
    static UniqueFd reopened(int directory) { return opened_at(directory, "."); }
    static Stream open_stream(UniqueFd readable) {
        DIR* opened = readable ? ::fdopendir(readable.get()) : nullptr;
        if (opened != nullptr)
            (void)readable.release(); // the stream owns it now
        return {opened, ::closedir};
    }

    [[nodiscard]] bool is_over() { return looks_left_ == 0 || (looks_left_ % 256 == 0 && stop_.requested()); }

    /// Holds one descriptor for each level: `opened` becomes the stream.
    void walk(UniqueFd opened, const std::string& path, std::size_t depth) {
        static constexpr std::size_t most_problems = 100;
        const Stream stream = open_stream(std::move(opened));
        if (!stream) {
            if (problems_.size() < most_problems)
                problems_.push_back({path, "cannot read the directory: " + error_text(errno)});
            return;
        }
        const int directory = ::dirfd(stream.get());
        bool any_below = false;
        each_name(stream.get(), looks_in_one_, [&](const dirent& one) {
            --looks_left_;
            any_below = look_at_file(directory, joined(path, one.d_name), one.d_name) || any_below;
        });
        if (!any_below || depth >= limits_.depth)
            return;
        ::rewinddir(stream.get());
        each_name(stream.get(), looks_in_one_, [&](const dirent& one) {
            const std::string below = joined(path, one.d_name);
            const bool is_followed = one.d_type == DT_LNK && tree_.mounted_at(below) != nullptr;
            if (one.d_type == DT_DIR || one.d_type == DT_UNKNOWN || is_followed)
                descend(directory, below, one.d_name, depth + 1);
        });
    }

    template <class See> void each_name(DIR* stream, std::size_t left, const See& see) {
        while (left > 0 && !is_over()) {
            const dirent* one = ::readdir(stream);
            if (one == nullptr)
                return;
            const std::string_view name = one->d_name;
            if (name == "." || name == "..")
                continue;
            --left;
            see(*one);
        }
    }

    /// Returns true if it is a directory.
    bool look_at_file(int directory, std::string path, const char* name) {
        const UniqueFd* mounted = tree_.mounted_at(path);
        if (mounted != nullptr)
            seen_.insert(path);
        struct stat status {};
        const int failed = mounted != nullptr ? ::fstat(mounted->get(), &status)
                                              : ::fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW);
        if (failed != 0 || path.size() > limits_.path || is_excluded(tree_.excluded, path) ||
            tree_.leaves_out(path) || tree_.files.contains(path))
            return false;
        if (S_ISDIR(status.st_mode))
            return true;
        const bool is_log = S_ISREG(status.st_mode) || S_ISLNK(status.st_mode);
        if (!is_log || !wanted_.wants(nanoseconds_of(status.st_mtim)) || known_.contains(path))
            return false;
        Entry entry = entry_of(std::move(path), status);
        if (entry.type == FileType::link) {
            entry.target = link_target(directory, name);
            if (follow_ && follow_(entry)) // once more, as what is there now
                return look_at_file(directory, std::move(entry.path), name);
        }
        wanted_.add(std::move(entry), false);
        return false;
    }

    void descend(int directory, const std::string& path, const char* name, std::size_t depth) {
        if (path.size() > limits_.path || is_excluded(tree_.excluded, path) || tree_.leaves_out(path) ||
            tree_.files.contains(path))
            return;
        const UniqueFd* mounted = tree_.mounted_at(path);
        UniqueFd opened = mounted != nullptr ? reopened(mounted->get()) : opened_at(directory, name);
        if (opened || !was_replaced(errno))
            walk(std::move(opened), path, depth);
    }

    void look_at_mounted(const std::string& path, int held) {
        const auto status = status_of(held);
        if (!status || is_over() || is_excluded(tree_.excluded, path))
            return;
        if (S_ISDIR(status->st_mode))
            walk(reopened(held), path, components(path).size());
        else
            wanted_.add(entry_of(path, *status), false);
    }

    const Tree& tree_;
    const ListingLimits& limits_;
    const std::unordered_set<std::string>& known_;
    MostWanted& wanted_;
    StopSignal& stop_;
    const FollowLink& follow_;
    std::size_t looks_in_one_; ///< one directory must not use up all
    std::size_t looks_left_;
    std::set<std::string> seen_; ///< mount points that were seen
    std::vector<Problem> problems_;
};

/// Returns the files whose backup is another one than they are now.
std::vector<Entry> changed_since_saved(const Tree& tree, const ListingLimits& limits, int instance,
                                       StopSignal& stop) {
    static constexpr std::uint64_t few_zeros = 16;           // fewer are never set aside
    static constexpr std::int64_t exactness = 2'000'000'000; // of times, on any file system, in nanoseconds
    Tree backup;
    backup.held = open_directory(instance, "");
    const Listing saved = list_tree(backup, limits, stop);
    Listing now = list_counterparts(tree.held.get(), saved);
    std::vector<Entry> changed;
    auto before = saved.entries.begin();
    for (auto& entry : now.entries) { // in the order of `saved`, which has more
        while (before->path != entry.path)
            ++before;
        // With the same time all is saved but zeros that were set aside.
        const bool only_zeros = entry.size >= before->size + few_zeros && entry.mtime == before->mtime;
        const bool differs = (entry.size != before->size && !only_zeros) ||
                             entry.mtime < before->mtime - exactness ||
                             entry.mtime > before->mtime + exactness;
        if (entry.type == FileType::regular && before->type == FileType::regular && differs &&
            !is_excluded(tree.excluded, entry.path) && !tree.leaves_out(entry.path))
            changed.push_back(std::move(entry));
    }
    return changed;
}

} // namespace

Listing list_saved_first(const Tree& tree, const ListingLimits& limits, int instance, StopSignal& stop,
                         const FollowLink& follow, std::size_t looks) {
    Listing listing = list_tree(tree, limits, stop, follow);
    if (!listing.full || stop.requested())
        return listing;
    listing.entries = {};
    MostWanted wanted(limits);
    std::unordered_set<std::string> known;
    if (instance >= 0 && tree.mounted.empty())
        for (auto& entry : changed_since_saved(tree, limits, instance, stop)) {
            known.insert(entry.path);
            wanted.add(std::move(entry), true);
        }
    for (auto& problem : NewestWalk(tree, limits, known, wanted, stop, follow, looks).run())
        listing.problems.push_back(std::move(problem));
    listing.entries = wanted.take();
    return listing;
}

Listing list_saved_first(const Tree& tree, const ListingLimits& limits, int instance, StopSignal& stop,
                         const FollowLink& follow) {
    static constexpr std::size_t least_looks = 2'000'000;
    return list_saved_first(tree, limits, instance, stop, follow,
                            std::max(least_looks, 20 * std::min(limits.entries, SIZE_MAX / 20)));
}

} // namespace logbackup
