// SPDX-License-Identifier: MIT
#pragma once

#include "util/text.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>

namespace logbackup {

/// The number of bytes at the beginning of a line in which its time is looked for.
inline constexpr std::size_t longest_head = 16384;

/// Returns the time at the beginning of a log line, as usual programs write it: ISO 8601 and what resembles
/// it (logback, log4j, nginx's errors), "30 Nov 2026 07:02:10", "30.11.2026 07:02:10", java.util.logging,
/// syslog, klog, the time in brackets of an access log, and that of a JSON object ("@timestamp", "timestamp",
/// "time", "ts": a text, or the seconds or milliseconds since 1970). A level, a colour or a word in brackets
/// can stand before it. A time without a zone is taken as UTC. Where the year is missing, it is that of
/// `written`, when the file was written last, or the one before. Returns nothing for other lines. Pure.
[[nodiscard]] std::optional<Timestamp> line_time(std::string_view line, Timestamp written);

/// A time and how exact it was written: a day, a minute, a second, or less.
struct WrittenTime {
    Timestamp begin;
    std::chrono::nanoseconds unit{1};
};

/// Parses a time as users write it: "2026-11-30 07:02", "2026-11-30T07:02:10Z", "2026-11-30", "07:02" (of
/// today), "today", "yesterday", "now". Without a zone it is UTC. Pure.
[[nodiscard]] std::optional<WrittenTime> parse_time(std::string_view text, Timestamp now);

} // namespace logbackup
