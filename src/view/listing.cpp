// SPDX-License-Identifier: MIT
#include "view/listing.hpp"

#include "util/aside.hpp"
#include "util/error.hpp"
#include "util/files.hpp"
#include "util/glob.hpp"
#include "util/text.hpp"
#include "view/entry.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <set>
#include <string_view>

namespace logbackup {
namespace {

FileType type_of(mode_t mode) {
    if (S_ISREG(mode))
        return FileType::regular;
    if (S_ISDIR(mode))
        return FileType::directory;
    if (S_ISLNK(mode))
        return FileType::link;
    if (S_ISFIFO(mode))
        return FileType::fifo;
    return S_ISSOCK(mode) ? FileType::socket : FileType::device;
}

/// Returns whether an entry of a bare layer marks a deleted name.
bool is_whiteout(const Tree& tree, const struct stat& status) {
    return tree.kind == SourceKind::upper && S_ISCHR(status.st_mode) && status.st_rdev == 0;
}

/// Counts paths omitted for one reason, to report them as one problem.
struct LeftOut {
    std::string first;
    std::size_t count = 0;

    void add(const std::string& path) {
        if (count++ == 0)
            first = path.substr(0, 100);
    }
    void tell(Listing& listing, std::string reason, Limit limit) const {
        if (count == 0)
            return;
        if (count > 1)
            reason += "; " + counted(count - 1, "other") + " like it";
        listing.problems.push_back({first, std::move(reason), limit});
    }
};

/// Keeps the newest `most` of the files that were set aside under one name. Sorted names have them together,
/// the oldest first.
void omit_old_asides(std::vector<std::string>& names, std::size_t most) {
    std::size_t newer = 0; // files of the same name that were set aside later
    std::string of;
    const auto is_old = [&](const std::string& name) {
        const auto aside = read_aside_name(name);
        newer = aside && aside->of == of ? newer + 1 : 0;
        if (newer == 0)
            of = aside ? aside->of : std::string_view();
        return aside && newer >= most;
    };
    const auto kept = std::remove_if(names.rbegin(), names.rend(), is_old);
    names.erase(names.begin(), kept.base());
}

class Walker {
  public:
    Walker(const Tree& tree, const ListingLimits& limits, StopSignal& stop, const FollowLink& follow)
        : tree_(tree), limits_(limits), stop_(stop), follow_(follow) {}

    Listing run() {
        if (tree_.held)
            walk(tree_.held.get(), "", 0);
        // Add mounts whose mount point is missing in a bare layer.
        for (std::size_t i = 0; i < tree_.mounted.size(); ++i) // links that are followed add more
            if (!seen_.contains(tree_.mounted[i].first))
                add_mounted(std::string(tree_.mounted[i].first), tree_.mounted[i].second.get());
        for (const auto& [path, file] : tree_.files)
            add_mounted(path, file.get());
        listing_.full = too_many_ || too_many_bytes_;
        if (too_many_)
            listing_.problems.push_back(
                {"",
                 "more than " + std::to_string(limits_.entries) +
                     " files and directories: the newest are saved, the rest is left out (--max-files)",
                 Limit::files});
        else if (too_many_bytes_)
            listing_.problems.push_back({"",
                                         "its paths have more than " + human_bytes(limits_.paths) +
                                             " together, the rest is left out (--max-files)",
                                         Limit::files});
        too_deep_.tell(listing_,
                       "more than " + std::to_string(limits_.depth) +
                           " levels of directories, the rest is left out (--max-depth)",
                       Limit::depth);
        too_long_.tell(listing_, "its path has more than " + std::to_string(limits_.path) + " bytes",
                       Limit::path);
        listing_.complete = listing_.problems.empty() && !stop_.requested();
        return std::move(listing_);
    }

  private:
    void problem(const std::string& path, const std::string& reason) {
        static constexpr std::size_t most_problems = 100;
        if (listing_.problems.size() < most_problems)
            listing_.problems.push_back({path, reason});
    }

    [[nodiscard]] bool is_full() const { return too_many_ || too_many_bytes_; }

    void walk(int directory, const std::string& path, std::size_t depth) {
        // Reading one name more than fits shows whether there are more.
        const std::size_t room = limits_.entries - looked_at_;
        auto names = names_in(directory, "", room + 1);
        if (!names) {
            problem(path, "cannot read the directory: " + error_text(errno));
            return;
        }
        std::sort(names->begin(), names->end());
        if (limits_.asides < names->size())
            omit_old_asides(*names, limits_.asides);
        std::vector<std::string> below;
        for (const auto& name : *names) {
            too_many_ = looked_at_ >= limits_.entries;
            if (is_full() || (looked_at_ % 256 == 0 && stop_.requested()))
                return;
            ++looked_at_; // omitted entries count too
            add(directory, joined(path, name), name, below);
        }
        names.reset();
        for (const auto& name : below)
            descend(directory, joined(path, name), name, depth + 1);
    }

