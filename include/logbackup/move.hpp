// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/record.hpp"

#include <optional>
#include <set>
#include <string>

namespace logbackup {

/// Renames an instance directory because a newer log directory takes over the plain name.
struct Move {
    std::string service;
    std::string from;
    std::string to;
    std::optional<RecordId> live; ///< its live record; empty: the directory has an ended record
};

/// The contents of one service's directory in the backup.
struct ServiceDirectory {
    std::set<std::string> present{}; ///< names of instance directories
    std::set<std::string> ended{};   ///< names with the record of an ended log directory
    std::set<std::string> live{};    ///< names with the record of a live log directory
    std::string problem{};           ///< why the contents are not fully known, safe to print; else empty
};

} // namespace logbackup
