// SPDX-License-Identifier: MIT
#pragma once

#include "runtime/discovery.hpp"
#include "util/process.hpp"
#include "util/stop_signal.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace logbackup {

/// How a follower hears of a runtime's containers. The commands run beside it, so that it waits for none.
struct Listening {
    /// Prints the events of containers from then on, one a line, as they happen.
    std::function<std::unique_ptr<SideCommand>(Timestamp since)> events;
    /// True if it cannot print what happened before it was started.
    bool has_no_past = false;
    std::function<History(std::string_view lines)> read_events;
    /// Prints the ids of all containers, and ends.
    std::function<std::unique_ptr<SideCommand>()> list;
    std::function<std::vector<std::string>(const std::string& text)> read_list;
    /// Prints descriptions of containers, and ends.
    std::function<std::unique_ptr<SideCommand>(const std::vector<std::string>& ids)> describe;
    /// Throws Error when they are not whole.
    std::function<std::vector<Container>(std::string_view text)> read_descriptions;
};

/// The questions that a run asks container runtimes. The only seam to them: tests hand in functions of their
/// own, so that a whole run works on plain directories.
struct Runtime {
    std::string name; ///< for people, in records and reports; empty for several together
    /// Returns all containers. Throws Error, with a hint, when the runtime does not answer.
    std::function<Discovery(StopSignal&)> discover;
    /// Describes some containers again. A container that is neither described nor unreachable no longer
    /// exists. Without an answer all are unreachable.
    std::function<Discovery(const std::vector<std::string>& ids, StopSignal&)> ask_again;
    /// Returns the events since then of each runtime that remembers them. Explains in `problem` why one did
    /// not answer.
    std::function<std::vector<History>(Timestamp since, StopSignal&, std::string& problem)> history;
    std::vector<Listening> listening{};
};

/// Makes one of several runtimes, which are asked one after the other. discover() throws Error only if none
/// answers; the others' reasons are its failures. An id that two runtimes list belongs to the first.
[[nodiscard]] Runtime together(std::vector<Runtime> runtimes);

} // namespace logbackup
