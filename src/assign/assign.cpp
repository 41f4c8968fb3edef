// SPDX-License-Identifier: MIT
#include "assign/assign.hpp"

#include "assign/instance_names.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace logbackup {
namespace {

using EndedRecord = std::function<std::optional<Record>(const std::string&, const std::string&)>;

/// Returns whether a record's log directory, which has the claim's volume or container, lies where the
/// claim's does.
bool has_place_of(const Record& record, const Claim& claim) {
    if (record.volume.empty())
        return claim.volume.empty();
    if (record.volume_inode == 0)
        return record.volume == claim.volume;
    return record.volume_inode == claim.identity.inode;
}

/// Returns whether a record, which has the claim's volume or container, describes the claim's log directory.
bool is_of(const Record& record, const Claim& claim) {
    // A volume is the same wherever a container mounts it. But two volumes can have one inode number.
    const bool has_path = record.log_directory == claim.log_directory ||
                          (!record.volume.empty() && record.volume == claim.volume);
    return has_path && has_place_of(record, claim);
}

/// Returns whether the container has the directory itself mounted for writing. Other containers may have
/// reached it through a link of their own.
bool is_writer(const Claim& claim) {
    return !claim.volume.empty() && claim.direct && claim.access == MountAccess::read_write;
}

bool has_name_of(const Record& record, const Claim& claim) {
    return record.service == claim.service && record.pod == claim.pod &&
           is_named_after(record.instance, claim.pod);
}

class Assigner {
  public:
    Assigner(const std::vector<Claim>& claims, const Records& live, const std::set<std::string>& running,
             const std::function<ServiceDirectory(const std::string&)>& look_up, const EndedRecord& ended)
        : claims_(claims), live_(live), running_(running), names_(live, look_up), ended_(ended) {
        for (const auto record : live.ids()) {
            if (!live[record].volume.empty())
                by_volume_.emplace(live[record].volume, record);
            for (const auto& container : live[record].containers)
                by_container_.emplace(container, record);
        }
    }

    Assignments run() {
        result_.of_claim.resize(claims_.size());
        std::map<InstanceName, std::vector<std::size_t>> fresh;
        auto sharing = share();
        // A volume's path can lead to another directory by now, while an old container still has the former
        // one: the record belongs to the newest container. Two volumes of a container can have the same inode
        // number: the record belongs to the one with its path.
        const auto rank = [&](std::size_t i) {
            const auto& known = result_.of_claim[i].known;
            return std::make_tuple(known && live_[*known].volume == claims_[i].volume, claims_[i].created,
                                   claims_[i].container_id);
        };
        std::sort(sharing.begin(), sharing.end(),
                  [&](std::size_t a, std::size_t b) { return rank(a) > rank(b); });
        std::set<RecordId> taken;
        for (const auto leader : sharing) {
            auto& assignment = result_.of_claim[leader];
            if (assignment.known && !taken.insert(*assignment.known).second)
                assignment.known.reset();
            if (assignment.known) {
                assignment.directory = live_[*assignment.known].directory();
                assignment.present_as = assignment.directory;
            } else {
                assignment.is_writer = is_writer(claims_[leader]);
                fresh[{claims_[leader].service, claims_[leader].pod, claims_[leader].suffix}].push_back(
                    leader);
            }
        }
        for (auto& [name, leaders] : fresh)
            place(name, leaders);
        for (auto& assignment : result_.of_claim) {
            std::erase_if(assignment.supersedes, [&](RecordId record) { return taken.contains(record); });
            if (!assignment.shared_with)
                continue;
            assignment.directory = result_.of_claim[*assignment.shared_with].directory;
            assignment.problem = result_.of_claim[*assignment.shared_with].problem;
        }
        return std::move(result_);
    }

  private:
    using Group = std::vector<std::size_t>; ///< claims of one log directory

