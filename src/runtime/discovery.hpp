// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/container.hpp"
#include "logbackup/engine.hpp"
#include "util/error.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <vector>

/// The answers of container runtimes.
namespace logbackup {

/// A container that its runtime could not describe.
struct Unreachable {
    std::string id;
    std::string reason; ///< safe to print
};

struct Discovery {
    /// Ids of all containers that were listed. In full where they could be described; else as they were
    /// listed, which may be the beginning of an id.
    std::vector<std::string> ids;
    std::vector<Container> containers; ///< containers that still existed, as they were described
    std::vector<Unreachable> unreachable;
    std::vector<std::string> notices{}; ///< safe to print
    /// The runtimes that answered, by their names.
    std::map<std::string, EngineIdentity> engines{};
    std::vector<Error> failures{}; ///< why the others did not, safe to print
};

/// Says that a runtime is left out, and why.
[[nodiscard]] inline Error left_out(const std::string& runtime, const Error& why) {
    return Error(runtime + " is left out: " + why.what(), why.hint());
}

/// Adds what another runtime says. A container whose id is known already is left out, and is a failure.
void add(Discovery& all, Discovery more);

/// Keeps each id once, with the first description of it. A second description that says something else is a
/// failure: from here on, an id means one container.
void keep_one_of_each_id(Discovery& discovery);

/// One container's events within a period. An unknown time is zero.
struct Life {
    /// The fields that events contain: id, image, labels; created, started, finished.
    Container container;
    Timestamp removed{};
};

/// The events of all containers of a runtime within a period.
struct History {
    std::map<std::string, Life> lives; ///< by container id
    std::size_t events = 0;            ///< number of events of any kind
    Timestamp begins{};                ///< time of the first event
    std::string runtime = Container().runtime;
};

} // namespace logbackup
