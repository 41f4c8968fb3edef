// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/setting.hpp"

#include <string>
#include <vector>

namespace logbackup {

/// Returns all options as a configuration file, each with a comment that says where its value comes from.
[[nodiscard]] std::string text(const std::vector<Setting>& settings);
/// Returns the settings as one JSON object on one line: {"command": "config", "settings": [{"service",
/// "name", "value", "source"}]}.
[[nodiscard]] std::string json(const std::vector<Setting>& settings);

} // namespace logbackup
