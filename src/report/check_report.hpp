// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/check.hpp"
#include "util/text_table.hpp"

#include <string>
#include <vector>

namespace logbackup {

enum class CheckLines { all, not_ok };

/// Returns the table for people: a line for each check, and its hint under it. With CheckLines::not_ok it is
/// empty when all checks are ok.
[[nodiscard]] std::string table(const std::vector<Check>& checks, Colour colour, CheckLines lines);
/// Returns the checks as one JSON object on one line.
[[nodiscard]] std::string json(const std::vector<Check>& checks);
/// Returns 0 when the machine is ready, 1 when no run is possible, and 3 when runs are possible but will miss
/// something.
[[nodiscard]] int exit_code(const std::vector<Check>& checks);

} // namespace logbackup
