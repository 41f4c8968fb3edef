// SPDX-License-Identifier: MIT
#pragma once

#include "locate/volumes.hpp"
#include "logbackup/container.hpp"
#include "logbackup/source.hpp"

#include <string>
#include <utility>
#include <vector>

namespace logbackup {

/// A mount and the canonical path of its mount point, which is resolved in the container like any path.
struct PlacedMount {
    const Mount* mount = nullptr;
    std::string path; ///< without the leading slash
};

/// A container's root file system on the host, and the places where its volumes are mounted.
class Root {
  public:
    /// `layers` is one directory; for `upper` it is the bare layers, topmost first.
    Root(SourceKind kind, std::vector<UniqueFd> layers, std::string host_path)
        : kind_(kind), layers_(std::move(layers)), host_path_(std::move(host_path)) {}

    /// The place where a walk ended.
    struct Place {
        UniqueFd held;                ///< no descriptor if only layers below the topmost one have it
        std::string path;             ///< canonical path in the container, without the leading slash
        const Mount* mount = nullptr; ///< the innermost mount that contains it
        std::string below_mount;      ///< path below that mount
    };
    enum class Walk {
        arrived,
        missing,
        on_tmpfs,
        gone,      ///< a volume was removed after the container had ended
        left_out,  ///< a volume that the settings leave out
        elsewhere, ///< a volume differs from the one that the container has mounted
        nowhere,   ///< a name below a file, a loop of links, or neither a directory nor a regular file
        failed,
    };

    /// Resolves the mount points. Handles outer mounts first, as the runtime does, so that an inner mount
    /// point is resolved through the outer mount.
    void place_mounts(const Container& container, Volumes& volumes);
    /// Resolves a path to a directory or a regular file; at a mount point continues in the volume. On failure
    /// `reason` explains why.
    [[nodiscard]] Walk walk(const std::string& path, Volumes& volumes, Place& place,
                            std::string& reason) const;

    [[nodiscard]] SourceKind kind() const noexcept { return kind_; }
    [[nodiscard]] const std::string& host_path() const noexcept { return host_path_; }
    [[nodiscard]] const std::vector<PlacedMount>& mounts() const noexcept { return mounts_; }
    [[nodiscard]] int top() const { return layers_.front().get(); }

  private:
    /// A directory and its layer. Only directories of the topmost layer and of volumes are open: there can be
    /// more than a hundred other layers, and nobody writes to them.
    struct Held {
        std::size_t layer = 0;
        UniqueFd directory;
    };
    struct Lookup;
    struct Step;
    [[nodiscard]] const Mount* mount_at(const std::string& path) const;
    [[nodiscard]] bool has_mount_below(const std::string& path) const;
    [[nodiscard]] Lookup look_up(const std::vector<Step>& steps, const std::string& name) const;
    [[nodiscard]] static Walk enter(const Mount& mount, Volumes& volumes, Step& step, std::string& reason);
    static void describe(std::vector<Step>& steps, Place& place);

    SourceKind kind_;
    std::vector<UniqueFd> layers_;
    std::string host_path_;
    std::vector<PlacedMount> mounts_;
};

} // namespace logbackup
