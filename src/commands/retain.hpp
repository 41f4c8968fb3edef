// SPDX-License-Identifier: MIT
#pragma once

#include "commands/records.hpp"
#include "commands/survey.hpp"
#include "logbackup/prune.hpp"

namespace logbackup {

/// Applies retention as a part of a run, at most once an hour; a run that does not write only lists what it
/// would delete. Adds to the survey what has to be told.
[[nodiscard]] PruneReport retain(const Session& session, Survey& survey, const KeptRecords& kept);

} // namespace logbackup
