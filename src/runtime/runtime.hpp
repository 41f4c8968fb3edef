// SPDX-License-Identifier: MIT
#pragma once

#include "runtime/docker/docker_cli.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace logbackup {

/// How a follower hears of containers. The commands run beside it, so that it waits for none.
struct Listening {
    /// Prints the events of containers from then on, one a line, as they happen.
    std::function<std::unique_ptr<SideCommand>(Timestamp since)> events;
    std::function<History(std::string_view lines)> read_events;
    /// Prints the ids of all containers, and ends.
    std::function<std::unique_ptr<SideCommand>()> list;
    std::function<std::vector<std::string>(const std::string& text)> read_list;
    /// Prints descriptions of containers, and ends.
    std::function<std::unique_ptr<SideCommand>(const std::vector<std::string>& ids)> describe;
    /// Throws Error when they are not whole.
    std::function<std::vector<Container>(std::string_view text)> read_descriptions;
};

/// What a run asks the container runtime. The only seam to it: tests hand in functions of their own, so that
/// a whole run works on plain directories.
struct Runtime {
    /// Returns all containers; see discover().
    std::function<Discovery(StopSignal&)> discover;
    /// Inspects some containers again; see ask_again().
    std::function<Discovery(const std::vector<std::string>& ids, StopSignal&)> ask_again;
    /// Returns the events since then, or nothing and why; see recent_history().
    std::function<std::optional<History>(Timestamp since, StopSignal&, std::string& why_not)> history;
    /// Returns what "info" prints in this format; empty without an answer.
    std::function<std::string(const std::string& format, StopSignal&)> info;
    Listening listening{};
};

/// Asks Docker's engine by its command-line client.
[[nodiscard]] Runtime docker_runtime(const DockerSettings& settings);

} // namespace logbackup
