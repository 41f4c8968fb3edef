// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/record.hpp"
#include "util/text.hpp"

#include <string>
#include <vector>

/// Each run notes its time in ".logbackup/clock", so that a clock that has just gone wrong does not cause
/// anything to be deleted as too old. `root` is a descriptor of the backup root throughout.
namespace logbackup {

/// Times that earlier runs noted. A zero time is not known.
struct ClockHistory {
    Timestamp last_run{};
    Timestamp last_prune{}; ///< when a run last looked for something to delete
};

/// Returns why a run at `now` must not delete anything, safe to print; empty when it may. The clock is in
/// doubt when no earlier run is known, when it went back by more than usual time corrections do, and when it
/// went ahead by more than a day. Pure.
[[nodiscard]] std::string doubt_about_clock(const ClockHistory& history, Timestamp now);

/// True if an hour has passed since a run looked for something to delete. Pure.
[[nodiscard]] bool is_time_to_prune(const ClockHistory& history, Timestamp now);

/// Returns the newest time of a run, not after `now`, that the records name; zero if there is none. It stands
/// for the time of the last run if the clock was ahead at that one and has been set back since. The times of
/// containers do not count: no run need have been there. Pure.
[[nodiscard]] Timestamp newest_time(const std::vector<Record>& records, Timestamp now);

[[nodiscard]] ClockHistory load_clock(int root);
/// Notes when this run began. If that is impossible, the next run doubts the clock at worst.
void note_run(int root, Timestamp now);
/// Notes also that this run looked for something to delete.
void note_prune(int root, Timestamp now);

} // namespace logbackup
