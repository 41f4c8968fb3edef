// SPDX-License-Identifier: MIT
#pragma once

#include "util/text.hpp"

#include <string>

/// Whether the system's clock can be believed. What is deleted because of its age must not be deleted because
/// the clock went wrong, so each run notes when it was, in ".logbackup/clock".
namespace logbackup {

/// Zero times: not known.
struct Clock {
    Timestamp seen{};   ///< by the last run
    Timestamp steady{}; ///< since then no two runs have seen it jump
    Timestamp pruned{}; ///< when a tick last looked for something to delete
};

/// The clock as a run at `now` sees it. It jumped when it went back, by more than corrections of the time do,
/// or ahead by more than a day; when nothing was known it has run since now. Pure.
[[nodiscard]] Clock seen_at(const Clock& before, Timestamp now);

/// Whether it has run for a day without a jump.
[[nodiscard]] bool is_steady(const Clock& clock);
/// Whether it is an hour since a tick looked for something to delete.
[[nodiscard]] bool is_time_to_prune(const Clock& clock);
/// Says that it is not steady; safe to print.
[[nodiscard]] std::string unsteady_text(const Clock& clock);

/// What earlier runs noted. `root` is a descriptor of the backup root.
[[nodiscard]] Clock load_clock(int root);
/// Notes what this run saw. Where that is impossible the next runs see a jump at worst.
void save_clock(int root, const Clock& before, const Clock& clock);

} // namespace logbackup
