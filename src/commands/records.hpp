// SPDX-License-Identifier: MIT
#pragma once

#include "commands/survey.hpp"
#include "logbackup/report.hpp"

namespace logbackup {

/// Writes a job's record, which has the owner of the directory, before the directory is written to. An
/// adopted directory is taken over. Throws Error when the record cannot be written.
void write_record(const Session& session, Survey& survey, Job& job);

/// The outcome of a run for the records.
struct KeptRecords {
    std::size_t live = 0;         ///< log directories that still exist
    std::vector<std::string> cut; ///< "<service>/<instance>" of those that were gone before all was saved
    std::size_t unexplained = 0;  ///< records that ended although the runtime reported nothing
};

/// Updates and ends the records at the end of a run, see upkeep(). A run that was stopped ends none. Records
/// that end can be many, and each waits until the disk has it, so a run that is stopped now leaves the rest
/// to the next one.
[[nodiscard]] KeptRecords keep_records(const Session& session, Survey& survey);

} // namespace logbackup
