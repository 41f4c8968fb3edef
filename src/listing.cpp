// SPDX-License-Identifier: MIT
#include "logbackup/listing.hpp"

#include "logbackup/util/error.hpp"
#include "logbackup/util/files.hpp"
#include "logbackup/util/text.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <set>

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

Entry entry_of(std::string path, const struct stat& status) {
    Entry entry;
    entry.path = std::move(path);
    entry.type = type_of(status.st_mode);
    if (entry.type == FileType::regular) {
        entry.size = static_cast<std::uint64_t>(status.st_size);
        entry.allocated = static_cast<std::uint64_t>(status.st_blocks) * 512;
    }
    entry.inode = status.st_ino;
    entry.links = status.st_nlink;
    entry.mtime = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
    return entry;
}

std::string link_target(int directory, const char* name) {
    std::array<char, PATH_MAX> target{};
    const auto length = ::readlinkat(directory, name, target.data(), target.size());
    return length > 0 ? std::string(target.data(), static_cast<std::size_t>(length)) : std::string();
}

class Walker {
  public:
    Walker(const Tree& tree, const ListingLimits& limits, StopSignal& stop)
        : tree_(tree), limits_(limits), stop_(stop) {}

    Listing run() {
        if (tree_.held)
            walk(tree_.held.get(), "", 0);
        // What is mounted where a bare layer has no place for it.
        for (const auto& [below, held] : tree_.mounted)
            if (!seen_.contains(below))
                add_mounted(below, held);
        return std::move(listing_);
    }

  private:
    void problem(const std::string& path, const std::string& reason) {
        listing_.problems.push_back({path, reason});
    }

    void walk(int directory, const std::string& path, std::size_t depth) {
        auto names = names_in(directory, "");
        if (!names) {
            problem(path, "cannot read the directory: " + error_text(errno));
            return;
        }
        std::sort(names->begin(), names->end());
        std::vector<std::string> below;
        for (const auto& name : *names) {
            if (listing_.entries.size() >= limits_.entries) {
                if (!full_)
                    problem(path,
                            "more than " + std::to_string(limits_.entries) + " files, the rest is left out");
                full_ = true;
                return;
            }
            if (listing_.entries.size() % 256 == 0 && stop_.requested())
                return;
            add(directory, joined(path, name), name, below);
        }
        for (const auto& name : below)
            descend(directory, joined(path, name), name, depth + 1);
    }

    void add(int directory, std::string path, const std::string& name, std::vector<std::string>& below) {
        const UniqueFd* mounted = tree_.mounted_at(path);
        if (mounted != nullptr)
            seen_.insert(path);
        struct stat status {};
        const int failed = mounted != nullptr
                               ? ::fstat(mounted->get(), &status)
                               : ::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW);
        if (failed != 0) {
            if (errno != ENOENT)
                problem(path, "cannot read its status: " + error_text(errno));
            return;
        }
        // A deleted name in a bare layer.
        if (tree_.kind == SourceKind::upper && S_ISCHR(status.st_mode) && status.st_rdev == 0)
            return;
        if (path.size() > limits_.path) {
            problem(path.substr(0, 100), "its path has more than " + std::to_string(limits_.path) + " bytes");
            return;
        }
        Entry entry = entry_of(std::move(path), status);
        if (entry.type == FileType::directory)
            below.push_back(name);
        if (entry.type == FileType::link)
            entry.target = link_target(directory, name.c_str());
        listing_.entries.push_back(std::move(entry));
    }

    void add_mounted(const std::string& path, const UniqueFd& held) {
        const auto status = status_of(held.get());
        if (!status)
            return;
        listing_.entries.push_back(entry_of(path, *status));
        if (S_ISDIR(status->st_mode))
            walk(held.get(), path, components(path).size());
    }

    void descend(int directory, const std::string& path, const std::string& name, std::size_t depth) {
        if (full_ || stop_.requested())
            return;
        if (depth > limits_.depth) {
            problem(path.substr(0, 100),
                    "more than " + std::to_string(limits_.depth) + " levels of directories");
            return;
        }
        const UniqueFd* mounted = tree_.mounted_at(path);
        const UniqueFd opened = mounted != nullptr ? UniqueFd() : open_directory(directory, name);
        if (mounted != nullptr || opened)
            walk(mounted != nullptr ? mounted->get() : opened.get(), path, depth);
        else if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP) // those: it was replaced meanwhile
            problem(path, "cannot open the directory: " + error_text(errno));
    }

    const Tree& tree_;
    const ListingLimits& limits_;
    StopSignal& stop_;
    Listing listing_;
    std::set<std::string> seen_; ///< places of what is mounted below
    bool full_ = false;
};

} // namespace

Listing list_tree(const Tree& tree, const ListingLimits& limits, StopSignal& stop) {
    return Walker(tree, limits, stop).run();
}

Listing list_counterparts(int instance, const Listing& source) {
    Listing result;
    if (instance < 0)
        return result;
    std::string parent; // the directory that `held` holds: entries of one directory stand together
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
