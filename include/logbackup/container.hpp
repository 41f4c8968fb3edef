// SPDX-License-Identifier: MIT
#pragma once

#include "util/text.hpp"

#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace logbackup {

/// `State.Status` of docker inspect.
enum class ContainerState { created, running, paused, restarting, removing, exited, dead, unknown };

[[nodiscard]] std::string_view name_of(ContainerState state);

enum class MountAccess { read_only, read_write };

/// One entry of `.Mounts`, or one tmpfs of `.HostConfig.Tmpfs`.
struct Mount {
    std::string type;        ///< "bind", "volume", "tmpfs", …
    std::string source;      ///< path on the host; empty for a tmpfs
    std::string destination; ///< absolute path in the container
    MountAccess access = MountAccess::read_write;
    std::string name{}; ///< Docker's name of a volume; empty for a directory of the host
};

/// One container as docker inspect describes it. Every field may be empty: Docker's version, its storage
/// driver and the container's state determine which ones it fills.
struct Container {
    std::string id; ///< as docker inspect prints it: 64 hexadecimal digits
    std::string image;
    ContainerState state = ContainerState::unknown;
    pid_t pid = 0; ///< first process, in the daemon's pid namespace; 0 if the container is not running
    Timestamp created{};
    Timestamp started{};
    Timestamp finished{};

    bool has_service = false; ///< true if the label is set, even to an empty value
    bool has_pod = false;
    std::string service; ///< label io.kubernetes.container.name
    std::string pod;     ///< label io.kubernetes.pod.name
    std::string namespace_name;
    std::string pod_uid;
    std::string restart_count;
    std::string kind; ///< label io.kubernetes.docker.type: "container" or "podsandbox"

    std::string upper;               ///< GraphDriver.Data.UpperDir
    std::vector<std::string> lowers; ///< GraphDriver.Data.LowerDir, topmost first
    std::string merged;              ///< GraphDriver.Data.MergedDir
    std::vector<Mount> mounts;
    std::string data_root; ///< Docker's data directory, derived from ResolvConfPath

    [[nodiscard]] bool has_process() const { return pid > 0; }
    /// True if it has ended, or failed to start: it writes nothing unless it is started again.
    [[nodiscard]] bool is_still() const {
        return !has_process() && (state == ContainerState::exited || state == ContainerState::dead ||
                                  state == ContainerState::created);
    }
};

} // namespace logbackup
