// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>

namespace logbackup {

/// Called during a transfer with the number of bytes saved so far.
using Progress = std::function<void(std::uint64_t bytes)>;

} // namespace logbackup
