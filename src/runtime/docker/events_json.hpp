// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/container.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace logbackup {

/// One container's events within a period. An unknown time is zero.
struct Life {
    /// The fields that events contain: id, image, labels; created, started, finished.
    Container container;
    Timestamp removed{};
};

/// The events of all containers within a period.
struct History {
    std::map<std::string, Life> lives; ///< by container id
    std::size_t events = 0;            ///< number of events of any kind
    Timestamp begins{};                ///< time of the first event
};

/// The engine keeps only the last 256 events (eventsLimit in moby's daemon/events/events.go). A history with
/// that many may begin too late.
inline constexpr std::size_t most_events = 256;

/// Parses the output of `docker events --format '{{json .}}'`: one JSON object per line. Skips lines that are
/// not JSON objects, and missing fields.
[[nodiscard]] History parse_events(std::string_view lines);

} // namespace logbackup
