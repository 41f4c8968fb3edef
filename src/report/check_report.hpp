// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/check.hpp"
#include "util/text_table.hpp"

#include <string>
#include <vector>

namespace logbackup {

enum class CheckLines { all, not_ok };

/// For people: a line for each check, its hint below it; with CheckLines::not_ok nothing when all is ok.
[[nodiscard]] std::string table(const std::vector<Check>& checks, Colour colour, CheckLines lines);
/// One JSON object on one line.
[[nodiscard]] std::string json(const std::vector<Check>& checks);
/// 0: ready, 1: no run is possible, 3: runs are, but something will be missing.
[[nodiscard]] int exit_code(const std::vector<Check>& checks);

} // namespace logbackup
