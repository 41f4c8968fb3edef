// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/move.hpp"
#include "logbackup/record.hpp"
#include "util/text.hpp"

#include <optional>
#include <set>
#include <string>
#include <vector>

/// The records of the backup. Each log directory has one small JSON file below the backup root:
/// ".logbackup/live/<service>/<instance>", and when the log directory is gone,
/// ".logbackup/ended/<service>/<instance>". A record lies beside the tree of logs, never in it, where a
/// container could write one.
///
/// Every step leaves a state from which the next run can continue: a record is replaced atomically, and it
/// has the old name of its directory before the directory gets a new one.
///
/// `root` is a descriptor of the backup root throughout. Functions that change something throw Error when
/// they cannot: a directory may not be written to without its record.
namespace logbackup {

inline constexpr const char* state_directory = ".logbackup";
inline constexpr const char* live_records = ".logbackup/live";     ///< contains a directory for each service
inline constexpr const char* ended_records = ".logbackup/ended";   ///< the same
inline constexpr const char* missed_records = ".logbackup/missed"; ///< the same

/// Returns the path of an instance's record below the backup root, whether it exists or not.
[[nodiscard]] std::string live_path(const std::string& service, const std::string& instance);
[[nodiscard]] std::string ended_path(const std::string& service, const std::string& instance);

/// Returns the records of live log directories, sorted by service and instance. A file that is not a valid
/// record is left out and named in `problems`, with what to do; so is a directory that cannot be read.
[[nodiscard]] std::vector<Record> load_live_records(int root, std::vector<std::string>& problems);
/// Like load_live_records(), for log directories that have ended.
[[nodiscard]] std::vector<Record> load_ended_records(int root, std::vector<std::string>& problems);
/// Like load_live_records(), for containers of which nothing is saved, sorted by service and time of death.
/// `instance` is empty.
[[nodiscard]] std::vector<Record> load_missed_records(int root, std::vector<std::string>& problems);

/// Returns the names that are taken in a service's directory. A link of ours takes none: it gives way.
[[nodiscard]] ServiceDirectory look_up_service(int root, const std::string& service);

/// Writes the record. Like all functions that write a record, throws Error when it would be larger than 1
/// MiB, which is the most that is read.
void save_live_record(int root, const Record& record);

/// Turns a live record into the record of an ended log directory.
void end_record(int root, const Record& record);

/// Returns the record of an ended log directory. A record that cannot be read is named in `problems`, once.
[[nodiscard]] std::optional<Record> load_ended_record(int root, const std::string& service,
                                                      const std::string& instance,
                                                      std::vector<std::string>& problems);
/// Returns the live record of an instance, else its ended record; nothing if there is none that can be read.
[[nodiscard]] std::optional<Record> find_record(int root, const std::string& service,
                                                const std::string& instance);
/// Turns an ended record into a live one again, because docker lists its container again.
void reopen_record(int root, const Record& record);

/// Writes the record of a container of which nothing is saved; `containers` and `finished` must be known. The
/// last 500 of each service are kept.
void save_missed_record(int root, const Record& record);
/// True if its container is already recorded, whatever time of death that record has.
[[nodiscard]] bool has_missed_record(int root, const Record& record);
/// Removes such a record of the newest container of `record`, which is saved after all.
void forget_missed(int root, const Record& record);
/// Returns the path of the record of a missed container, below the backup root.
[[nodiscard]] std::string missed_path(const Record& record);

/// Renames an instance directory, which need not exist, and its record. Never overwrites anything. The links
/// to it are removed, and of an ended one made again.
void move_instance(int root, const Move& move);

/// Completes a move that was interrupted. Call before reading anything else. Where nothing can be read of it,
/// returns what to tell, once: the file is set aside, and the move is not completed. That loses nothing: a
/// log directory whose instance directory has another name is saved again.
[[nodiscard]] std::string finish_move(int root);

/// Returns when the last complete run for all containers began; the zero time when there was none. The time
/// is the modification time of ".logbackup/last-run".
[[nodiscard]] Timestamp last_complete_run(int root);
void note_complete_run(int root, Timestamp began);

/// Convert a record to JSON text and back. parse_record() throws Error when the text is not a valid record.
[[nodiscard]] std::string record_text(const Record& record);
[[nodiscard]] Record parse_record(const std::string& service, const std::string& instance,
                                  const std::string& text);

} // namespace logbackup
