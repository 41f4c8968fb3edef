// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/inventory.hpp"
#include "logbackup/options.hpp"

namespace logbackup {

/// Whether the last runs could not save all of it.
[[nodiscard]] bool is_failing(const Instance& instance);

/// What is in the backup, of what the filters select. Reads only, and needs no lock: beside a tick it shows
/// each directory as it is before or after that. Follows no link. `root` is a descriptor of the backup root.
/// Throws Error when the records must not be read.
[[nodiscard]] Inventory take_inventory(int root, const Options& options);

} // namespace logbackup
