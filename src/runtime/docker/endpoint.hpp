// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace logbackup {

/// Where the docker client finds its engine.
struct Endpoint {
    std::string address;  ///< empty: the client's default, which is a local socket
    std::string named_by; ///< what says so, safe to print; empty for the default
};

/// The endpoint that the docker client would take: DOCKER_HOST, else the context DOCKER_CONTEXT, else the one
/// that is current in the client's configuration. An empty variable counts as none. Reads at most a few small
/// files. Throws Error, with a hint, when the context does not tell where it leads.
[[nodiscard]] Endpoint find_endpoint();

/// Whether an endpoint is a socket of this machine: "unix://…". A TCP port on the loopback address can belong
/// to a tunnel.
[[nodiscard]] bool is_local_socket(std::string_view address);

/// Throws Error, with a hint, for an engine that can be on another machine. Its paths would be taken for
/// paths of this one, and this machine's files saved as that one's logs.
void require_local(const Endpoint& endpoint);

} // namespace logbackup
