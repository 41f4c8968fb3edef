// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace logbackup {

/// True if the glob matches the whole name; see fnmatch(3).
[[nodiscard]] bool matches(const std::string& glob, const std::string& name);

/// Returns a glob that matches this name or path only.
[[nodiscard]] std::string exact_glob(const std::string& text);

/// Normalizes a user's glob for matching. The result "/*.hprof" matches "*.hprof" directly in the log
/// directory; "*.hprof" matches such names at any depth. Returns nothing if no file could match the glob.
[[nodiscard]] std::optional<std::string> parse_exclude(const std::string& glob);

/// Returns whether globs from parse_exclude() exclude a path in a log directory, because they match the path
/// or a directory above it. A glob without a slash matches the last component. Any other glob matches the
/// whole path, and its wildcards match no slash.
[[nodiscard]] bool is_excluded(const std::vector<std::string>& globs, const std::string& path);

/// Returns the globs as they apply in a directory of the log directory that is saved by itself: "/a/*.bin" is
/// "/*.bin" in "a".
[[nodiscard]] std::vector<std::string> globs_below(const std::vector<std::string>& globs,
                                                   const std::string& directory);

} // namespace logbackup
