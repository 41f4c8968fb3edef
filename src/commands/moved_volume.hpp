// SPDX-License-Identifier: MIT
#pragma once

#include "commands/survey.hpp"
#include "logbackup/record.hpp"

namespace logbackup {

/// True if a log directory is a record's volume at another host path: nothing of the record is at its own
/// path any longer, and files that were saved of it are beginnings of files that are here. The caller
/// compares names and inode numbers. Reads the ends of at most 100 saved files.
[[nodiscard]] bool has_moved_to(const Session& session, Survey& survey, const Record& record,
                                const LogDirectory& found);

} // namespace logbackup
