// SPDX-License-Identifier: MIT
#pragma once

#include "ledger/inventory.hpp"
#include "logbackup/inventory.hpp"
#include "util/text_table.hpp"

#include <string>

namespace logbackup {

enum class InventoryDetail { lines, paths };

/// The table for people, one line for each log directory and each missed container; with
/// InventoryDetail::paths below it where it is, and of which containers. Ends with summary(). Every name in
/// it is escaped; times are UTC.
[[nodiscard]] std::string table(const Inventory& inventory, Colour colour, InventoryDetail detail);

/// One line: how much there is, and how much of each coverage.
[[nodiscard]] std::string summary(const Inventory& inventory);

/// All of it as one JSON object on one line. Times are RFC 3339, null when unknown; the coverage of a
/// directory without a record is "unknown". Bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] std::string json(const Inventory& inventory);

} // namespace logbackup
