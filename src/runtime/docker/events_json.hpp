// SPDX-License-Identifier: MIT
#pragma once

#include "runtime/discovery.hpp"

#include <cstddef>
#include <string_view>

namespace logbackup {

/// The engine keeps only the last 256 events (eventsLimit in moby's daemon/events/events.go). A history with
/// that many may begin too late.
inline constexpr std::size_t most_events = 256;

/// Parses the output of `docker events --format '{{json .}}'`, or of `podman events --format json`: one JSON
/// object per line. Skips lines that are not JSON objects, and missing fields. Podman's events do not count
/// as History::events: that it forgot some cannot be told by their number.
[[nodiscard]] History parse_events(std::string_view lines);

} // namespace logbackup
