// SPDX-License-Identifier: MIT
#pragma once

#include "util/text.hpp"

#include <optional>
#include <string_view>

namespace logbackup {

/// Returns the time at the beginning of a log line, as usual programs write it: ISO 8601 and what resembles
/// it (logback, log4j, nginx's errors), "30 Nov 2026 07:02:10", java.util.logging, syslog, klog, the time in
/// brackets of an access log, and the time of a JSON object ("@timestamp", "timestamp", "time", "ts"). A
/// level can stand before it. A time without a zone is taken as UTC. Where the year is missing, it is that of
/// `written`, when the file was written last, or the one before. Returns nothing for other lines. Pure.
[[nodiscard]] std::optional<Timestamp> line_time(std::string_view line, Timestamp written);

/// Parses a time as users write it: "2026-11-30 07:02", "2026-11-30T07:02:10Z", "2026-11-30", "07:02" (the
/// last time that it was so late), "today", "yesterday", "now". Without a zone it is UTC. Pure.
[[nodiscard]] std::optional<Timestamp> parse_time(std::string_view text, Timestamp now);

} // namespace logbackup
