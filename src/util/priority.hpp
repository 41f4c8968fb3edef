// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

namespace logbackup {

/// An I/O priority for ioprio_set(2): a scheduling class and, for best-effort, a level from 0 (first) to 7
/// (last).
struct IoPriority {
    enum class Class { unchanged = 0, best_effort = 2, idle = 3 };

    Class io_class = Class::unchanged;
    int level = 0;
    bool operator==(const IoPriority&) const = default;
};

/// Parses "none" (unchanged), "idle", "best-effort" (level 7) or "best-effort:N".
[[nodiscard]] std::optional<IoPriority> parse_io_priority(const std::string& text);

/// Parses a whole number from 0 to 19.
[[nodiscard]] std::optional<int> parse_nice(const std::string& text);

/// Raises the priority of this process and its future children a bit, if the system allows it: for one that
/// hardly works but must be in time.
void go_first();

/// Lowers the priority of this process and its future children; see nice(2) and ioprio_set(2). Never raises a
/// priority that was lowered before. Ignores a refusal by the system.
void give_way(int nice, const IoPriority& io);

} // namespace logbackup
