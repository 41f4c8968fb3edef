// SPDX-License-Identifier: MIT
#pragma once

#include "config/option_sources.hpp"

#include <string>
#include <vector>

namespace logbackup {

/// All options as a configuration file, each with a comment that says where its value comes from.
[[nodiscard]] std::string text(const std::vector<Setting>& settings);
/// The same as one JSON object: {"command": "config", "settings": [{"service", "name", "value", "source"}]},
/// one line.
[[nodiscard]] std::string json(const std::vector<Setting>& settings);

} // namespace logbackup
