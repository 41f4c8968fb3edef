// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/prune.hpp"
#include "report/list_report.hpp"
#include "util/text_table.hpp"

#include <string>
#include <vector>

namespace logbackup {

/// The table for people, one line for each thing that is deleted, or would be in a dry run; the same in both.
/// With InventoryDetail::paths where it is. Ends with summary(). Every name in it is escaped; times are UTC.
[[nodiscard]] std::string table(const PruneReport& report, Colour colour, InventoryDetail detail);

/// One line: how much is deleted.
[[nodiscard]] std::string summary(const PruneReport& report);

/// One line for each thing that was deleted, for a log.
[[nodiscard]] std::vector<std::string> deleted_lines(const PruneReport& report);
/// One line for each thing that could not be deleted or looked at; safe to print.
[[nodiscard]] std::vector<std::string> failure_lines(const PruneReport& report);

/// All of it as one JSON object on one line. Times are RFC 3339. Bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] std::string json(const PruneReport& report);

} // namespace logbackup
