// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/report.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace logbackup {

/// One line for all failures that have the same cause.
struct CauseLine {
    std::string key;  ///< the same for each run that meets the cause; printable
    std::string line; ///< with the names of the first, and a hint where there is one; safe to print
};

/// Groups the failures of a run by their causes: what belongs to no container comes first, then the cause
/// with most failures. A difference between two sides, which verify reports, has no cause: each has a line.
[[nodiscard]] std::vector<CauseLine> cause_lines(const Report& report);

/// Returns what two failures of the same cause have in common: the reason without what is in quotes, numbers
/// with their units, and a hint.
[[nodiscard]] std::string cause_of(std::string_view reason);

} // namespace logbackup
