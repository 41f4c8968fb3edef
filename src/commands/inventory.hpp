// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/inventory.hpp"
#include "logbackup/options.hpp"
#include "util/unique_fd.hpp"

namespace logbackup {

struct OpenInventory {
    UniqueFd root; ///< of the backup, for reading
    Inventory inventory;
};

/// Opens the backup and lists what the filter selects, and lived in the time window. Throws Error if
/// no backup exists or the filter selects nothing.
[[nodiscard]] OpenInventory open_inventory(const Options& options, const TimeWindow& window);

} // namespace logbackup
