// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/plan.hpp"

#include <cstdint>

namespace logbackup {

/// Leaves no more than `bytes` to be moved by a plan: whole files, the smallest first, then a part of the
/// next one. What has to wait is one failure. Pure.
void limit_bytes(DirectoryPlan& plan, std::uint64_t bytes);

} // namespace logbackup