    /// Returns the live records of a claim's log directory, found by volume, then by container.
    [[nodiscard]] std::vector<RecordId> records_of(const Claim& claim) const {
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

    /// Returns whether writers of a group continue in a record's directory: it belongs to a writer, or has
    /// the name of one.
    [[nodiscard]] bool is_for_writers(const Record& record, const Group& group) const {
        return record.has_writer || std::any_of(group.begin(), group.end(), [&](std::size_t i) {
                   return is_writer(claims_[i]) && has_name_of(record, claims_[i]);
               });
    }

    [[nodiscard]] bool has_writer(const Group& group) const {
        return std::any_of(group.begin(), group.end(), [&](std::size_t i) { return is_writer(claims_[i]); });
    }

    /// Returns the record under which a claim of a group continues: a writer's record comes first.
    [[nodiscard]] std::optional<RecordId> record_of(std::size_t claim, const Group& group) const {
        const auto records = records_of(claims_[claim]);
        for (const auto record : records)
            if (is_for_writers(live_[record], group))
                return record;
        return records.empty() || has_writer(group) ? std::nullopt : std::optional(records.front());
    }

    /// Returns a group's records whose directories its writers do not continue; empty if it has no writer.
    [[nodiscard]] std::set<RecordId> superseded_in(const Group& group) const {
        std::set<RecordId> records;
        for (const auto i : group)
            for (const auto record : records_of(claims_[i]))
                if (has_writer(group) && !is_for_writers(live_[record], group))
                    records.insert(record);
        return records;
    }

    /// Returns the claims under which log directories are saved, and marks the others as sharing with them.
    std::vector<std::size_t> share() {
        std::map<Identity, Group> groups;
        for (std::size_t i = 0; i < claims_.size(); ++i)
            groups[claims_[i].identity].push_back(i);
        std::vector<std::size_t> leaders;
        for (const auto& [identity, group] : groups) {
            const std::size_t leader = leader_of(group);
            leaders.push_back(leader);
            result_.of_claim[leader].known = record_of(leader, group);
            // If so, a known record belongs to the writer.
            result_.of_claim[leader].is_writer = has_writer(group);
            result_.of_claim[leader].supersedes = superseded_in(group);
            for (const auto i : group)
                if (i != leader)
                    result_.of_claim[i].shared_with = leader;
        }
        return leaders;
    }

    std::size_t leader_of(const Group& group) const {
        auto rank = [&](std::size_t i) { // the smallest provides the name
            const Claim& claim = claims_[i];
            return std::make_tuple(!record_of(i, group), !is_writer(claim),
                                   claim.access != MountAccess::read_write, claim.created,
                                   claim.container_id);
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

    static bool is_recorded(const Record& record, const Claim& claim) {
        return is_of(record, claim) && std::find(record.containers.begin(), record.containers.end(),
                                                 claim.container_id) != record.containers.end();
    }

    /// Returns whether a record is of earlier containers of the claim's pod, so that its name is free for the
    /// claim. Labels can be forged, but the end of a container cannot.
    [[nodiscard]] bool gives_way(const Record& holder, const Claim& claim) const {
        return holder.namespace_name == claim.namespace_name && holder.pod == claim.pod &&
               std::none_of(holder.containers.begin(), holder.containers.end(), [&](const std::string& id) {
                   return id == claim.container_id || running_.contains(id);
               });
    }

    /// Returns whether a container that runs continues the record, which may not name it yet.
    [[nodiscard]] bool is_continued(RecordId record) const {
        for (std::size_t i = 0; i < claims_.size(); ++i)
            if (result_.of_claim[result_.of_claim[i].shared_with.value_or(i)].known == record &&
                running_.contains(claims_[i].container_id))
                return true;
        return false;
    }

    /// Reopens the ended record of a container's log directory. Returns false if there is none. Looks
    /// at numbered names only for a container that has a live record: each of them costs the read of a file.
    bool reopen(std::size_t leader, const InstanceName& name) {
        const Claim& claim = claims_[leader];
        const std::string plain_name = name.instance();
        const bool is_known = by_container_.contains(claim.container_id);
        auto& there = names_.of_service(name.service);
        for (const auto& instance : there.ended) {
            if (there.live.contains(instance) ||
                (instance != plain_name && !(is_known && is_named_after(instance, name.pod))))
                continue;
            auto record = ended_(name.service, instance);
            if (!record || !is_recorded(*record, claim))
                continue;
            auto& assignment = result_.of_claim[leader];
            assignment.directory = record->directory();
            if (there.present.contains(instance))
                assignment.present_as = assignment.directory;
            assignment.reopened = std::move(record);
            there.live.insert(instance);
            there.ended.erase(instance);
            return true;
        }
        return false;
    }

    /// Returns whether a claim gets the plain name, and makes the name free if so.
    bool take_plain_name(const InstanceName& name, const Claim& claim) {
        const auto& service = name.service;
        const std::string plain_name = name.instance();
        const auto& there = names_.of_service(service);
        const auto holder = live_.find(
            [&](const Record& record) { return record.service == service && record.instance == plain_name; });
        if (holder) {
            if (!gives_way(live_[*holder], claim) || is_continued(*holder) ||
                parse_rfc3339(live_[*holder].created) >
                    std::chrono::floor<std::chrono::seconds>(claim.created))
                return false;
            move({service, plain_name, names_.next(name), holder});
            return true;
        }
        if (there.live.contains(plain_name))
            return false; // its record cannot be read, or this run has given the name away
        if (!there.ended.contains(plain_name))
            return true;
        const auto ended = ended_(service, plain_name);
        if (!ended || !gives_way(*ended, claim))
            return false;
        move({service, plain_name, names_.next(name), std::nullopt});
        return true;
    }

    /// Assigns directories to new log directories of one name.
    void place(const InstanceName& name, Group& leaders) {
        auto& there = names_.of_service(name.service);
        if (!there.problem.empty()) {
            for (const auto leader : leaders)
                result_.of_claim[leader].problem = there.problem;
            return;
        }
        std::erase_if(leaders, [&](std::size_t leader) { return reopen(leader, name); });
        if (leaders.empty())
            return;
        std::sort(leaders.begin(), leaders.end(), [&](std::size_t a, std::size_t b) {
            return std::tie(claims_[a].created, claims_[a].container_id) <
                   std::tie(claims_[b].created, claims_[b].container_id);
        });
        const auto longest_running = std::find_if(leaders.begin(), leaders.end(), [&](std::size_t leader) {
            return running_.contains(claims_[leader].container_id);
        });
        const std::size_t first = longest_running != leaders.end() ? *longest_running : leaders.back();
        const std::string plain_name = name.instance();
        const bool takes_over = take_plain_name(name, claims_[first]);
        if (takes_over)
            there.live.insert(plain_name);
        for (const auto leader : leaders) {
            auto& assignment = result_.of_claim[leader];
            const bool plain = takes_over && leader == first;
            assignment.directory = name.service + "/" + (plain ? plain_name : names_.next(name));
            assignment.adopted = plain && there.present.contains(plain_name);
            if (assignment.adopted)
                assignment.present_as = assignment.directory;
        }
    }

    void move(Move move) {
        auto& there = names_.of_service(move.service);
        const bool present = there.present.erase(move.from) != 0;
        there.ended.erase(move.from);
        for (auto& assignment : result_.of_claim) {
            if (!assignment.known || assignment.known != move.live)
                continue;
            assignment.present_as = present ? assignment.directory : std::string();
            assignment.directory = move.service + "/" + move.to;
        }
        result_.moves.push_back(std::move(move));
    }

    const std::vector<Claim>& claims_;
    const Records& live_;
    const std::set<std::string>& running_;
    InstanceNames names_;
    const EndedRecord& ended_;
    std::multimap<std::string, RecordId> by_volume_;
    std::multimap<std::string, RecordId> by_container_;
    Assignments result_;
};

} // namespace

Assignments assign(const std::vector<Claim>& claims, const Records& live,
                   const std::set<std::string>& running,
                   const std::function<ServiceDirectory(const std::string& service)>& look_up,
                   const EndedRecord& ended) {
    return Assigner(claims, live, running, look_up, ended).run();
}

} // namespace logbackup
