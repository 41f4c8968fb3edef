// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace logbackup {

/// The place where the docker client finds its engine.
struct Endpoint {
    std::string address;  ///< empty: the client's default, a local socket
    std::string named_by; ///< the setting it comes from, safe to print; empty for the default
};

/// Returns the endpoint that the docker client would use: `host` (--docker-host), else DOCKER_HOST, else the
/// context DOCKER_CONTEXT, else the current context in the client's configuration. Empty variables count as
/// unset. Reads at most a few small files. Throws Error, with a hint, when the context has no readable
/// endpoint.
[[nodiscard]] Endpoint find_endpoint(const std::string& host = {});

/// Returns whether an endpoint is a socket of this machine: "unix://…". A TCP port on the loopback address
/// does not count, because it can belong to a tunnel.
[[nodiscard]] bool is_local_socket(std::string_view address);

/// Throws Error, with a hint, when the engine can be on another machine. Its paths would be taken for paths
/// of this machine, and this machine's files would be saved as its logs.
void require_local(const Endpoint& endpoint);

} // namespace logbackup
