// SPDX-License-Identifier: MIT
#pragma once

#include "util/text.hpp"

#include <string>

/// Decides whether the system's clock can be trusted. A clock that went wrong must not cause anything to be
/// deleted as too old, so each run notes its time in ".logbackup/clock".
namespace logbackup {

/// Times seen by earlier runs. A zero time is not known.
struct Clock {
    Timestamp seen{};   ///< time of the last run
    Timestamp steady{}; ///< no two runs have seen the clock jump since then
    Timestamp pruned{}; ///< when a run last looked for something to delete
};

/// Returns the clock as a run at `now` sees it. The clock has jumped when it went back by more than usual
/// time corrections do, or ahead by more than a day. A clock of which nothing was known counts as steady
/// since now. Pure.
[[nodiscard]] Clock seen_at(const Clock& before, Timestamp now);

/// True if the clock has run for a day without a jump.
[[nodiscard]] bool is_steady(const Clock& clock);
/// True if an hour has passed since a run looked for something to delete.
[[nodiscard]] bool is_time_to_prune(const Clock& clock);
/// Returns a message that the clock is not steady; safe to print.
[[nodiscard]] std::string unsteady_text(const Clock& clock);

/// Reads what earlier runs noted. `root` is a descriptor of the backup root.
[[nodiscard]] Clock load_clock(int root);
/// Notes what this run saw. If that is impossible, the next runs see a jump at worst.
void save_clock(int root, const Clock& before, const Clock& clock);

} // namespace logbackup