    void add(int directory, std::string path, const std::string& name, std::vector<std::string>& below) {
        const UniqueFd* mounted = tree_.mounted_at(path);
        if (mounted != nullptr)
            seen_.insert(path);
        if (tree_.leaves_out(path) || tree_.files.contains(path))
            return;
        if (is_excluded(tree_.excluded, path)) {
            ++listing_.excluded;
            return;
        }
        struct stat status {};
        const int failed = mounted != nullptr
                               ? ::fstat(mounted->get(), &status)
                               : ::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW);
        if (failed != 0) {
            if (!was_replaced(errno))
                problem(path, "cannot read its status: " + error_text(errno));
            return;
        }
        if (is_whiteout(tree_, status))
            return;
        if (path.size() > limits_.path) {
            too_long_.add(path);
            return;
        }
        too_many_bytes_ = path.size() > limits_.paths - bytes_;
        if (too_many_bytes_)
            return;
        bytes_ += path.size();
        Entry entry = entry_of(std::move(path), status);
        if (entry.type == FileType::link) {
            entry.target = link_target(directory, name.c_str());
            follow_link(entry);
        }
        if (entry.type == FileType::directory)
            below.push_back(name);
        listing_.entries.push_back(std::move(entry));
    }

    /// Describes where the link leads, if it is followed.
    void follow_link(Entry& link) {
        if (!follow_ || !follow_(link))
            return;
        const UniqueFd* mounted = tree_.mounted_at(link.path);
        const auto status = mounted != nullptr ? status_of(mounted->get()) : std::nullopt;
        if (!status)
            return;
        seen_.insert(link.path);
        link = entry_of(std::move(link.path), *status);
    }

    void add_mounted(const std::string& path, int held) {
        const auto status = status_of(held);
        if (!status || is_excluded(tree_.excluded, path))
            return;
        if (looked_at_ >= limits_.entries) {
            too_many_ = true;
            return;
        }
        ++looked_at_;
        listing_.entries.push_back(entry_of(path, *status));
        if (S_ISDIR(status->st_mode))
            walk(held, path, components(path).size());
    }

    void descend(int directory, const std::string& path, const std::string& name, std::size_t depth) {
        if (is_full() || stop_.requested())
            return;
        if (depth > limits_.depth) {
            too_deep_.add(path);
            return;
        }
        const UniqueFd* mounted = tree_.mounted_at(path);
        const UniqueFd opened = mounted != nullptr ? UniqueFd() : open_directory(directory, name);
        if (mounted != nullptr || opened)
            walk(mounted != nullptr ? mounted->get() : opened.get(), path, depth);
        else if (!was_replaced(errno))
            problem(path, "cannot open the directory: " + error_text(errno));
    }

    const Tree& tree_;
    const ListingLimits& limits_;
    StopSignal& stop_;
    const FollowLink& follow_;
    Listing listing_;
    std::set<std::string> seen_; ///< mount points that were seen
    LeftOut too_deep_;
    LeftOut too_long_;
    std::size_t looked_at_ = 0;
    std::size_t bytes_ = 0; ///< total bytes of all paths
    bool too_many_ = false;
    bool too_many_bytes_ = false;
};

} // namespace

Entry entry_of(std::string path, const struct stat& status) {
    Entry entry;
    entry.path = std::move(path);
    entry.type = type_of(status.st_mode);
    if (entry.type == FileType::regular) {
        entry.size = static_cast<std::uint64_t>(status.st_size);
        entry.allocated = static_cast<std::uint64_t>(status.st_blocks) * 512;
    }
    entry.inode = status.st_ino;
    entry.mtime = nanoseconds_of(status.st_mtim);
    return entry;
}

std::string link_target(int directory, const char* name) {
    std::array<char, PATH_MAX> target{};
    const auto length = ::readlinkat(directory, name, target.data(), target.size());
    return length > 0 ? std::string(target.data(), static_cast<std::size_t>(length)) : std::string();
}

Listing list_tree(const Tree& tree, const ListingLimits& limits, StopSignal& stop, const FollowLink& follow) {
    return Walker(tree, limits, stop, follow).run();
}

Listing list_counterparts(int instance, const Listing& source) {
    Listing result;
    if (instance < 0)
        return result;
    std::string parent; // path of `held`; entries of one directory are adjacent
    UniqueFd held = open_directory(instance, "");
    for (const auto& entry : source.entries) {
        if (std::string above = parent_path(entry.path); above != parent) {
            held = open_directory(instance, above);
            parent = std::move(above);
        }
        struct stat status {};
        const std::string name = base_name(entry.path);
        if (!held || ::fstatat(held.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        Entry found = entry_of(entry.path, status);
        if (found.type == FileType::link)
            found.target = link_target(held.get(), name.c_str());
        result.entries.push_back(std::move(found));
    }
    return result;
}

} // namespace logbackup
