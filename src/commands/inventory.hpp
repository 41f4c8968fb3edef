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

/// Opens the backup and lists what the filter and the time window select. Throws Error when there is no
/// backup, or when a filter selects nothing.
[[nodiscard]] OpenInventory open_inventory(const Options& options);

} // namespace logbackup
