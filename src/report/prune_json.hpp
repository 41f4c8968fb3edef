// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/prune.hpp"
#include "util/json_text.hpp"

namespace logbackup {

/// Returns the items of a report as an array, to be embedded in another document.
[[nodiscard]] nlohmann::ordered_json prune_items_json(const PruneReport& report);

} // namespace logbackup
