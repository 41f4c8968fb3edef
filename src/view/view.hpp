// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/source.hpp"
#include "util/private_mounts.hpp"
#include "util/unique_fd.hpp"

#include <string>
#include <utility>
#include <vector>

namespace logbackup {

/// One log directory, ready to be read under the name that it has in the backup.
struct Tree {
    std::string directory; ///< "<service>/<instance>"
    SourceKind kind = SourceKind::merged;
    UniqueFd held; ///< the log directory itself
    /// What is mounted below it, by path, where the kernel does not show it there by itself.
    std::vector<std::pair<std::string, UniqueFd>> mounted;
    std::vector<std::string> excluded{}; ///< globs of what is not looked at; see is_excluded()

    /// What stands at `path` instead of what `held` shows there; nullptr almost always.
    [[nodiscard]] const UniqueFd* mounted_at(const std::string& path) const;
};

/// Opens a regular file of a tree, without following any link. `path` is relative to the log directory. The
/// descriptor is for reading; errno tells why there is none.
[[nodiscard]] UniqueFd open_in(const Tree& tree, const std::string& path);
/// The same, O_PATH.
[[nodiscard]] UniqueFd locate_in(const Tree& tree, const std::string& path);

/// Shows a log directory as "<service>/<instance>" in the view: in `mounts` as read-only mounts, which the
/// kernel lets nobody leave by a link; without (nullptr) as the held descriptors themselves. Takes the
/// descriptors of `found` over. On failure the tree holds nothing and `problem` says why.
[[nodiscard]] Tree show(LogDirectory found, const std::string& directory, const PrivateMounts* mounts,
                        std::string& problem);

} // namespace logbackup
