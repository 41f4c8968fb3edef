// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/record.hpp"

#include <vector>

/// The containers that the last run saw, of which nothing could be saved yet. They have no record. When one
/// of them is removed, it is missed. `root` is a descriptor of the backup root.
namespace logbackup {

/// Reads ".logbackup/unsaved". What cannot be read is left out.
[[nodiscard]] std::vector<Record> load_unsaved(int root);

/// Replaces the list; at most 1,000 are kept. Returns false and sets errno when it cannot be written.
[[nodiscard]] bool save_unsaved(int root, const std::vector<Record>& containers);

} // namespace logbackup
