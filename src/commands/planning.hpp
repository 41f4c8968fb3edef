// SPDX-License-Identifier: MIT
#pragma once

#include "commands/survey.hpp"
#include "view/listing.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace logbackup {

/// What the log directories that are planned with little effort may still use together, as they are in memory
/// at the same time.
struct LittleLeft {
    std::size_t entries = 50'000;
    std::size_t paths = 8U << 20U; ///< bytes
};

/// Lists a job's log directory with `list`, which lists job.tree with this function. Links that lead to
/// regular files and directories elsewhere in the container are followed: the files are listed under the
/// links' names. A link to the log directory itself becomes a relative one.
[[nodiscard]] Listing list_followed(Survey& survey, Job& job,
                                    const std::function<Listing(const FollowLink& follow)>& list);

/// Begins the work on a job: takes it up, shows it as `directory` and finds out whether it needs a last pass.
/// Returns false, and notes why, when it cannot be read.
[[nodiscard]] bool begin_work(const Session& session, Survey& survey, Job& job, const std::string& directory);

/// Plans what is to be done now, if that takes little; else postpones the job. `present_as` is the present
/// name of its directory in the backup; empty: there is none.
void plan_little(const Session& session, Survey& survey, Job& job, const std::string& present_as,
                 LittleLeft& left);
/// Plans what is to be done now, however much it is. When the run is stopped, a last pass
/// (Thoroughness::everything) plans nothing.
void plan_fully(const Session& session, Survey& survey, Job& job, const std::string& present_as,
                Thoroughness how);

/// Adds what a plan would do to what was done, for a dry run.
void count_planned(Work& work);

/// Returns the regular files of a log directory. Those of a postponed one are listed again, because they
/// would take much memory. Returns nothing when the run is stopped, or, noting why, when it can no longer be
/// opened.
[[nodiscard]] std::optional<std::vector<std::string>> files_of(const Session& session, Survey& survey,
                                                               Job& job);

} // namespace logbackup
