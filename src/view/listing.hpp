// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/listing.hpp"
#include "util/stop_signal.hpp"
#include "view/view.hpp"

#include <algorithm>
#include <cstdint>

namespace logbackup {

/// Bounds against a hostile log directory. What lies beyond is reported as a problem and left out.
struct ListingLimits {
    std::size_t entries = 100'000;  ///< directories count
    std::size_t depth = 100;        ///< levels of directories
    std::size_t path = 3500;        ///< bytes; rsync takes no path over 4095
    std::size_t paths = 16U << 20U; ///< bytes of all paths together

    /// Room for so many entries with paths of 160 bytes, but for no fewer bytes than by default.
    [[nodiscard]] static ListingLimits of(std::size_t entries, std::size_t depth) {
        ListingLimits limits;
        limits.entries = entries;
        limits.depth = depth;
        limits.paths = std::max(limits.paths, 160 * std::min(entries, SIZE_MAX / 160));
        return limits;
    }
};

/// Those of an instance directory: of deleted and rotated files, too, and from times of other limits.
[[nodiscard]] inline ListingLimits limits_of_saved(const ListingLimits& limits) {
    return {2 * limits.entries, std::max(limits.depth, ListingLimits().depth), limits.path, 2 * limits.paths};
}

/// Lists everything in a log directory. Follows no link, opens nothing but directories. A file that vanishes
/// meanwhile is left out. Ends early, with what it has, when `stop` is requested. What the tree
/// excludes is only counted, and counts as there: `complete` stays true, and a directory is not read. Memory:
/// about 200 bytes for each entry and its path, whatever is in the directories.
[[nodiscard]] Listing list_tree(const Tree& tree, const ListingLimits& limits, StopSignal& stop);

/// The same. Where there are more entries than the limit those come first that stand under the same path in
/// the instance directory: what is saved goes on being saved. `instance` is a descriptor of it, or -1.
[[nodiscard]] Listing list_saved_first(const Tree& tree, const ListingLimits& limits, int instance,
                                       StopSignal& stop);

/// The files of an instance directory that stand under the same path as an entry of `source`: what there is
/// to compare with. One system call for each entry. `instance` is a descriptor of the directory; -1 when
/// there is none, which gives an empty listing.
[[nodiscard]] Listing list_counterparts(int instance, const Listing& source);

} // namespace logbackup
