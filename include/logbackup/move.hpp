// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/record.hpp"

#include <optional>
#include <set>
#include <string>

namespace logbackup {

/// Renames an instance directory: a newer log directory takes over the plain name, or another container of
/// the pod goes on with this one under its own name.
struct Move {
    std::string service;
    std::string from;
    std::string to;
    std::optional<RecordId> live; ///< its live record; empty: the directory has an ended record
    std::string to_service{};     ///< the service that it belongs to from now on; empty: the same

    [[nodiscard]] const std::string& new_service() const { return to_service.empty() ? service : to_service; }
    [[nodiscard]] std::string old_directory() const { return service + "/" + from; }
    [[nodiscard]] std::string new_directory() const { return new_service() + "/" + to; }
};

/// The contents of one service's directory in the backup.
struct ServiceDirectory {
    std::set<std::string> present{}; ///< names of instance directories, without the links of ours
    std::set<std::string> ended{};   ///< names with the record of an ended log directory
    std::set<std::string> live{};    ///< names with the record of a live log directory
    std::string problem{};           ///< why the contents are not fully known, safe to print; else empty
};

} // namespace logbackup
