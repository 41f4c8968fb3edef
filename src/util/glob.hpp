// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace logbackup {

/// A glob as it is matched, of one as it is written: "/*.hprof" for "*.hprof" directly in the log directory,
/// "*.hprof" for such names at any depth. Nothing when no file could match it.
[[nodiscard]] std::optional<std::string> parse_exclude(const std::string& glob);

/// Whether a path in a log directory is left out by one of these globs, as parse_exclude() gives them: it, or
/// a directory above it, matches. A glob without a slash is for the last component, others are for the whole
/// path, and there no wildcard stands for a slash.
[[nodiscard]] bool is_excluded(const std::vector<std::string>& globs, const std::string& path);

} // namespace logbackup
