// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/inventory.hpp"
#include "logbackup/options.hpp"

namespace logbackup {

/// True if the last runs could not save all of the instance.
[[nodiscard]] bool is_failing(const Instance& instance);

/// Lists the instances in the backup that the filters select. Only reads, and needs no lock: while a run
/// works, each directory is shown as it is before or after the run's change. Follows no link. `root` is a
/// descriptor of the backup root. Throws Error when the records must not be read.
[[nodiscard]] Inventory take_inventory(int root, const Options& options);

} // namespace logbackup
