// SPDX-License-Identifier: MIT
#pragma once

#include "commands/survey.hpp"

#include <functional>
#include <map>
#include <vector>

/// Parts of log directories that several containers have. Replicas can have log directories of their own and
/// mount one volume below them; and a container can read a directory that has the log directories of others
/// below it. Such a part is saved once.
namespace logbackup {

/// Returns the directories that are mounted below a log directory: those that can be named on the host, and
/// each tmpfs.
[[nodiscard]] std::vector<Part> parts_of(const LogDirectory& found);

/// Finds the parts that are saved elsewhere, and notes them in the holders. A volume that is mounted below
/// the log directories of several containers, or below one that several have, or that has a record already,
/// and a tmpfs that is mounted below a volume, becomes a log directory of its own: `locate` finds it for each
/// of these containers, and the new holders are added. A directory that a container only reads leaves out the
/// log directories of writers that lie in it, unless it has something of its own mounted there.
void find_parts_elsewhere(const Session& session, const Survey& survey, std::vector<Holder>& holders,
                          const std::function<std::vector<Holder>(const Wanted&)>& locate);

/// The job of each holder.
using JobOfHolder = std::map<HolderId, const Job*>;

/// Notes in a job where the parts of it are saved that are not saved with it. Parts of jobs that are not
/// saved stay with it. What the record of the job says stays so as long as the run cannot look at a container
/// that is still listed: its logs would be saved twice. Call it when all jobs are made.
void note_elsewhere(const Survey& survey, Job& job, const JobOfHolder& jobs);

/// Notes where a new job was saved as a part of another log directory of one of its holders, if it was.
void note_saved_before(const Survey& survey, Job& job, const JobOfHolder& jobs);

/// Renames what was saved of such a part within a log directory to the directory that the part has from now
/// on, so that nothing is saved twice. Removes the links to parts that are no longer saved elsewhere. Call it
/// before anything is planned.
void make_room_for_parts(const Session& session, Survey& survey);

} // namespace logbackup
