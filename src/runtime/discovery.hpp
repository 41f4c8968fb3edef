// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/container.hpp"

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

/// Identifies a runtime on this host. A member is empty when it is not known.
struct EngineIdentity {
    std::string id;   ///< a random id that the runtime keeps in its directory
    std::string root; ///< that directory
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
    std::vector<std::string> failures{}; ///< why the others did not, safe to print
};

/// Adds what another runtime says. A container whose id is known already is left out, and is a failure.
void add(Discovery& all, Discovery more);

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
