// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/prune.hpp"
#include "report/list_report.hpp"
#include "util/text_table.hpp"

#include <string>
#include <vector>

namespace logbackup {

/// Returns the table for people, with one line for each item that is deleted. A dry run gives the same table.
/// With InventoryDetail::paths it also shows the paths. The table ends with summary(). Every name in it is
/// escaped; times are UTC.
[[nodiscard]] std::string table(const PruneReport& report, Colour colour, InventoryDetail detail);

/// Returns one line: how much is deleted.
[[nodiscard]] std::string summary(const PruneReport& report);

/// Returns one line for each deleted item, for a log.
[[nodiscard]] std::vector<std::string> deleted_lines(const PruneReport& report);
/// Returns one line for each item that could not be deleted or examined; safe to print.
[[nodiscard]] std::vector<std::string> failure_lines(const PruneReport& report);

/// Returns the report as one JSON object on one line. Times are RFC 3339. Bytes that are not UTF-8 become
/// U+FFFD.
[[nodiscard]] std::string json(const PruneReport& report);

} // namespace logbackup
