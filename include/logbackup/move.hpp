// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>

namespace logbackup {

/// An instance directory gets another name because a newer log directory takes over the plain one.
struct Move {
    std::string service;
    std::string from;
    std::string to;
    std::optional<std::size_t> live; ///< index of its live record; none: the record of an ended one
};

/// What is in the backup under one service.
struct ServiceDirectory {
    std::set<std::string> present{}; ///< names of its instance directories, and of those that contain them
    std::set<std::string> ended{};   ///< those with the record of an ended log directory
    std::set<std::string> live{};    ///< those with the record of a live one
    std::string problem{};           ///< not empty: not all of that is known, and why, safe to print
};

} // namespace logbackup
