// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/report.hpp"
#include "util/text_table.hpp"

#include <string>
#include <vector>

namespace logbackup {

enum class Detail { containers, files };

/// The table for people, one line for each container; with Detail::files below it one for each file that is
/// touched or left out. Ends with summary(). Every name in it is escaped.
[[nodiscard]] std::string table(const Report& report, Colour colour, Detail detail);

/// One line: how many containers and files, how many bytes, what failed.
[[nodiscard]] std::string summary(const Report& report);

/// One line for each thing that went wrong, escaped.
[[nodiscard]] std::vector<std::string> failure_lines(const Report& report);

/// What is known of a container of which nothing is saved; escaped.
[[nodiscard]] std::string missed_line(const Missed& missed);

/// The whole report as one JSON object on one line. Bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] std::string json(const Report& report);

} // namespace logbackup
