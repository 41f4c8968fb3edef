// SPDX-License-Identifier: MIT
#pragma once

#include "util/text.hpp"

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

/// What the planner knows of names alone. Pure.
namespace logbackup {

/// Whether a symbolic link at `path` stays inside the directory that `path` is relative to, wherever the
/// directories on its way are links themselves: relative, with ".." only in front and no more often than
/// `path` has directories above it.
[[nodiscard]] bool stays_inside(const std::string& path, const std::string& target);

/// "<path>~<UTC time>", with `path`'s last component cut where it would get too long for a file name.
[[nodiscard]] std::string aside_name(const std::string& path, Timestamp now);

/// Puts renames, from each old name to its new one, into an order in which each target is free. Every file is
/// renamed once at most and every target taken once, so they form chains and cycles; a cycle is opened by a
/// name aside for one of its paths, which is given back in the end.
[[nodiscard]] std::vector<std::pair<std::string, std::string>>
renames_in_order(const std::map<std::string, std::string>& renames,
                 const std::function<std::string(const std::string& path)>& name_aside);

} // namespace logbackup
