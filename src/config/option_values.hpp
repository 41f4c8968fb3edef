// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/naming.hpp"
#include "logbackup/record.hpp"
#include "util/free_space.hpp"
#include "util/text.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>

/// Parsers for the values of options as people write them. Each returns nothing when the text is not a valid
/// value.
namespace logbackup {

/// Accepts "90s", "5m", "1.5h", "30d", "2w", "1y", and the names of these units ("30 days", "1 year"); a
/// number alone means seconds. A year has 365 days. The minimum is a millisecond.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(const std::string& text);

/// Accepts "5%", "0", "500M", "1.5GiB", whose units are powers of 1024, and "50GB", of 1000; in any case. A
/// percentage must be less than 100 %.
[[nodiscard]] std::optional<MinFree> parse_min_free(const std::string& text);

/// Accepts "500M", "100GiB", with the units of parse_min_free(); "0" means no limit and returns UINT64_MAX.
[[nodiscard]] std::optional<std::uint64_t> parse_size_limit(const std::string& text);

/// Like parse_duration(); "0" means not at all.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_follow(const std::string& text);

/// Like parse_duration(), but requires a unit. "0" means that logs are kept for ever.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_keep(const std::string& text);

/// Like parse_size_limit(), but requires a unit: the value decides what is deleted, so a forgotten unit must
/// not be guessed.
[[nodiscard]] std::optional<std::uint64_t> parse_max_size(const std::string& text);

/// Accepts a whole number from 1 to 1e9, such as "100000".
[[nodiscard]] std::optional<std::size_t> parse_count(const std::string& text);
/// Like parse_count(), but "0" means no limit and returns UINT64_MAX.
[[nodiscard]] std::optional<std::uint64_t> parse_count_limit(const std::string& text);

/// Accepts the times of parse_time(), and ages such as "90m" or "2h ago". "" means no bound.
/// parse_until() returns the end of the day, minute or second that was written.
[[nodiscard]] std::optional<Timestamp> parse_since(const std::string& text);
[[nodiscard]] std::optional<Timestamp> parse_until(const std::string& text);

/// True if the text is a time without a date: "07:02".
[[nodiscard]] bool is_time_of_day(const std::string& text);

/// Accepts a whole number from 0 to 1000.
[[nodiscard]] std::optional<std::size_t> parse_context(const std::string& text);

/// Accepts true, on, yes and 1, and false, off, no and 0, in letters of any case.
[[nodiscard]] std::optional<bool> parse_flag(const std::string& text);

/// Reverses name_of().
[[nodiscard]] std::optional<Coverage> parse_coverage(const std::string& text);

/// Looks up the name of a group of this system. "" means no group and returns -1.
[[nodiscard]] std::optional<gid_t> parse_group(const std::string& name);

/// Accepts an absolute path without "." and "..", other than "/". Returns it without a slash at its end.
[[nodiscard]] std::optional<std::string> parse_log_directory(const std::string& path);

/// Makes a path absolute and returns it in the form of parse_log_directory(). Rejects "/".
[[nodiscard]] std::optional<std::string> parse_backup_root(const std::string& path);

/// Accepts an absolute path, and "".
[[nodiscard]] std::optional<std::string> parse_absolute_path(const std::string& path);

[[nodiscard]] std::optional<NameScheme> parse_name_scheme(const std::string& text);

/// Accepts "NAME.prom" and "": node_exporter's textfile collector reads no files with other names.
[[nodiscard]] std::optional<std::string> parse_metrics_file(const std::string& path);

} // namespace logbackup
