// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/prune.hpp"
#include "util/json_text.hpp"

namespace logbackup {

/// The items of a report as an array, for whichever document they are a part of.
[[nodiscard]] nlohmann::ordered_json prune_items_json(const PruneReport& report);

} // namespace logbackup
