// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/options.hpp"
#include "logbackup/record.hpp"
#include "util/free_space.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>

/// The values of options as people write them. Nothing when the text is no such value.
namespace logbackup {

/// "90s", "5m", "1.5h", "30d", "2w"; a number alone means seconds. At least a millisecond.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(const std::string& text);

/// "5%", "0", "500M", "1.5GiB"; the units are powers of 1024. Less than 100 %.
[[nodiscard]] std::optional<MinFree> parse_min_free(const std::string& text);

/// "500M", "100GiB", in the same units; "0" means no limit and gives UINT64_MAX.
[[nodiscard]] std::optional<std::uint64_t> parse_size_limit(const std::string& text);

/// The same as parse_duration(), but with a unit; and "0": for ever.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_keep(const std::string& text);

/// The same as parse_size_limit(), but with a unit: what a forgotten one would delete is not to be guessed.
[[nodiscard]] std::optional<std::uint64_t> parse_max_size(const std::string& text);

/// "100000": a whole number from 1 to 1e9.
[[nodiscard]] std::optional<std::size_t> parse_count(const std::string& text);
/// The same, but "0" is no limit: UINT64_MAX.
[[nodiscard]] std::optional<std::uint64_t> parse_count_limit(const std::string& text);

/// The reverse of name_of().
[[nodiscard]] std::optional<Coverage> parse_coverage(const std::string& text);

/// The name of a group of this system; "": none, which is -1.
[[nodiscard]] std::optional<gid_t> parse_group(const std::string& name);

/// An absolute path, without "." and "..", and without a slash at its end; not "/".
[[nodiscard]] std::optional<std::string> parse_log_directory(const std::string& path);

/// A path that becomes absolute, in the same form; not "/" either.
[[nodiscard]] std::optional<std::string> parse_backup_root(const std::string& path);

/// "NAME.prom", or "": node_exporter's textfile collector reads no files of other names.
[[nodiscard]] std::optional<std::string> parse_metrics_file(const std::string& path);

} // namespace logbackup
