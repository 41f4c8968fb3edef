// SPDX-License-Identifier: MIT
#pragma once

#include "util/text.hpp"

#include <map>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace logbackup {

/// As Docker names them.
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
    bool operator==(const Mount&) const = default;
};

/// One container as its runtime describes it. Every field may be empty: the runtime, its version, its storage
/// driver and the container's state determine which ones it fills.
struct Container {
    std::string id; ///< as the runtime prints it: 64 hexadecimal digits, or with plain containerd any name
    std::string runtime = "docker"; ///< see Runtime::name
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
    std::string kind;                          ///< "podsandbox" if it only keeps a pod's namespaces
    std::string name;                          ///< its own name
    std::map<std::string, std::string> labels; ///< those that naming schemes other than Kubernetes' read
    /// Its names come from another scheme than Kubernetes': each is any safe file name.
    bool is_named_freely = false;

    std::string upper;               ///< its own layer, a directory on the host
    std::vector<std::string> lowers; ///< the layers of its image, topmost first
    std::string merged;              ///< where its file system is mounted on the host while it runs
    std::vector<Mount> mounts;
    std::string data_root; ///< the runtime's data directory

    bool operator==(const Container&) const = default;
    [[nodiscard]] bool has_process() const { return pid > 0; }
    /// True if it has ended, or failed to start: it writes nothing unless it is started again.
    [[nodiscard]] bool is_still() const {
        return !has_process() && (state == ContainerState::exited || state == ContainerState::dead ||
                                  state == ContainerState::created);
    }
};

} // namespace logbackup
