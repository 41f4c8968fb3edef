// SPDX-License-Identifier: MIT
#pragma once

#include "runtime/discovery.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

/// Parsers of what ctr prints, and of what containerd's CRI service keeps on disk.
namespace logbackup {

/// A task is a container's process.
struct CtrTask {
    pid_t pid = 0;
    ContainerState state = ContainerState::unknown;
};

/// Parses `ctr tasks ls`: a heading, then id, pid and status. Skips lines that are none of these.
[[nodiscard]] std::map<std::string, CtrTask> parse_tasks(const std::string& text);

/// Parses the output of a command with --quiet: a word a line. Skips lines that are not one word.
[[nodiscard]] std::vector<std::string> parse_words(const std::string& text);

/// The answer of `ctr containers info`. All of it stays the same as long as the container exists.
struct CtrInfo {
    /// Without state, process, times of start and end, and layers. Its kind is empty if it was not made by
    /// the CRI service.
    Container container;
    std::string snapshotter;
    std::string snapshot; ///< its key
};
/// Returns nothing when the text is not a JSON object with an ID.
[[nodiscard]] std::optional<CtrInfo> parse_info(std::string_view json);

/// Parses `ctr snapshots mounts`: one `mount -t TYPE SOURCE PLACE -o OPTIONS` for overlay or a bind mount.
/// Fills the container's layers; leaves them empty for other snapshotters.
void parse_snapshot_mounts(const std::string& text, Container& container);

/// Parses the file "status" of a container of the CRI service. Fills the times of start and end, and for a
/// container without a process its state. Leaves all as it is when the text is something else.
void parse_cri_status(std::string_view json, Container& container);

/// Where a container is, and its task.
struct CtrPlace {
    std::string name_space;
    CtrTask task{};
};
using CtrPlaces = std::map<std::string, CtrPlace>; ///< by container id

/// Parses what `ctr events` prints: `DATE TIME ZONE UTC NAMESPACE TOPIC JSON`. Takes the events of containers
/// in namespaces that are not Docker's; skips all other lines. Notes in `places` where the containers are
/// that were made.
[[nodiscard]] History parse_ctr_events(std::string_view lines, CtrPlaces& places);

/// True if the namespace's containers are Docker's own.
[[nodiscard]] bool is_of_docker(std::string_view containerd_namespace);

/// Returns the directory of containerd for the directory of a snapshot in it; "" for any other.
[[nodiscard]] std::string containerd_root_of(const std::string& upper);

} // namespace logbackup
