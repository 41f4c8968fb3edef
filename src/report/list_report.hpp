// SPDX-License-Identifier: MIT
#pragma once

#include "ledger/inventory.hpp"
#include "logbackup/inventory.hpp"
#include "util/text_table.hpp"

#include <string>

namespace logbackup {

enum class InventoryDetail { lines, paths };

/// Returns the table for people, with one line for each log directory and each missed container. With
/// InventoryDetail::paths, lines under it show its path and its containers. The table ends with summary().
/// Every name in it is escaped; times are UTC.
[[nodiscard]] std::string table(const Inventory& inventory, Colour colour, InventoryDetail detail);

/// Returns one line: the size of the backup, and the number of log directories of each coverage.
[[nodiscard]] std::string summary(const Inventory& inventory);

/// Returns the inventory as one JSON object on one line. Times are RFC 3339, null when unknown; the coverage
/// of a directory without a record is "unknown". Bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] std::string json(const Inventory& inventory);

} // namespace logbackup
