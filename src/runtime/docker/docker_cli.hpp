// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/container.hpp"
#include "runtime/docker/events_json.hpp"
#include "util/process.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace logbackup {

struct DockerSettings {
    std::string program;                         ///< path of the docker client
    std::chrono::milliseconds time_limit{10000}; ///< for one call
};

/// A container that inspect could not describe.
struct Unreachable {
    std::string id;
    std::string reason; ///< safe to print
};

struct Discovery {
    std::vector<std::string> ids;      ///< every container that docker ps listed, newest first
    std::vector<Container> containers; ///< what inspect said of those that still existed
    std::vector<Unreachable> unreachable;
};

/// Asks the Docker engine which containers exist, running or not, and what they look like: one `docker ps`,
/// one `docker inspect` for all of them. A container that is removed in between is no error.
///
/// A container that is sick can make inspect hang, or print what cannot be understood, and with it the whole
/// batch. The batch is then halved until only the sick ones are left out; after one that hung the further
/// calls get a quarter of the time limit, at least a second, and six time limits together.
///
/// Throws Error, with a hint, when docker cannot be run, asks no local socket, cannot reach its engine,
/// prints ids that are none, or describes no container of all that there are. Returns early with what it has
/// when `stop` is requested.
[[nodiscard]] Discovery discover(const DockerSettings& settings, StopSignal& stop);

/// Asks about some containers again, by one `docker inspect`. One that is neither described nor unreachable
/// does not exist any longer. Without an answer, or when `stop` is requested, all are unreachable.
[[nodiscard]] Discovery ask_again(const DockerSettings& settings, std::vector<std::string> ids,
                                  StopSignal& stop);

/// What happened to containers between two points in time, of which the engine remembers the last 256 events:
/// `docker events --since --until`, which returns at once. Nothing, with the reason, when docker does not
/// answer.
[[nodiscard]] std::optional<History> recent_history(const DockerSettings& settings, Timestamp since,
                                                    Timestamp until, StopSignal& stop, std::string& why_not);

/// The environment of the docker client: what of ours it needs to find its engine and its configuration.
[[nodiscard]] std::vector<std::string> docker_environment();

} // namespace logbackup
