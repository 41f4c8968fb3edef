// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/inventory.hpp"
#include "logbackup/search.hpp"

#include <optional>

/// Which log directories a search is about, and what the backup lacks of them. Pure.
namespace logbackup {

/// True if the log directory can have lines of this time, as its record says.
[[nodiscard]] bool lived_in(const Instance& instance, const TimeWindow& window);

/// Returns what is missing of a log directory that lived in the window. `last_run`: when the last complete
/// run began; zero if there was none.
[[nodiscard]] std::optional<Gap> gap_of(const Instance& instance, const TimeWindow& window,
                                        Timestamp last_run);

} // namespace logbackup
