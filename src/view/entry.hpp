// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/listing.hpp"
#include "view/listing.hpp"

#include <sys/stat.h>

#include <cstddef>
#include <string>

/// Shared by the listings of this room.
namespace logbackup {

/// Like list_saved_first() in listing.hpp. Looks at so many entries to find the newest, and at a quarter of
/// that in one directory.
[[nodiscard]] Listing list_saved_first(const Tree& tree, const ListingLimits& limits, int instance,
                                       StopSignal& stop, const FollowLink& follow, std::size_t looks);

[[nodiscard]] Entry entry_of(std::string path, const struct stat& status);

/// Returns the target of a symbolic link; empty if it cannot be read.
[[nodiscard]] std::string link_target(int directory, const char* name);

} // namespace logbackup
