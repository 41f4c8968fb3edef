// SPDX-License-Identifier: MIT
#pragma once

#include "util/text.hpp"

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

/// Planner functions that only need names. Pure.
namespace logbackup {

/// Returns whether a symbolic link at `path` stays inside the directory that `path` is relative to, even if
/// directories on its way are links themselves. It does if `target` is relative and has ".." only in front,
/// no more often than `path` has directories above it.
[[nodiscard]] bool stays_inside(const std::string& path, const std::string& target);

/// Returns "<path>~<UTC time>". Shortens the last component of `path` if it would become too long for a file
/// name.
[[nodiscard]] std::string aside_name(const std::string& path, Timestamp now);

/// Orders renames, from old names to new ones, so that each target is free when its turn comes. Each file is
/// renamed at most once and each target taken at most once, so renames form chains and cycles. To break a
/// cycle, one of its files is first renamed to a name from `name_aside`, and to its target at the end.
[[nodiscard]] std::vector<std::pair<std::string, std::string>>
renames_in_order(const std::map<std::string, std::string>& renames,
                 const std::function<std::string(const std::string& path)>& name_aside);

} // namespace logbackup
