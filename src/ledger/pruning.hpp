// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/record.hpp"

#include <string>

/// The place for log directories that are being deleted: ".logbackup/pruning/<service>/<instance>"
/// holds the instance directory as "files", then its record as "record". So a log directory leaves the backup
/// as a whole before its first file is deleted. Files without a record in that place mean that the record
/// still has to be moved there.
namespace logbackup {

inline constexpr const char* pruning_directory = ".logbackup/pruning";
inline constexpr const char* doomed_files = "files";
inline constexpr const char* doomed_record = "record";

/// Returns the place of a log directory that is being deleted, below the backup root.
[[nodiscard]] std::string pruned_path(const Record& record);

/// True if an interrupted run moved the files of this record, but left the record in its place.
[[nodiscard]] bool is_half_pruned(int root, const Record& record);

} // namespace logbackup
