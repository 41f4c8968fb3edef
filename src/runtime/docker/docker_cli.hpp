// SPDX-License-Identifier: MIT
#pragma once

#include "runtime/descriptions.hpp"
#include "runtime/discovery.hpp"
#include "util/process.hpp"
#include "util/stop_signal.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace logbackup {

/// A program that lists and inspects containers with Docker's commands.
enum class DockerClient { docker, podman };

struct DockerSettings {
    std::string program;                         ///< path of the client
    std::chrono::milliseconds time_limit{10000}; ///< limit for one call
    std::string host{}; ///< address of Docker's engine; empty: find_endpoint() finds it
    DockerClient client = DockerClient::docker;
    [[nodiscard]] std::string name() const { return client == DockerClient::podman ? "podman" : "docker"; }
};

/// Asks Docker's engine, or podman, which containers exist, running or not, and for their details: one
/// `docker ps`, then one `docker inspect` for all of them. A container that is removed in between is not an
/// error.
///
/// A sick container can make inspect hang or print unreadable output, which spoils the whole batch. The batch
/// is then halved until only the sick containers are left out. After a call that hung, further calls get a
/// quarter of the time limit, at least a second, and six time limits in total.
///
/// Throws Error, with a hint, when docker cannot be run, does not use a local socket, cannot reach its
/// engine, prints lines of which none can be an id, or describes none of the existing containers. A line that
/// cannot be an id, such as a warning, becomes a notice. Returns early with a partial result when `stop` is
/// requested.
///
/// Containers in `known` are not inspected as long as Docker's own file of them stays the same one: Docker
/// replaces it when anything of a container's state changes. What was inspected is kept in `known`. Podman
/// has no such file.
[[nodiscard]] Discovery discover(const DockerSettings& settings, Descriptions& known, StopSignal& stop);

/// Inspects some containers again with one `docker inspect`. A container that is neither described nor
/// unreachable no longer exists. Without an answer, or when `stop` is requested, all are unreachable.
[[nodiscard]] Discovery ask_again(const DockerSettings& settings, std::vector<std::string> ids,
                                  StopSignal& stop);

/// Returns the events of containers from then until now, from `docker events`. Docker's engine remembers only
/// the last 256 events. Returns nothing, and explains why in `problem`, when the client does not answer.
[[nodiscard]] std::optional<History> recent_history(const DockerSettings& settings, Timestamp since,
                                                    StopSignal& stop, std::string& problem);
/// Reads what `docker events` printed, see parse_events().
[[nodiscard]] History read_events(const DockerSettings& settings, std::string_view lines);
/// Reads what `docker inspect` printed. Throws Error when it is not whole.
[[nodiscard]] std::vector<Container> read_descriptions(const DockerSettings& settings, std::string_view json);

/// Starts `docker events` for what creates, starts, ends and removes containers, from then on. Returns
/// nullptr, and sets errno, when it cannot be started.
[[nodiscard]] std::unique_ptr<SideCommand> listen(const DockerSettings& settings, Timestamp since);
/// Starts `docker ps` for the ids of all containers, in the same way; parse_list() reads what it prints.
[[nodiscard]] std::unique_ptr<SideCommand> list_all(const DockerSettings& settings);
[[nodiscard]] std::vector<std::string> parse_list(const std::string& text);
/// Starts `docker inspect` for some containers, in the same way.
[[nodiscard]] std::unique_ptr<SideCommand> describe(const DockerSettings& settings,
                                                    const std::vector<std::string>& ids);

/// Returns the environment for the docker client: the variables of ours that it needs to find its engine and
/// its configuration, with another address of its engine unless `host` is empty.
[[nodiscard]] std::vector<std::string> docker_environment(const std::string& host = {});
/// Returns the environment for podman: the variables of ours that name its configuration and storage. Not
/// those that name the podman of another machine: its directories are not of this host.
[[nodiscard]] std::vector<std::string> podman_environment();

} // namespace logbackup
