// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/model/container.hpp"
#include "logbackup/model/source.hpp"
#include "logbackup/private_mounts.hpp"

#include <string>
#include <variant>
#include <vector>

namespace logbackup {

/// The container has no log directory, or nothing is left of it (a tmpfs ends with its container). No error.
struct NoLogDirectory {};

struct LocateFailed {
    std::string reason; ///< safe to print
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
/// where a tmpfs is on the way. A stopped one's are rebuilt with `mounts`; without (nullptr) only its
/// uppermost layer is read.
[[nodiscard]] Located locate(const Container& container, const std::string& log_directory,
                             PrivateMounts* mounts);

enum class BackupRoot { exists, to_be_made };

/// Tells whether a source and the backup root lie one in the other. Made once for a backup root.
class OverlapCheck {
  public:
    /// `directory` is the backup root or, where it does not exist yet, the nearest existing one above it.
    OverlapCheck(int directory, BackupRoot state);
    /// Why the log directory cannot be backed up there; empty when it can.
    [[nodiscard]] std::string problem(const LogDirectory& found) const;

  private:
    std::vector<Identity> backup_root_and_above_;
    BackupRoot state_;
};

} // namespace logbackup
