// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/move.hpp"
#include "logbackup/record.hpp"

#include <string>
#include <sys/types.h>
#include <vector>

/// Links beside the instance directories, so that who looks with "ls" finds a log directory under the names
/// of each container that shares it: "web/web-1 -> ../logger/web-1". Those in an instance directory stand for
/// parts of it that are saved elsewhere: "web/web-1/archive -> ../web-0+opt+logs+archive". They are made of
/// the records alone, and only where nothing else stands. The program never follows one. `root` is a
/// descriptor of the backup root.
namespace logbackup {

/// Makes the links of a record whose instance directory exists, and removes those that only `former`, the
/// record as it was, needs. Directories of services that are missing are made for `group`. A file system
/// without links has none; that is not a problem.
void update_links(int root, const Record& former, const Record& record, gid_t group);

/// Removes the links that `former` makes in its instance directory for parts that are saved elsewhere, and
/// that `record` does not make.
void remove_stale_part_links(int root, const Record& former, const Record& record);

/// Makes a record name the new directories of parts that are saved elsewhere. Returns true if it changed.
bool follow_moves(Record& record, const std::vector<Move>& moves);

/// Does so with all records of the backup, after these moves, and makes the links to these parts anew. A
/// record that cannot be written stays as it is.
void follow_moves(int root, const std::vector<Move>& moves);

/// Removes the links of a record.
void remove_links(int root, const Record& record);

/// True if this name of a service's directory is a link that a record makes.
[[nodiscard]] bool is_link_of_ours(int root, const std::string& service, const std::string& name);

/// Frees the name of an instance directory if a link that a record makes has it.
void remove_link_at(int root, const std::string& directory);

} // namespace logbackup
