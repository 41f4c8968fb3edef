// SPDX-License-Identifier: MIT
#pragma once

#include "commands/planning.hpp"

namespace logbackup {

/// Makes the moves that the assignment asked for. Jobs whose directory cannot be made free are failed.
void make_moves(const Session& session, Survey& survey);

/// The work that the first batch leaves to the next ones.
struct FirstBatch {
    std::vector<Job*> waiting; ///< for descriptors
    LittleLeft left;
};

/// Plans all jobs for which there are descriptors, if that takes little; the others are postponed.
[[nodiscard]] FirstBatch plan_first_batch(const Session& session, Survey& survey);

/// Saves all jobs in batches: those that are planned, then the waiting ones, as many at a time as there are
/// descriptors for, and at last those that were postponed, one by one. Writes the record of each before its
/// directory. A file that changed while it was read is planned and saved again.
void save_all(const Session& session, Survey& survey, FirstBatch first);

/// Makes the last pass of log directories whose containers have ended: compares every byte, and waits until
/// the files are on the disk. Call it when all is saved, because it can take long.
void compare_ended(const Session& session, Survey& survey);

} // namespace logbackup
