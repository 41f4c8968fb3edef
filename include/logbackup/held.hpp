// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/container.hpp"
#include "logbackup/source.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

/// Files that a follower holds open from one run to the next, so that their bytes stay although their names,
/// or the container, are gone. The descriptors belong to the follower.
namespace logbackup {

/// Identifies a container's log directory: the container's id and the path in it.
using HolderId = std::pair<std::string, std::string>;

struct HeldFile {
    std::string path; ///< below the log directory; the last one that it had there
    int file = -1;    ///< readable
    bool has_name = false;
};

struct HeldSource {
    SourceKind kind = SourceKind::held; ///< `held` for what lay in the container's own layer
    std::string below;                  ///< see Source
    int directory = -1;
    std::string host_path;
};

/// A log directory of which files are held.
struct HeldDirectory {
    std::vector<HeldSource> sources; ///< as in LogDirectory; empty until the log directory exists
    std::string volume;              ///< this and the next two as in LogDirectory
    MountAccess access = MountAccess::read_write;
    bool direct = false;
    std::vector<HeldFile> files;
    std::size_t not_held = 0; ///< files and directories that were left out, because there were too many
};

struct HeldLogs {
    std::vector<Container> removed; ///< of which not all is saved, as they were described last
    std::set<std::string> followed; ///< ids of all containers of which the follower will tell when they go
    std::map<HolderId, HeldDirectory> directories;
};

/// The result of a run for a log directory of which files were held.
struct HeldOutcome {
    HolderId directory;
    bool saved = false;    ///< all that was held
    bool compared = false; ///< all containers that have it have ended, and every byte was compared since
};

/// Sums of what a follower saved since the last run that was asked for.
struct WhileFollowing {
    std::size_t runs = 0;
    std::size_t created = 0; ///< files that are new in the backup
    std::size_t changed = 0; ///< files that grew in the backup
    std::uint64_t bytes = 0;
    std::size_t complete = 0;     ///< log directories that were saved to the last byte
    std::vector<std::string> cut; ///< as in Report
    bool operator==(const WhileFollowing&) const = default;
};

} // namespace logbackup
