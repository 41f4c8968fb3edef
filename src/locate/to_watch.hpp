// SPDX-License-Identifier: MIT
#pragma once

#include "locate/host_paths.hpp"
#include "logbackup/container.hpp"
#include "logbackup/source.hpp"

#include <string>
#include <vector>

namespace logbackup {

/// A directory on the host in which (a part of) a log directory is, or will be.
struct WatchPlace {
    SourceKind kind = SourceKind::upper; ///< upper: in the container's own layer
    std::string below;                   ///< path where it appears in the log directory; see Source
    UniqueFd top;                        ///< exists; an O_PATH descriptor
    std::string path;                    ///< below `top`; need not exist yet
    std::string host_path;               ///< of the place itself; empty if only a process can see it
};

/// The places to watch for one log directory. `places` is empty if it cannot be watched.
struct ToWatch {
    std::vector<WatchPlace> places; ///< the log directory itself comes first
    std::string volume;             ///< this and the next two as in LogDirectory
    MountAccess access = MountAccess::read_write;
    bool direct = false;
};

/// Finds where the files of log directories appear on the host as a container writes them: in its topmost
/// layer, which exists from before its start until it is removed, on a volume, or on a tmpfs of its process.
/// The descriptors are of these directories and not of the container's mounts, which they would keep busy.
/// Results are in the order of `log_directories`; they name no tmpfs or single file below a log directory,
/// and nothing of what its image has.
[[nodiscard]] std::vector<ToWatch>
places_to_watch(const Container& container, const std::vector<std::string>& log_directories, HostPaths& host);

} // namespace logbackup
