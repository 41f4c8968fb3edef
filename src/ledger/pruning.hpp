// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/record.hpp"

#include <string>

/// What is being deleted: in ".logbackup/pruning/<service>/<name of the record>" the instance directory as
/// "files", then its record as "record". So it is gone from the backup, with all it consists of, before the
/// first file is deleted. A place with files and without a record tells that the record is still to go.
namespace logbackup {

inline constexpr const char* pruning_directory = ".logbackup/pruning";
inline constexpr const char* doomed_files = "files";
inline constexpr const char* doomed_record = "record";

/// The place of a log directory that is being deleted, below the backup root.
[[nodiscard]] std::string pruned_path(const Record& record);

/// Whether an interruption has left only its record in its place.
[[nodiscard]] bool is_half_pruned(int root, const Record& record);

} // namespace logbackup
