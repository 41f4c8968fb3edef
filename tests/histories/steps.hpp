// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace logbackup::test {

inline constexpr int threw = 99; ///< exit code of a process whose work threw

/// What is to happen to a process at which of its steps. A step is the begin or the end of a system call.
struct Interference {
    std::optional<std::size_t> kill_at;                     ///< SIGKILL
    std::map<std::size_t, std::function<void()>> meanwhile; ///< done while the process stands still
};

struct Ended {
    std::optional<int> code; ///< nothing: it was killed at the step asked for
    std::string output;
    std::size_t steps = 0;
};

/// Forks, and follows the child from step to step by ptrace(2), but not what it starts. Its children that it
/// leaves behind are waited for. `work` gives what the child has to say; an exception
/// ends it with code `threw`.
/// Throws when a signal that we did not send ends it.
[[nodiscard]] Ended run_in_steps(const std::function<std::string()>& work, const Interference& interference);

} // namespace logbackup::test
