// SPDX-License-Identifier: MIT
#pragma once

#include "locate/volumes.hpp"
#include "logbackup/container.hpp"
#include "logbackup/source.hpp"

#include <string>
#include <utility>
#include <vector>

namespace logbackup {

/// A mount and the canonical path of its place: mount points are resolved in the container like any path.
struct PlacedMount {
    const Mount* mount = nullptr;
    std::string path; ///< without the leading slash
};

/// A container's root file system on the host, and the places in it where its volumes go on.
class Root {
  public:
    /// `layers` is one directory; for `upper` the bare layers, topmost first.
    Root(SourceKind kind, std::vector<UniqueFd> layers, std::string host_path)
        : kind_(kind), layers_(std::move(layers)), host_path_(std::move(host_path)) {}

    /// Where a walk ended.
    struct Place {
        UniqueFd held;                ///< none when only layers below the uppermost have it
        std::string path;             ///< canonical path in the container, without the leading slash
        const Mount* mount = nullptr; ///< the innermost mount it lies on
        std::string below_mount;      ///< path below that
    };
    enum class Walk {
        arrived,
        missing,
        on_tmpfs,
        elsewhere, ///< a volume is not what the container has mounted
        failed,
    };

    /// Outer mounts first, as the runtime mounts them, so that an inner one's path is resolved through the
    /// outer.
    void place_mounts(const Container& container, Volumes& volumes);
    /// Resolves a path, going on in a volume where there is one. `reason` says why it failed.
    [[nodiscard]] Walk walk(const std::string& path, Volumes& volumes, Place& place,
                            std::string& reason) const;

    [[nodiscard]] SourceKind kind() const noexcept { return kind_; }
    [[nodiscard]] const std::string& host_path() const noexcept { return host_path_; }
    [[nodiscard]] const std::vector<PlacedMount>& mounts() const noexcept { return mounts_; }
    [[nodiscard]] int top() const { return layers_.front().get(); }

  private:
    /// A directory and the layer it was found in. Only those of the uppermost layer, and of volumes, are
    /// open: there can be more than a hundred others, and nobody writes to them.
    struct Held {
        std::size_t layer = 0;
        UniqueFd directory;
    };
    struct Lookup;
    struct Step;
    [[nodiscard]] const Mount* mount_at(const std::string& path) const;
    [[nodiscard]] static std::string path_of(const std::vector<Step>& steps);
    [[nodiscard]] Lookup look_up(const std::vector<Step>& steps, const std::string& name) const;
    [[nodiscard]] static Walk enter(const Mount& mount, Volumes& volumes, Step& step, std::string& reason);
    static void describe(std::vector<Step>& steps, Place& place);

    SourceKind kind_;
    std::vector<UniqueFd> layers_;
    std::string host_path_;
    std::vector<PlacedMount> mounts_;
};

} // namespace logbackup
