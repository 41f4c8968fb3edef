// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/held.hpp"

#include <set>
#include <string>

/// The work of a follower since the last run that was asked for, in ".logbackup/followed": the next one
/// reports it. `root` is a descriptor of the backup root.
namespace logbackup {

/// Adds to what was noted. A note that cannot be written is lost; what was saved is not.
void note_followed(int root, const WhileFollowing& more);
/// Notes the ids of containers that had nothing to save when they were removed.
void note_gone(int root, const std::set<std::string>& ids);

/// Returns these ids.
[[nodiscard]] std::set<std::string> load_gone(int root);

/// Returns what was noted, and forgets all of it.
[[nodiscard]] WhileFollowing take_followed(int root);

} // namespace logbackup
