// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/container.hpp"
#include "logbackup/record.hpp"

#include <string>
#include <vector>

/// What a record says of how much is saved, and how that changes. Pure.
namespace logbackup {

/// Whether a container has run and has ended; it may be started again. One that is restarting has not.
[[nodiscard]] bool has_ended(const Container& container);

/// Whether every byte of a log directory was compared after this container had ended, at this very end of it.
[[nodiscard]] bool had_last_pass(const Record& record, const Container& container);

/// Whether nothing of a container can change any more until it is started again: it had its last pass, and
/// its log directory is in its own file system, to which nobody else writes.
[[nodiscard]] bool is_closed(const Record& record, const Container& container);

/// Brings what a record says of its containers up to date: ids, names, image and times; those of the newest
/// count. `containers` are those that share the log directory, the oldest first. A record is live again when
/// one of them runs, or ran since its last pass.
void describe_containers(Record& record, const std::vector<const Container*>& containers);

/// Every byte was compared in a tick that began at `now`, after all of these containers had ended.
void note_last_pass(Record& record, const std::vector<const Container*>& containers, Timestamp now);

/// Others write to its volume still.
void note_growth(Record& record);

/// It is saved up to `saved` (the zero time: not at all), and then it failed. An earlier failure stands.
void note_failure(Record& record, Timestamp saved);

/// Its log directory is gone; `previous` is when the last complete tick began.
void note_gone(Record& record, Timestamp previous);

} // namespace logbackup
