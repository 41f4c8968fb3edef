// SPDX-License-Identifier: MIT
#pragma once

#include "commands/stages.hpp"
#include "commands/survey.hpp"
#include "logbackup/report.hpp"

#include <vector>

namespace logbackup {

/// Makes the rows of the report, sorted by service, pod and directory in the backup. A container that has
/// some of its log directories has no row for the missing ones.
[[nodiscard]] std::vector<Row> rows_of(const Survey& survey);

/// Makes the report of a command, at the end of its stages.
[[nodiscard]] Report report_of(const Session& session, Survey& survey, Stages stages);

} // namespace logbackup
