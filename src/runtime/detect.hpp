// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/naming.hpp"
#include "runtime/containerd/containerd_runtime.hpp"
#include "runtime/docker/docker_cli.hpp"
#include "runtime/runtime.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// Which container runtimes a host has.
namespace logbackup {

struct RuntimeSettings {
    std::vector<std::string> wanted; ///< "docker", "containerd", "podman"; empty: those that are there
    std::string docker;              ///< name or path of the client
    std::string docker_host;         ///< address of its engine; empty: the client's own settings
    std::string podman;              ///< name or path of the program
    std::string ctr;                 ///< name or path of the client of containerd
    std::string containerd_socket;   ///< empty: the usual ones
    std::chrono::milliseconds time_limit{10000};
    Naming naming;
};

/// The runtimes that are on this host.
struct FoundRuntimes {
    std::optional<DockerSettings> docker;
    std::vector<ContainerdSettings> containerds;
    std::optional<DockerSettings> podman;
    std::vector<Error> failures; ///< why others that are there cannot be asked, safe to print
};

/// Finds the runtimes that `settings` want. Docker is there if an address of its engine is set, or its usual
/// socket exists; containerd if one of the sockets of Debian, k3s, RKE2 or MicroK8s exists, and it ever had
/// containers other than Docker's; podman if its state exists where containers are stored. CRI-O is a
/// failure: nothing here can ask it. Throws Error, with a hint, when there is none, or when the client of
/// all, or of one that is wanted, is missing.
[[nodiscard]] FoundRuntimes find_runtimes(const RuntimeSettings& settings);

/// Makes one runtime of those, whose containers get the names that the settings want.
[[nodiscard]] Runtime runtime_of(const FoundRuntimes& found, const RuntimeSettings& settings,
                                 const std::shared_ptr<Descriptions>& known);

} // namespace logbackup
