// SPDX-License-Identifier: MIT
#pragma once

#include "commands/survey.hpp"

#include <string>
#include <vector>

/// What a follower holds open is saved like any other file: under the name that it has, or had last.
namespace logbackup {

/// Adds the removed containers that are held to those that the runtime lists.
void take_held(const Session& session, Survey& survey);

/// Returns whether a follower looks after this container: when it goes, a later run saves what is held of it.
[[nodiscard]] bool is_followed(const Survey& survey, const std::string& container);
[[nodiscard]] bool is_removed(const Survey& survey, const Container& container);

/// True if files are held that the log directory does not have any longer.
[[nodiscard]] bool has_nameless(const Survey& survey, const Wanted& wanted);

/// Locates a log directory of a removed container, or one of which nothing but what is held is left.
[[nodiscard]] Located locate_held(const Survey& survey, const Wanted& wanted);

/// Leaves out the log directories of removed containers that other containers still have.
void leave_to_others(Survey& survey, std::vector<Holder>& holders);

/// Adds files that are held to the tree of a log directory: those that have lost their names, and all of a
/// removed container. Where another file has the name by now, a file that has lost it is shown as one that
/// was set aside: "<name>~<UTC time>".
void show_held(const Survey& survey, Job& job, Tree& tree);

/// Returns what became of the log directories of which files are held.
[[nodiscard]] std::vector<HeldOutcome> outcomes_of_held(const Session& session, const Survey& survey);

} // namespace logbackup
