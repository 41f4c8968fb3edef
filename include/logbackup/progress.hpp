// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>

namespace logbackup {

/// Called while bytes move, with the bytes saved so far.
using Progress = std::function<void(std::uint64_t bytes)>;

} // namespace logbackup
