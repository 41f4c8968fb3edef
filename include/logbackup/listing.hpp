// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/model/listing.hpp"
#include "logbackup/util/stop_signal.hpp"
#include "logbackup/view.hpp"

namespace logbackup {

/// Bounds against a hostile log directory. What lies beyond is reported as a problem and left out.
struct ListingLimits {
    std::size_t entries = 1'000'000;
    std::size_t depth = 100; ///< levels of directories
    std::size_t path = 3500; ///< bytes; rsync takes no path over 4095
};

/// Lists everything in a log directory. Follows no link, opens nothing but directories. A file that vanishes
/// meanwhile is left out. Ends early, with what it has, when `stop` is requested.
[[nodiscard]] Listing list_tree(const Tree& tree, const ListingLimits& limits, StopSignal& stop);

/// The files of an instance directory that stand under the same path as an entry of `source`: what there is
/// to compare with. One system call for each entry. `instance` is a descriptor of the directory; -1 when
/// there is none, which gives an empty listing.
[[nodiscard]] Listing list_counterparts(int instance, const Listing& source);

} // namespace logbackup
