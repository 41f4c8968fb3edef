// SPDX-License-Identifier: MIT
#pragma once

#include "assign/assign.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

/// Claims, records and backups in few words.
namespace logbackup::test {

inline Timestamp at(int second) {
    return Timestamp{std::chrono::seconds(1'700'000'000 + second)};
}

inline Claim claim(const std::string& id, int created, std::uint64_t inode) {
    Claim result;
    result.container_id = id;
    result.service = "svc";
    result.pod = "pod";
    result.created = at(created);
    result.identity = {1, inode};
    result.log_directory = "/opt/logs";
    return result;
}

inline Claim on_volume(Claim claim, const std::string& volume) {
    claim.volume = volume;
    return claim;
}

inline Claim read_only(Claim claim) {
    claim.access = MountAccess::read_only;
    return claim;
}

inline Record record(const std::string& instance, const std::string& id, int created,
                     const std::string& volume = "") {
    Record result;
    result.service = "svc";
    result.instance = instance;
    result.pod = "pod";
    result.containers = {id};
    result.created = rfc3339(at(created));
    result.volume = volume;
    result.log_directory = "/opt/logs";
    return result;
}

using Backup = std::map<std::string, ServiceDirectory>;

/// Every ended record can be read, and is of an "ended" container.
inline Assignments assign_in(const Backup& backup, const std::vector<Claim>& claims,
                             const std::vector<Record>& live, const std::set<std::string>& running = {}) {
    return assign(
        claims, Records(live), running,
        [&](const std::string& service) {
            const auto found = backup.find(service);
            return found == backup.end() ? ServiceDirectory{} : found->second;
        },
        [](const std::string&, const std::string& instance) {
            return std::optional(record(instance, "ended", 0));
        });
}

inline std::vector<std::string> directories(const Assignments& assignments) {
    std::vector<std::string> result;
    for (const auto& assignment : assignments.of_claim)
        result.push_back(assignment.directory);
    return result;
}

} // namespace logbackup::test
