// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/container.hpp"
#include "logbackup/listing.hpp"
#include "util/unique_fd.hpp"

#include <compare>
#include <map>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace logbackup {

/// Where a source was found.
enum class SourceKind {
    merged,  ///< the running container's file system, as the daemon mounted it
    layers,  ///< a stopped container's layers, mounted again
    upper,   ///< a stopped container's uppermost layer alone, where mounting is not permitted
    volume,  ///< a volume's directory or file on the host
    process, ///< the container's own mount namespace
};

[[nodiscard]] std::string_view name_of(SourceKind kind);

/// A directory on the host, or a regular file that is mounted by itself, in which (a part of) a log directory
/// really is; held open (O_PATH).
struct Source {
    SourceKind kind = SourceKind::merged;
    std::string below; ///< where in the log directory it shows; "" for the log directory itself
    UniqueFd held;
    std::string host_path; ///< without links; empty for what only a process shows
};

/// The file a name stands for, whatever the name: device and inode number.
struct Identity {
    dev_t device = 0;
    ino_t inode = 0;
    auto operator<=>(const Identity&) const = default; // NOLINT(modernize-use-nullptr): a false positive
};

/// One log directory, found.
struct LogDirectory {
    std::vector<Source>
        sources; ///< the log directory itself first, then what is mounted below, outer before inner
    Identity identity;
    std::string volume; ///< the path on the host when it lies on a volume, and so outlives its containers
    MountAccess access = MountAccess::read_write;
    bool direct = false;           ///< the volume is mounted at its path or above: no link led there
    UniqueFd process;              ///< pidfd of the container's process when a source is of kind `process`
    std::vector<Problem> problems; ///< parts of it that cannot be saved
    /// Where volumes' paths on the host led, through links, while the container had that mounted.
    std::map<std::string, std::string> seen_places;
};

} // namespace logbackup
