// SPDX-License-Identifier: MIT
#pragma once

#include "runtime/descriptions.hpp"

/// Descriptions of containers by their runtimes, kept from one run to the next in the file
/// ".logbackup/containers". A run asks a runtime only what may have changed.
namespace logbackup {

/// `root` is a descriptor of the backup root. Returns none if there are none, or if they are damaged: the
/// runtime is asked then.
[[nodiscard]] Descriptions load_descriptions(int root);
/// Does nothing if they cannot be written: the next run asks again.
void save_descriptions(int root, const Descriptions& descriptions);

} // namespace logbackup
