// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/source.hpp"
#include "util/private_mounts.hpp"
#include "util/unique_fd.hpp"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace logbackup {

/// A log directory that can be read under its name in the backup.
struct Tree {
    std::string directory; ///< "<service>/<instance>"
    SourceKind kind = SourceKind::merged;
    UniqueFd held; ///< the log directory itself
    /// Mounts below the log directory, by path, if the kernel does not show them there by itself.
    std::vector<std::pair<std::string, UniqueFd>> mounted;
    std::vector<std::string> excluded{}; ///< globs of paths to ignore; see is_excluded()
    bool in_memory = false;              ///< true: a part of it lies on a tmpfs
    std::set<std::string> left_out{};    ///< paths of directories that are saved elsewhere
    /// Files that are held one by one, by path. What the log directory itself has there is not listed.
    std::map<std::string, UniqueFd> files{};
    std::set<std::string> nameless{}; ///< paths of those that the log directory does not have any longer

    /// Returns the mount at `path` that replaces the content of `held`; nearly always nullptr.
    [[nodiscard]] const UniqueFd* mounted_at(const std::string& path) const;
    /// Returns whether a path is, or lies in, a directory that is saved elsewhere.
    [[nodiscard]] bool leaves_out(const std::string& path) const;
};

/// Opens a regular file of a tree for reading, without following any link. `path` is relative to the log
/// directory. On failure returns no descriptor and sets errno.
[[nodiscard]] UniqueFd open_in(const Tree& tree, const std::string& path);
/// Like open_in(), with O_PATH.
[[nodiscard]] UniqueFd locate_in(const Tree& tree, const std::string& path);

/// Returns whether an open file lies on a tmpfs.
[[nodiscard]] bool lies_in_memory(int file);

/// Shows a log directory as "<service>/<instance>" in the view. With `mounts` it uses read-only mounts, which
/// the kernel lets nobody leave by a link; without (nullptr) the held descriptors themselves. Takes ownership
/// of the descriptors of `found`. On failure the tree holds nothing and `problem` explains why.
[[nodiscard]] Tree show(LogDirectory found, const std::string& directory, const PrivateMounts* mounts,
                        std::string& problem);

} // namespace logbackup
