// SPDX-License-Identifier: MIT
#pragma once

#include "util/unique_fd.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace logbackup {

/// A private mount namespace (mount_namespaces(7)). No other process sees its mounts, and it disappears when
/// this process and its children end, however they end. Unmounts on the host still reach it, so it never
/// keeps a container's mount alive by itself.
///
/// Everything else is mounted in one small tmpfs. The tmpfs lies over "/", where this process looks up no
/// paths: it is reached by descriptor only and needs no directory on the host.
class PrivateMounts {
  public:
    /// Returns nothing, and explains why in `problem`, if the process may not mount or the kernel is too old.
    /// Needs Linux 5.2 for open_tree(2) and fsopen(2), 5.12 for mount_setattr(2), and 5.14 for its
    /// nosymfollow.
    [[nodiscard]] static std::optional<PrivateMounts> create(std::string& problem);

    /// The directory of the tmpfs that contains the view.
    [[nodiscard]] int view() const noexcept { return view_.get(); }
    /// The tmpfs itself, for files that last no longer than the run.
    [[nodiscard]] int scratch() const noexcept { return tmpfs_.get(); }

    /// Mounts a stopped container's file system again as a read-only overlay of its layers, topmost first;
    /// https://docs.kernel.org/filesystems/overlayfs.html describes multiple lower layers. Returns its root
    /// (O_PATH). Reuses an existing mount of the same layers, because a second mount would be a second file
    /// system. Returns no descriptor, and explains why in `problem`, if a layer is missing or the kernel
    /// refuses.
    [[nodiscard]] UniqueFd rebuild(const std::vector<std::string>& layers, std::string& problem);

    /// Clones the mount of `directory` (a directory or a regular file) from there down, without other mounts
    /// below it, and mounts the clone on `place`. The clone is read-only, nosuid, nodev, noexec and
    /// nosymfollow. If the descriptor belongs to another mount namespace, `process` is a pidfd of a process
    /// in it, else -1. Returns 0 or an errno value.
    [[nodiscard]] int clone_onto(int directory, int place, int process) const;

    /// Like clone_onto(), but mounts the clone nowhere and returns its root (O_PATH); no descriptor and errno
    /// on failure.
    [[nodiscard]] UniqueFd clone_of(int directory, int process) const;

    /// Unmounts everything from a directory of the view, so that it is no longer held.
    void release(const std::string& directory) const;

  private:
    PrivateMounts(UniqueFd own_namespace, UniqueFd own_root, UniqueFd tmpfs, UniqueFd view)
        : namespace_(std::move(own_namespace)), root_(std::move(own_root)), tmpfs_(std::move(tmpfs)),
          view_(std::move(view)) {}
    [[nodiscard]] UniqueFd clone_in(int directory, int process) const;

    UniqueFd namespace_; ///< used to return from another namespace
    UniqueFd root_;      ///< our "/", because setns(2) changes it
    UniqueFd tmpfs_;
    UniqueFd view_;
    std::map<std::string, std::string> rebuilt_; ///< mount point names, keyed by topmost layer
};

} // namespace logbackup
