// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/listing.hpp"
#include "util/stop_signal.hpp"
#include "view/view.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>

namespace logbackup {

/// Limits that protect against a hostile log directory. Anything beyond them is reported as a problem and
/// omitted.
struct ListingLimits {
    std::size_t entries = 100'000;  ///< includes directories
    std::size_t depth = 100;        ///< levels of directories
    std::size_t path = 3500;        ///< bytes; rsync accepts no path over 4095
    std::size_t paths = 16U << 20U; ///< total bytes of all paths
    /// Of the files that were set aside under one name, only so many are listed, the newest. The others are
    /// omitted without a problem.
    std::size_t asides = SIZE_MAX;

    /// Allows this many entries with paths of 160 bytes each, but at least the default number of bytes.
    [[nodiscard]] static ListingLimits of(std::size_t entries, std::size_t depth) {
        ListingLimits limits;
        limits.entries = entries;
        limits.depth = depth;
        limits.paths = std::max(limits.paths, 160 * std::min(entries, SIZE_MAX / 160));
        return limits;
    }
};

/// Returns the limits for an instance directory. It also holds deleted and rotated files, and files saved
/// under earlier limits. What was set aside long ago is of no use for a plan, and can be 1,440 files a day.
[[nodiscard]] inline ListingLimits limits_of_saved(const ListingLimits& limits) {
    return {2 * limits.entries, std::max(limits.depth, ListingLimits().depth), limits.path, 2 * limits.paths,
            20};
}

/// Follows a symbolic link of a tree, if it should be. Returns true when the tree has a mount at its path
/// now, which is listed in its place.
using FollowLink = std::function<bool(const Entry& link)>;

/// Lists everything in a log directory. Follows no link, but asks `follow`, and opens only directories. Omits
/// a file that vanishes meanwhile. Returns early with a partial listing if `stop` is requested. Files that
/// the tree excludes are only counted and do not clear `complete`; an excluded directory is not read. Memory:
/// about 200 bytes for each entry and its path, whatever the directories contain.
[[nodiscard]] Listing list_tree(const Tree& tree, const ListingLimits& limits, StopSignal& stop,
                                const FollowLink& follow = {});

/// Like list_tree(). If there are more entries than the limit, it takes files that have changed since they
/// were saved, and then the newest ones by their mtime, with the directories above them, sorted by path: a
/// log that is being written is among them. An unchanged file that is left out stays saved. Of more than
/// two million entries, or 20 times the limit, it takes the first ones of the file system. `instance` is a
/// descriptor of the instance directory, or -1.
[[nodiscard]] Listing list_saved_first(const Tree& tree, const ListingLimits& limits, int instance,
                                       StopSignal& stop, const FollowLink& follow = {});

/// Lists the files of an instance directory that have the same path as an entry of `source`, for comparison.
/// Needs one system call per entry. `instance` is a descriptor of the directory; -1 means there is none and
/// gives an empty listing.
[[nodiscard]] Listing list_counterparts(int instance, const Listing& source);

} // namespace logbackup
