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

/// How a source was found.
enum class SourceKind {
    merged,  ///< a running container's file system as the daemon mounted it
    layers,  ///< a stopped container's layers, mounted again by this run
    upper,   ///< a stopped container's topmost layer only, if mounting is not permitted
    volume,  ///< a volume's directory or file on the host
    process, ///< the container's own mount namespace
    held,    ///< files that a follower holds open, of a log directory that is gone
};

[[nodiscard]] std::string_view name_of(SourceKind kind);

/// A directory on the host, or a regular file mounted by itself, that holds a log directory or a part of it.
/// Kept open with O_PATH.
struct Source {
    SourceKind kind = SourceKind::merged;
    std::string below; ///< path where it appears in the log directory; "" is the log directory itself
    UniqueFd held;
    std::string host_path; ///< path without links; empty if only a process can see the source
};

/// Identifies a file independently of its name: device and inode number.
struct Identity {
    dev_t device = 0;
    ino_t inode = 0;
    auto operator<=>(const Identity&) const = default; // NOLINT(modernize-use-nullptr): a false positive
};

/// A log directory that was located on the host.
struct LogDirectory {
    /// The log directory itself comes first, then the mounts below it, outer before inner.
    std::vector<Source> sources;
    Identity identity;
    std::string volume; ///< host path if it lies on a volume, and so outlives its containers
    MountAccess access = MountAccess::read_write;
    bool direct = false;           ///< true: the volume is mounted at its path or above it; no link led there
    UniqueFd process;              ///< pidfd of the container's process if a source has kind `process`
    std::vector<Problem> problems; ///< parts of the log directory that cannot be saved
    bool has_lost_part = false;    ///< a volume below it was removed after its container had ended
    std::vector<std::string> left_out{}; ///< paths of volumes below it that the settings leave out
    /// Where host paths of volumes led, through links, while the container had them mounted.
    std::map<std::string, std::string> seen_places;
};

} // namespace logbackup
