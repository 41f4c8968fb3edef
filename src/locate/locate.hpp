// SPDX-License-Identifier: MIT
#pragma once

#include "locate/host_paths.hpp"
#include "logbackup/container.hpp"
#include "logbackup/source.hpp"
#include "util/private_mounts.hpp"

#include <string>
#include <variant>
#include <vector>

namespace logbackup {

/// The container has no log directory, or nothing is left of it (a tmpfs ends with its container). No error.
struct NoLogDirectory {};

struct LocateFailed {
    std::string reason;       ///< safe to print
    bool root_unseen = false; ///< neither its layers nor its process can be reached
};

using Located = std::variant<LogDirectory, NoLogDirectory, LocateFailed>;

/// Finds a container's log directory on the host.
///
/// `log_directory` is the absolute path inside the container. It is walked one component at a time by
/// descriptor, as the kernel's RESOLVE_IN_ROOT does it (openat2(2)): an absolute link starts again at the
/// container's root,
/// ".." never leads above it, no name is looked up twice. openat2 itself cannot serve: where the container
/// has a volume the walk goes on in that volume's directory on the host, and openat2 would see the image's
/// stale files.
///
/// A running container's files are read through MergedDir, or through its process where there is none, or
/// where a tmpfs is on the way, or where a volume's path on the host no longer leads to what the container
/// has mounted. A stopped one's are rebuilt with `mounts`; without (nullptr) only its uppermost layer is
/// read. Volumes are opened through `host`, the same for all containers of a tick. Of volumes that do not
/// matter none is touched.
[[nodiscard]] Located locate(const Container& container, const std::string& log_directory,
                             PrivateMounts* mounts, HostPaths& host);
/// The same for several log directories of a container, in their order. Those that are one have one identity.
[[nodiscard]] std::vector<Located> locate(const Container& container,
                                          const std::vector<std::string>& log_directories,
                                          PrivateMounts* mounts, HostPaths& host);

} // namespace logbackup
