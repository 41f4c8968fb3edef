// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/plan.hpp"

#include <cstdint>

namespace logbackup {

/// Limits a plan to transfer at most `bytes`: whole files, smallest first, then a part of the next one.
/// Reports the files that must wait as one problem. Pure.
void limit_bytes(DirectoryPlan& plan, std::uint64_t bytes);

} // namespace logbackup
