// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

namespace logbackup {

/// What ioprio_set(2) takes: a scheduling class and, in best-effort, a level of 0 (first) to 7 (last).
struct IoPriority {
    enum class Class { unchanged = 0, best_effort = 2, idle = 3 };

    Class io_class = Class::unchanged;
    int level = 0;
    bool operator==(const IoPriority&) const = default;
};

/// "none" (as it is), "idle", "best-effort" (level 7) or "best-effort:N".
[[nodiscard]] std::optional<IoPriority> parse_io_priority(const std::string& text);

/// A whole number of 0 to 19.
[[nodiscard]] std::optional<int> parse_nice(const std::string& text);

/// Makes this process, and those that it starts, give way to others: see nice(2) and ioprio_set(2). Never
/// takes back what was given up before. What the system refuses is left as it is.
void give_way(int nice, const IoPriority& io);

} // namespace logbackup
