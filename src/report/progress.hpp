// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/progress.hpp"

#include <cstdint>

namespace logbackup {

/// A line on the terminal that standard error is, kept up to date while bytes move: how many of the total,
/// and the rate. An empty Progress when standard error is no terminal or there is nothing to move.
[[nodiscard]] Progress progress_line(std::uint64_t total_bytes);

/// Wipes the line, if one was shown.
void end_progress_line();

} // namespace logbackup
