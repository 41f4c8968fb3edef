// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace logbackup {

/// Makes bytes that came from a container safe to print: control characters, backslashes, bytes that are not
/// UTF-8, and the invisible characters that reorder or hide text become `\xNN`, byte by byte.
[[nodiscard]] std::string escaped(std::string_view bytes);

/// escaped() between single quotes, for messages.
[[nodiscard]] std::string in_quotes(std::string_view bytes);

/// Bytes as printable ASCII and back (RFC 3986, section 2.1): for text that must survive JSON.
[[nodiscard]] std::string percent_encoded(std::string_view bytes);
[[nodiscard]] std::string percent_decoded(std::string_view text);

/// 16 hexadecimal digits that are the same for the same bytes, and differ for others unless somebody means
/// them not to (FNV-1a, 64 bits).
[[nodiscard]] std::string hash_text(std::string_view bytes);

/// The number of columns an escaped text takes: its number of code points.
[[nodiscard]] std::size_t columns(std::string_view text);

/// "0 B", "512 B", "10.5 KiB", "1.2 GiB".
[[nodiscard]] std::string human_bytes(std::uint64_t bytes);

/// "3 files", "1 file".
[[nodiscard]] std::string counted(std::uint64_t count, std::string_view singular,
                                  std::string_view plural = {});

/// The first three names in quotes, and how many others there are: "'a', 'b', 'c' and 4 others".
[[nodiscard]] std::string some_of(const std::vector<std::string>& names);

using Timestamp = std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;

/// "2026-11-22 14:55", UTC; "-" for the zero time.
[[nodiscard]] std::string to_minute(Timestamp time);

/// UTC, to the second: "2026-11-22T14:55:12Z".
[[nodiscard]] std::string rfc3339(Timestamp time);
/// UTC, to the nanosecond: "2026-11-22T14:55:12.000000001Z".
[[nodiscard]] std::string exact_rfc3339(Timestamp time);
/// UTC, to the second, without characters that need care in a file name: "20261122T145512Z".
[[nodiscard]] std::string compact_time(Timestamp time);
/// Reads RFC 3339 in UTC with any number of fraction digits, as Docker prints it. The zero time stands for no
/// time: Docker's "0001-01-01T00:00:00Z" and anything unreadable give it.
[[nodiscard]] Timestamp parse_rfc3339(std::string_view text);

} // namespace logbackup
