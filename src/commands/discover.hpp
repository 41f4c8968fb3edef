// SPDX-License-Identifier: MIT
#pragma once

#include "commands/survey.hpp"

#include <set>
#include <string>

namespace logbackup {

/// Asks the runtime for all containers and reads the records. Throws Error when the runtime does not answer,
/// when the backup belongs to another one, or when the filters match no container.
[[nodiscard]] Survey discover_all(const Session& session);

/// Forgets the descriptions of these containers, which may be wrong: the next run asks again.
void forget_descriptions(const Session& session, const std::set<std::string>& ids);

/// True if the runtime that has the record's containers answered this run.
[[nodiscard]] bool is_asked(const Session& session, const Discovery& runtime, const Record& record);

/// Finds containers that lived and died between two runs, and records them. A known loss is worth more than
/// silence.
void find_missed_containers(const Session& session, Survey& survey);
/// Reports and records one such container once, however long the runtime goes on to report it.
void note_missed(const Session& session, Survey& survey, Missed missed);

/// Writes down a container that has ended, or was removed, before anything of it was saved. Does nothing if a
/// record says that something was, if it never started, or if an earlier complete run could see it.
void note_unsaved(const Session& session, Survey& survey, const Container& container);

} // namespace logbackup
