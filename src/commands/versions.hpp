// SPDX-License-Identifier: MIT
#pragma once

#include "commands/survey.hpp"

namespace logbackup {

/// Bounds what is kept of files that are written anew again and again, for those that this run set aside:
/// drops a version of which every byte stands in its neighbours (a log that is trimmed at its head), and
/// deletes the oldest versions of a file that is rewritten in place beyond --max-versions. What was set aside
/// because a log was rotated or truncated stays. Warns of such files once a day.
void thin_versions(const Session& session, Survey& survey);

/// Adds to `survey.old_versions` what thin_versions() would delete after the job's plan is carried out.
/// Deletes nothing.
void foresee_old_versions(const Session& session, Survey& survey, Job& job);

} // namespace logbackup
