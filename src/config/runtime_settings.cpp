// SPDX-License-Identifier: MIT
#include "config/runtime_settings.hpp"

namespace logbackup {

RuntimeSettings runtime_settings(const Options& options) {
    RuntimeSettings settings;
    settings.wanted = options.runtimes;
    settings.docker = options.docker;
    settings.docker_host = options.docker_host;
    settings.podman = options.podman;
    settings.ctr = options.ctr;
    settings.containerd_socket = options.containerd_socket;
    settings.time_limit = options.docker_timeout;
    settings.naming = options.naming;
    return settings;
}

} // namespace logbackup
