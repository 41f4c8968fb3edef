// SPDX-License-Identifier: MIT
#pragma once

#include "util/unique_fd.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace logbackup {

/// A mount namespace of our own (mount_namespaces(7)). What is mounted in it nobody else sees, and it is gone
/// when this process and its children end, however they end. Unmounts on the host still reach it, so it never
/// keeps a container's mount alive by itself.
///
/// It holds one small tmpfs, in which everything else is mounted. The tmpfs lies over "/", where no path
/// lookup of this process goes: it is reached by descriptor only and needs no directory anywhere on the host.
class PrivateMounts {
  public:
    /// Nothing, with the reason in `why_not`, where the process may not mount or the kernel is too old
    /// (open_tree(2), fsopen(2): Linux 5.2; mount_setattr(2): 5.12; its nosymfollow: 5.14).
    [[nodiscard]] static std::optional<PrivateMounts> create(std::string& why_not);

    /// The directory of the tmpfs in which the view is built.
    [[nodiscard]] int view() const noexcept { return view_.get(); }
    /// The tmpfs itself, for what lasts no longer than the run.
    [[nodiscard]] int scratch() const noexcept { return tmpfs_.get(); }

    /// Mounts a stopped container's file system again: a read-only overlay of its layers, topmost first, as
    /// https://docs.kernel.org/filesystems/overlayfs.html describes multiple lower layers. Gives its root
    /// (O_PATH); of what is mounted already that one: mounted twice it would be two file systems. Nothing,
    /// with the reason, when a layer is missing or the kernel refuses.
    [[nodiscard]] UniqueFd rebuild(const std::vector<std::string>& layers, std::string& why_not);

    /// Clones the mount of `directory` (a directory or a regular file) from there down, without other mounts
    /// below it, read-only, nosuid, nodev, noexec and nosymfollow, and mounts the clone on `place`. When the
    /// descriptor belongs to another mount namespace, `process` is a pidfd of a process in it, else -1.
    /// 0 or an errno value.
    [[nodiscard]] int clone_onto(int directory, int place, int process) const;

    /// Takes what is mounted on a directory of the view away again, so that it is not held any longer.
    void release(const std::string& directory) const;

  private:
    PrivateMounts(UniqueFd own_namespace, UniqueFd own_root, UniqueFd tmpfs, UniqueFd view)
        : namespace_(std::move(own_namespace)), root_(std::move(own_root)), tmpfs_(std::move(tmpfs)),
          view_(std::move(view)) {}
    [[nodiscard]] UniqueFd clone_in(int directory, int process) const;

    UniqueFd namespace_; ///< to come back to after a visit to another one
    UniqueFd root_;      ///< our "/", which setns(2) changes
    UniqueFd tmpfs_;
    UniqueFd view_;
    std::map<std::string, std::string> rebuilt_; ///< by the uppermost layer: names of mount points
};

} // namespace logbackup
