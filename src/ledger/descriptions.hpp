// SPDX-License-Identifier: MIT
#pragma once

#include <string>

/// Descriptions of containers by their runtimes, kept from one run to the next in the file
/// ".logbackup/containers". A run asks a runtime only what may have changed.
namespace logbackup {

/// `root` is a descriptor of the backup root. Returns the text of the descriptions; "" if there are none.
[[nodiscard]] std::string load_descriptions(int root);
/// Does nothing if they cannot be written: the next run asks again.
void save_descriptions(int root, const std::string& text);

} // namespace logbackup
