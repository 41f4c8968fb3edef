// SPDX-License-Identifier: MIT
#pragma once

#include "assign/assign.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
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

/// What assign() returns, and the place that each claim has, in the order of the claims.
struct Assigned {
    std::vector<Place> places;
    std::vector<Move> moves;
    std::vector<Place> of_claim{};
};

inline Assigned
assigned(const std::vector<Claim>& claims, const Records& live, const std::set<std::string>& running,
         const std::function<ServiceDirectory(const std::string& service)>& look_up,
         const std::function<std::optional<Record>(const std::string&, const std::string&)>& ended) {
    auto [places, moves] = assign(claims, live, running, look_up, ended);
    Assigned result{std::move(places), std::move(moves)};
    std::size_t holders = 0;
    for (const auto& place : result.places)
        holders += place.holders.size();
    EXPECT_EQ(holders, claims.size());
    for (const auto& claim : claims) {
        const auto has_it = [&](const Place& place) {
            return std::count(place.holders.begin(), place.holders.end(), claim.holder()) == 1;
        };
        EXPECT_EQ(std::count_if(result.places.begin(), result.places.end(), has_it), 1) << claim.container_id;
        result.of_claim.push_back(*std::find_if(result.places.begin(), result.places.end(), has_it));
    }
    return result;
}

using Backup = std::map<std::string, ServiceDirectory>;

/// Every ended record can be read, and is of an "ended" container.
inline Assigned assign_in(const Backup& backup, const std::vector<Claim>& claims,
                          const std::vector<Record>& live, const std::set<std::string>& running = {}) {
    return assigned(
        claims, Records(live), running,
        [&](const std::string& service) {
            const auto found = backup.find(service);
            return found == backup.end() ? ServiceDirectory{} : found->second;
        },
        [](const std::string&, const std::string& instance) {
            return std::optional(record(instance, "ended", 0));
        });
}

inline std::vector<std::string> directories(const Assigned& assigned) {
    std::vector<std::string> result;
    for (const auto& place : assigned.of_claim)
        result.push_back(place.directory);
    return result;
}

} // namespace logbackup::test
