// SPDX-License-Identifier: MIT
#pragma once

#include "util/text.hpp"

#include <string>
#include <vector>

/// What was told within the last day is kept in ".logbackup/told", so that a cause that stays is told once a
/// day and not once a minute. `root` is a descriptor of the backup root.
namespace logbackup {

/// Returns those of the subjects that were not told within a day, and notes that they are told now. Remembers
/// 1,000 subjects at most; with more, some are told again. If that cannot be written, they are told again.
[[nodiscard]] std::vector<std::string> not_told_today(int root, const std::vector<std::string>& subjects,
                                                      Timestamp now);

} // namespace logbackup
