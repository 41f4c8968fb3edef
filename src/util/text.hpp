// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace logbackup {

/// Makes bytes from a container safe to print. Control characters, backslashes, bytes that are not UTF-8, and
/// invisible characters that reorder or hide text become `\xNN`, byte by byte.
[[nodiscard]] std::string escaped(std::string_view bytes);

/// Returns a text without the white space around it.
[[nodiscard]] std::string trimmed(std::string_view text);

/// Returns the text with the letters A to Z in lower case.
[[nodiscard]] std::string lower_case(std::string text);
/// Returns escaped() in single quotes, for messages.
[[nodiscard]] std::string in_quotes(std::string_view bytes);

/// Encode bytes as printable ASCII and decode them (RFC 3986, section 2.1), for text that must survive JSON.
[[nodiscard]] std::string percent_encoded(std::string_view bytes);
[[nodiscard]] std::string percent_decoded(std::string_view text);

/// Returns a hash of 16 hexadecimal digits (FNV-1a, 64 bits). It is not collision-resistant: inputs can be
/// made to collide on purpose.
[[nodiscard]] std::string hash_text(std::string_view bytes);

/// Returns the number of columns an escaped text takes: its number of code points.
[[nodiscard]] std::size_t columns(std::string_view text);

/// "0 B", "512 B", "10.5 KiB", "1.2 GiB".
[[nodiscard]] std::string human_bytes(std::uint64_t bytes);

/// "3 files", "1 file".
[[nodiscard]] std::string counted(std::uint64_t count, std::string_view singular,
                                  std::string_view plural = {});

/// Lists the first three names in quotes and counts the others: "'a', 'b', 'c' and 4 others".
[[nodiscard]] std::string some_of(const std::vector<std::string>& names);

using Timestamp = std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;

/// "2026-11-22 14:55", UTC; "-" for the zero time.
[[nodiscard]] std::string to_minute(Timestamp time);

/// UTC, to the second: "2026-11-22T14:55:12Z".
[[nodiscard]] std::string rfc3339(Timestamp time);
/// UTC, to the nanosecond: "2026-11-22T14:55:12.000000001Z".
[[nodiscard]] std::string exact_rfc3339(Timestamp time);
/// UTC, to the second, without characters that are special in file names: "20261122T145512Z".
[[nodiscard]] std::string compact_time(Timestamp time);
/// Returns a rough duration: "40 s", "12 min", "3 h", "5 days".
[[nodiscard]] std::string rough_time(std::chrono::seconds time);
/// Parses RFC 3339 with any number of fraction digits: in UTC, as Docker prints it, or with an offset, as
/// podman does. Returns the zero time, which means "no time", for "0001-01-01T00:00:00Z" and for unreadable
/// text.
[[nodiscard]] Timestamp parse_rfc3339(std::string_view text);

} // namespace logbackup
