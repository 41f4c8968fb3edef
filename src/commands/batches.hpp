// SPDX-License-Identifier: MIT
#pragma once

#include "commands/planning.hpp"

namespace logbackup {

/// Makes the moves that the assignment asked for. Jobs whose directory cannot be made free are failed.
void make_moves(const Session& session, Survey& survey);

/// Plans, with little effort, all jobs for which there are descriptors. Those that need more effort are
/// postponed. Returns those that wait for descriptors.
[[nodiscard]] std::vector<Job*> plan_first_batch(const Session& session, Survey& survey);

/// Saves all jobs in batches: those that are planned, then the waiting ones, as many at a time as there are
/// descriptors for, and at last those that were postponed, one by one. Writes the record of each before its
/// directory. A file that changed while it was read is planned and saved again.
void save_all(const Session& session, Survey& survey, std::vector<Job*> waiting);

} // namespace logbackup
