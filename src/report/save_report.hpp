// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/report.hpp"
#include "util/text_table.hpp"

#include <string>
#include <vector>

namespace logbackup {

enum class Detail { containers, files };

/// Returns the table for people, with one line for each container. With Detail::files, a line under it for
/// each file that is touched or left out. The table ends with summary(). Every name in it is escaped.
[[nodiscard]] std::string table(const Report& report, Colour colour, Detail detail);

/// Returns one line: the number of containers, files and bytes, and what failed.
[[nodiscard]] std::string summary(const Report& report);

/// A line about what a limit leaves out.
struct LimitLine {
    std::string key;  ///< the same in each run for one container and limit, whatever the numbers in the text
    std::string text; ///< escaped
};

/// Returns one line for each thing that a limit leaves out.
[[nodiscard]] std::vector<LimitLine> limit_lines(const Report& report);

/// Returns "<service>/<pod>" of a log directory, with what tells it from others of the pod.
[[nodiscard]] std::string full_name(const Row& row);

/// Returns one line for each failure, escaped. See cause_lines() for fewer.
[[nodiscard]] std::vector<std::string> failure_lines(const Report& report);

/// Describes a container of which nothing is saved; escaped.
[[nodiscard]] std::string missed_line(const Missed& missed);

/// Returns the whole report as one JSON object on one line. Bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] std::string json(const Report& report);

} // namespace logbackup
