// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/filter.hpp"
#include "logbackup/inventory.hpp"

#include <string>

namespace logbackup {

/// True if the last runs could not save all of the instance.
[[nodiscard]] bool is_failing(const Instance& instance);

/// Lists the instances in the backup that the filter selects. Only reads, and needs no lock: while a run
/// works, each directory is shown as it is before or after the run's change. Follows no link. `root` is a
/// descriptor of the backup root, and `backup_root` its path. Throws Error when the records must not be read.
[[nodiscard]] Inventory take_inventory(int root, const std::string& backup_root, const Filter& filter);

} // namespace logbackup
