// SPDX-License-Identifier: MIT
#pragma once

#include "locate/host_paths.hpp"
#include "logbackup/container.hpp"
#include "logbackup/source.hpp"
#include "util/private_mounts.hpp"

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace logbackup {

/// The container has no log directory, or nothing is left of it (a tmpfs ends with its container). This is
/// not an error.
struct NoLogDirectory {};

/// The container has ended, and what it wrote cannot be read any more: its volume was removed, or the runtime
/// names no layers of it. This is not an error either: nobody can mend it.
struct LogDirectoryGone {};

/// The log directory lies on a volume that the settings leave out. Nothing of the volume was opened.
struct LogDirectoryLeftOut {};

struct LocateFailed {
    std::string reason;       ///< safe to print
    bool root_unseen = false; ///< true: neither the container's layers nor its process can be reached
    /// True: only its process shows the log directory, which is a tmpfs, and that process cannot be reached.
    bool needs_process = false;
    std::optional<Limit> limit{}; ///< the container itself brings it about
};

using Located =
    std::variant<LogDirectory, NoLogDirectory, LogDirectoryGone, LogDirectoryLeftOut, LocateFailed>;

/// Where a symbolic link in a log directory leads.
struct LinkEnd {
    enum class Kind {
        followed, ///< to a regular file or a directory elsewhere in the container
        inside,   ///< to something in the log directory
        nothing,  ///< to no file: it dangles or is a loop, or leads to a device or a file of the kernel
        unread,   ///< to something that cannot be read
    };
    Kind kind = Kind::nothing;
    UniqueFd held;      ///< of what was followed; a directory cannot be left by a link or a mount below it
    std::string path;   ///< inside: path below the log directory
    std::string reason; ///< unread: why, safe to print
    std::string host_path{}; ///< followed: where it lies on the host; "" if that is not known
};

/// Finds a container's log directory on the host.
///
/// `log_directory` is the absolute path inside the container. It is resolved one component at a time by
/// descriptor, as the kernel's RESOLVE_IN_ROOT does (openat2(2)): an absolute link starts again at the
/// container's root, ".." never leads above it, and no name is looked up twice. openat2 itself does not work
/// here: at a volume of the container the resolution must continue in the volume's directory on the host,
/// whereas openat2 would see the image's stale files.
///
/// A running container's files are read through MergedDir. They are read through its process if there is no
/// MergedDir, if a tmpfs is on the way, or if a volume's host path no longer leads to the directory that the
/// container has mounted. A stopped container's files are rebuilt with `mounts`; without (nullptr), only its
/// topmost layer is read. Volumes are opened through `host`, which all containers of a run share. Irrelevant
/// volumes are not touched.
[[nodiscard]] Located locate(const Container& container, const std::string& log_directory,
                             PrivateMounts* mounts, HostPaths& host);
/// Locates several log directories of a container; results have the same order. Paths that lead to one log
/// directory have one identity.
[[nodiscard]] std::vector<Located> locate(const Container& container,
                                          const std::vector<std::string>& log_directories,
                                          PrivateMounts* mounts, HostPaths& host);

/// Returns a function that follows a symbolic link of a log directory inside the container, as locate() does.
/// It takes a path below the log directory, and opens the container at the first call. The container and
/// `host` must live as long.
using FollowInContainer = std::function<LinkEnd(const std::string& link)>;
[[nodiscard]] FollowInContainer link_follower(const Container& container, const std::string& log_directory,
                                              PrivateMounts* mounts, HostPaths& host);

} // namespace logbackup
