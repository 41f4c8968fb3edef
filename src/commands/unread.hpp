// SPDX-License-Identifier: MIT
#pragma once

#include "commands/survey.hpp"

namespace logbackup {

/// Notes a log directory that cannot be read. If its container may have been removed during the run, which is
/// not a problem, judge_unread() decides about it.
void note_unread(Survey& survey, Unread unread, const LocateFailed& failure);

/// Asks the runtime again, at once, about all log directories that could not be read, and notes each as gone
/// or as a problem. Throws Error when this process cannot read any container.
void judge_unread(const Session& session, Survey& survey);

} // namespace logbackup
