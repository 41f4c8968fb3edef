// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/progress.hpp"

#include <cstdint>

namespace logbackup {

/// Shows a progress line on standard error while bytes move: how many of the total have moved, and the rate.
/// Returns an empty Progress when standard error is not a terminal or there is nothing to move.
[[nodiscard]] Progress progress_line(std::uint64_t total_bytes);

/// Clears the progress line, if one was shown.
void end_progress_line();

} // namespace logbackup
