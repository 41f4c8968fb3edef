// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/report.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace logbackup {

/// One line for all failures that have the same cause.
struct CauseLine {
    std::string key;       ///< the same for each run that meets the cause; printable
    std::string line;      ///< with the names of the first, and a hint where there is one; safe to print
    std::size_t count = 1; ///< log directories, or what else it concerns
};

/// Groups the failures of a run by their causes: what belongs to no container comes first, then the cause
/// with most failures. A difference between two sides, which verify reports, has no cause: each has a line.
[[nodiscard]] std::vector<CauseLine> cause_lines(const Report& report);

enum class Quoted { counts, does_not_count };
/// Returns what two failures of the same cause have in common: the reason without numbers with their units, a
/// hint, and, unless it counts, what is in quotes.
[[nodiscard]] std::string cause_of(std::string_view reason, Quoted quoted = Quoted::does_not_count);

} // namespace logbackup
