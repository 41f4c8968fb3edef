// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/move.hpp"
#include "logbackup/record.hpp"
#include "util/text.hpp"

#include <optional>
#include <set>
#include <string>
#include <vector>

/// The records of the backup: below the backup root, one small JSON file for each log directory,
/// ".logbackup/live/<service>/<instance>", and when it is gone ".logbackup/ended/<service>/<instance>". A
/// record lies beside the tree of logs, never in it, where a container could write one. The slashes in an
/// instance's name are "%2F" in that of its record, and a percent sign is "%25".
///
/// Every step leaves a state from which the next run goes on: a record is replaced atomically, and it says
/// what it was called before its directory gets a new name.
///
/// `root` is a descriptor of the backup root throughout. Functions that change something throw Error when
/// they cannot: without its record no directory may be written to.
namespace logbackup {

inline constexpr const char* state_directory = ".logbackup";
inline constexpr const char* live_records = ".logbackup/live";     ///< in it a directory for each service
inline constexpr const char* ended_records = ".logbackup/ended";   ///< the same
inline constexpr const char* missed_records = ".logbackup/missed"; ///< the same

/// The name of an instance's record in the directory of its service.
[[nodiscard]] std::string record_name(const std::string& instance);
/// Where the record of an instance is, or would be, below the backup root.
[[nodiscard]] std::string live_path(const std::string& service, const std::string& instance);
[[nodiscard]] std::string ended_path(const std::string& service, const std::string& instance);

/// The records of live log directories, sorted by service and instance. A file that is no record is left out
/// and named in `problems`, with what to do; so is a directory that cannot be read.
[[nodiscard]] std::vector<Record> load_live_records(int root, std::vector<std::string>& problems);
/// The same of those that have ended.
[[nodiscard]] std::vector<Record> load_ended_records(int root, std::vector<std::string>& problems);
/// The same of containers of which nothing is saved, by service and the time they died; `instance` is empty.
[[nodiscard]] std::vector<Record> load_missed_records(int root, std::vector<std::string>& problems);

/// `below` are the places where instances may be nested: "opt/logs" in "<pod>/opt/logs".
[[nodiscard]] ServiceDirectory look_up_service(int root, const std::string& service,
                                               const std::set<std::string>& below = {});

/// As all that write a record, throws Error where it would be larger than what is read: 1 MiB.
void save_live_record(int root, const Record& record);

/// Turns a live record into one of an ended log directory.
void end_record(int root, const Record& record);

/// The record of an ended log directory. One that cannot be read is named in `problems`, once.
[[nodiscard]] std::optional<Record> load_ended_record(int root, const std::string& service,
                                                      const std::string& instance,
                                                      std::vector<std::string>& problems);
/// Turns it into a live one again: docker has found its container again.
void reopen_record(int root, const Record& record);

/// Writes down a container of which nothing is saved; `containers` and `finished` must be known. Of each
/// service the last 500 are kept.
void save_missed_record(int root, const Record& record);
/// Whether its container is written down already, whenever it was said to have died.
[[nodiscard]] bool has_missed_record(int root, const Record& record);
/// Where that is, below the backup root.
[[nodiscard]] std::string missed_path(const Record& record);

/// Gives an instance directory, which need not exist, and its record a new name. Never overwrites anything.
void move_instance(int root, const Move& move);

/// Completes a move that was interrupted. To be called before anything else is read.
void finish_move(int root);

/// When the last tick began that came to its end and was for all containers; the zero time when there was
/// none. It is the modification time of ".logbackup/last-tick".
[[nodiscard]] Timestamp last_complete_tick(int root);
void note_complete_tick(int root, Timestamp began);

/// The record as JSON text, and back. parse_record() throws Error on anything that is no record.
[[nodiscard]] std::string record_text(const Record& record);
[[nodiscard]] Record parse_record(const std::string& service, const std::string& instance,
                                  const std::string& text);

} // namespace logbackup
