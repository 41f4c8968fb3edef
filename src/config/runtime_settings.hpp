// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/options.hpp"
#include "runtime/detect.hpp"

namespace logbackup {

/// Returns what the options say of container runtimes.
[[nodiscard]] RuntimeSettings runtime_settings(const Options& options);

} // namespace logbackup
