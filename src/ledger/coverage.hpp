// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/container.hpp"
#include "logbackup/record.hpp"

#include <string>
#include <vector>

/// How much is saved according to a record, and how that changes. All functions are pure.
namespace logbackup {

/// True if a container has run and has ended; it may be started again. A restarting container has not ended.
[[nodiscard]] bool has_ended(const Container& container);

/// True if every byte of a log directory was compared after this container had ended, at this very end of it.
[[nodiscard]] bool had_last_pass(const Record& record, const Container& container);

/// True if nothing of a container can change until it is started again: it had its last pass, and its log
/// directory is in its own file system, to which nobody else writes.
[[nodiscard]] bool is_closed(const Record& record, const Container& container);

/// Updates the description of the containers in a record: ids, names, image and times. The newest container
/// determines the names, the image and the times. `containers` are the containers that share the log
/// directory, the oldest first. A record becomes live again when one of them runs, or has run since its last
/// pass.
void describe_containers(Record& record, const std::vector<const Container*>& containers);

/// Notes that every byte was compared in a run that began at `now`, after all of these containers had ended.
void note_last_pass(Record& record, const std::vector<const Container*>& containers, Timestamp now);

/// Notes that everything that is left of an ended log directory was compared. A part of it was removed
/// before, so it never becomes complete.
void note_compared(Record& record, const std::vector<const Container*>& containers);

/// Notes that others still write to the volume of the record.
void note_growth(Record& record);

/// Notes a problem: the record is saved up to `saved` (the zero time: not at all). An earlier problem stays
/// noted.
void note_failure(Record& record, Timestamp saved);

/// Notes that the log directory is gone. `previous` is when the last complete run began.
void note_gone(Record& record, Timestamp previous);

} // namespace logbackup
