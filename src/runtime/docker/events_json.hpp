// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/container.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace logbackup {

/// What the engine remembers of one container within a period of time. A time that is not known is zero.
struct Life {
    Container container; ///< as far as events tell: id, image, labels; created, started, finished
    Timestamp removed{};
};

/// What happened to containers within a period.
struct History {
    std::map<std::string, Life> lives; ///< by container id
    std::size_t events = 0;            ///< of any kind
    Timestamp begins{};                ///< the first one's time
};

/// The engine forgets all but the last 256 events (eventsLimit in moby's daemon/events/events.go): with as
/// many the history may begin too late.
inline constexpr std::size_t most_events = 256;

/// Reads what `docker events --format '{{json .}}'` prints: one JSON object on each line. Lines that are
/// none, and fields that are missing, are passed over.
[[nodiscard]] History parse_events(std::string_view lines);

} // namespace logbackup
