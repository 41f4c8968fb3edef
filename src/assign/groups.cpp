// SPDX-License-Identifier: MIT
#include "assign/groups.hpp"

#include "assign/instance_names.hpp"

#include <algorithm>
#include <tuple>

namespace logbackup {
namespace {

/// Returns whether a record's log directory, which has the claim's volume or container, lies where the
/// claim's does.
bool has_place_of(const Record& record, const Claim& claim) {
    if (record.volume.empty())
        return claim.volume.empty();
    if (record.volume_inode == 0)
        return record.volume == claim.volume;
    return record.volume_inode == claim.identity.inode;
}

bool has_name_of(const Record& record, const Claim& claim) {
    return record.service == claim.service && record.pod == claim.pod &&
           is_named_after(record.instance, claim.pod);
}

bool is_of_pod(const Claim& claim, const Record& record) {
    return claim.namespace_name == record.namespace_name && claim.pod == record.pod;
}

} // namespace

bool is_of(const Record& record, const Claim& claim) {
    // A volume is the same wherever a container mounts it. But two volumes can have one inode number.
    const bool has_path = record.log_directory == claim.log_directory ||
                          (!record.volume.empty() && record.volume == claim.volume);
    return has_path && has_place_of(record, claim);
}

bool is_writer(const Claim& claim) {
    return !claim.volume.empty() && claim.direct && claim.access == MountAccess::read_write;
}

Groups::Groups(const std::vector<Claim>& claims, const Records& live, const std::set<std::string>& running)
    : claims_(claims), live_(live), running_(running) {
    for (const auto record : live.ids()) {
        if (!live[record].volume.empty())
            by_volume_.emplace(live[record].volume, record);
        for (const auto& container : live[record].containers)
            by_container_.emplace(container, record);
    }
}

/// Returns the live records of a claim's log directory, found by volume, then by container.
std::vector<RecordId> Groups::records_of(const Claim& claim) const {
    std::vector<RecordId> found;
    const auto add = [&](const std::multimap<std::string, RecordId>& records, const std::string& key) {
        const auto [begin, end] = records.equal_range(key);
        for (auto item = begin; item != end; ++item)
            if (is_of(live_[item->second], claim))
                found.push_back(item->second);
    };
    add(by_volume_, claim.volume);
    add(by_container_, claim.container_id);
    return found;
}

/// Returns whether writers of a group continue in a record's directory: it belongs to a writer, or has the
/// name of one.
bool Groups::is_for_writers(const Record& record, const Group& group) const {
    return record.has_writer || std::any_of(group.begin(), group.end(), [&](std::size_t i) {
               return is_writer(claims_[i]) && has_name_of(record, claims_[i]);
           });
}

bool Groups::has_writer(const Group& group) const {
    return std::any_of(group.begin(), group.end(), [&](std::size_t i) { return is_writer(claims_[i]); });
}

std::optional<RecordId> Groups::record_of(std::size_t claim, const Group& group) const {
    const auto records = records_of(claims_[claim]);
    for (const auto record : records)
        if (is_for_writers(live_[record], group))
            return record;
    return records.empty() || has_writer(group) ? std::nullopt : std::optional(records.front());
}

std::set<RecordId> Groups::superseded_in(const Group& group) const {
    std::set<RecordId> records;
    for (const auto i : group)
        for (const auto record : records_of(claims_[i]))
            if (has_writer(group) && !is_for_writers(live_[record], group))
                records.insert(record);
    return records;
}

bool Groups::runs(std::size_t claim) const {
    return running_.contains(claims_[claim].container_id);
}

std::size_t Groups::leader_of(const Group& group) const {
    auto rank = [&](std::size_t i) { // the smallest provides the name
        const Claim& claim = claims_[i];
        const auto known = record_of(i, group);
        const bool is_named = known && live_[*known].service == claim.service &&
                              is_named_after(live_[*known].instance, claim.pod);
        return std::make_tuple(!known, !is_writer(claim), claim.access != MountAccess::read_write, !is_named,
                               !runs(i), claim.created, claim.container_id);
    };
    const auto first = *std::min_element(group.begin(), group.end(),
                                         [&](std::size_t a, std::size_t b) { return rank(a) < rank(b); });
    // The newest container of the same service, pod and volume represents the group.
    std::size_t newest = first;
    for (const auto i : group)
        if (claims_[i].service == claims_[first].service && claims_[i].pod == claims_[first].pod &&
            claims_[i].volume == claims_[first].volume &&
            is_writer(claims_[i]) == is_writer(claims_[first]) &&
            claims_[i].created > claims_[newest].created)
            newest = i;
    return newest;
}

/// Returns whether each container of a service was created after the last of the record's service had ended.
bool Groups::begins_after(const Group& group, const Record& record, const std::string& service) const {
    Timestamp over{};
    for (const auto i : group)
        if (claims_[i].service == record.service && is_of_pod(claims_[i], record))
            over = std::max(over, claims_[i].finished);
    return std::all_of(group.begin(), group.end(), [&](std::size_t i) {
        return claims_[i].service != service || !is_of_pod(claims_[i], record) || claims_[i].created >= over;
    });
}

std::optional<std::size_t> Groups::successor_in(const Group& group, const Record& record) const {
    const bool has_own_name = is_named_after(record.instance, record.pod);
    const bool is_in_use = std::any_of(record.containers.begin(), record.containers.end(),
                                       [&](const std::string& id) { return running_.contains(id); }) ||
                           std::any_of(group.begin(), group.end(), [&](std::size_t i) {
                               return runs(i) && claims_[i].service == record.service;
                           });
    if (!has_own_name || is_in_use)
        return std::nullopt;
    std::optional<std::size_t> first;
    for (const auto i : group) {
        const Claim& claim = claims_[i];
        if (runs(i) && is_writer(claim) && is_of_pod(claim, record) && claim.service != record.service &&
            begins_after(group, record, claim.service) &&
            (!first || std::tie(claim.created, claim.container_id) <
                           std::tie(claims_[*first].created, claims_[*first].container_id)))
            first = i;
    }
    return first;
}

} // namespace logbackup
