// SPDX-License-Identifier: MIT
#pragma once

#include "locate/host_paths.hpp"
#include "logbackup/record.hpp"

#include <cstdint>
#include <optional>
#include <string>

/// Decides whether a container is gone. One answer of the engine is not enough: it may be another engine, or
/// the disk with its data may not be mounted.
namespace logbackup {

enum class LayerState {
    exists,
    gone,
    unknown, ///< it cannot be examined
};

/// Looks for a container's own layer, `Container::upper`, on this host. Docker removes it with the container.
[[nodiscard]] LayerState layer_state(const std::string& upper);

/// True if the path of a record's volume leads to the directory that was saved. When the inode of the volume
/// is not known, anything at its path counts.
[[nodiscard]] bool volume_exists(const Record& record, HostPaths& host);

/// True if the layer or the volume of a record may still be on this host. A volume that is left out does not
/// count.
[[nodiscard]] bool may_exist(const Record& record, HostPaths& host);

/// The number of runs in a row that may find no log directory, although records are live, without ending any
/// record.
inline constexpr std::uint64_t most_doubtful_runs = 5;

/// Counts the runs in a row that found no log directory although they should have found one. The count stops
/// at `most_doubtful_runs` plus one. `before` is the count of the last run. Pure.
[[nodiscard]] std::uint64_t empty_runs_after(std::uint64_t before, bool found_any, bool any_expected);

/// True if a run with this count cannot tell whether containers are gone. Pure.
[[nodiscard]] bool is_doubtful(std::uint64_t empty_runs);

/// True if more records end at once, without a word of the engine, than plausible on a healthy host: all that
/// were live, or more than a few. Pure.
[[nodiscard]] bool are_too_many_to_end(std::size_t ended, std::size_t live_before);

/// Reads the count that the last run left in ".logbackup/empty-runs". `root` is a descriptor of the backup
/// root.
[[nodiscard]] std::uint64_t load_empty_runs(int root);
/// Returns false and sets errno when the count cannot be written.
[[nodiscard]] bool save_empty_runs(int root, std::uint64_t before, std::uint64_t now);

} // namespace logbackup
