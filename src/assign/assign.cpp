// SPDX-License-Identifier: MIT
#include "assign/assign.hpp"

#include "assign/groups.hpp"
#include "assign/instance_names.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace logbackup {
namespace {

using EndedRecord = std::function<std::optional<Record>(const std::string&, const std::string&)>;
using Continues = std::function<bool(const Record&, std::size_t)>;

class Assigner {
  public:
    Assigner(const std::vector<Claim>& claims, const Records& live, const std::set<std::string>& running,
             const std::function<ServiceDirectory(const std::string&)>& look_up, const EndedRecord& ended,
             const Continues& continues)
        : claims_(claims), live_(live), running_(running), groups_(claims, live, running),
          names_(live, look_up), ended_(ended), continues_(continues) {}

    Assignments run() {
        result_.of_claim.resize(claims_.size());
        std::map<InstanceName, std::vector<std::size_t>> fresh;
        auto sharing = share();
        find_moved(sharing);
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
        for (const auto leader : sharing)
            if (successors_.contains(leader) && result_.of_claim[leader].known)
                take_over(leader);
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
    /// Returns the claims under which log directories are saved, and marks the others as sharing with them.
    std::vector<std::size_t> share() {
        std::map<Identity, Group> groups;
        for (std::size_t i = 0; i < claims_.size(); ++i)
            groups[claims_[i].identity].push_back(i);
        std::vector<std::size_t> leaders;
        for (const auto& [identity, group] : groups) {
            std::size_t leader = groups_.leader_of(group);
            const auto known = groups_.record_of(leader, group);
            if (const auto successor = known ? groups_.successor_in(group, live_[*known]) : std::nullopt)
                successors_.insert(leader = *successor);
            leaders.push_back(leader);
            result_.of_claim[leader].known = known;
            // If so, a known record belongs to the writer.
            result_.of_claim[leader].is_writer = groups_.has_writer(group);
            result_.of_claim[leader].supersedes = groups_.superseded_in(group);
            for (const auto i : group)
                if (i != leader)
                    result_.of_claim[i].shared_with = leader;
        }
        return leaders;
    }

    /// Returns whether a record is of the volume of an earlier container of the claim's pod, which lies at
    /// another host path by now.
    [[nodiscard]] bool has_moved_to(const Record& record, std::size_t leader) const {
        const Claim& claim = claims_[leader];
        return continues_ && !record.volume.empty() && !claim.volume.empty() &&
               record.volume != claim.volume && record.volume_inode == claim.identity.inode &&
               record.log_directory == claim.log_directory && record.service == claim.service &&
               is_named_after(record.instance, claim.pod) && gives_way(record, claim) &&
               (is_writer(claim) || !record.has_writer) && continues_(record, leader);
    }

    /// Finds live records for log directories that are new at their host path.
    void find_moved(const std::vector<std::size_t>& leaders) {
        std::set<RecordId> continued;
        for (const auto& assignment : result_.of_claim)
            if (assignment.known)
                continued.insert(*assignment.known);
        for (const auto leader : leaders) {
            auto& assignment = result_.of_claim[leader];
            for (const auto record : live_.ids()) {
                if (assignment.known)
                    break;
                if (continued.contains(record) || !has_moved_to(live_[record], leader))
                    continue;
                assignment.known = record;
                assignment.has_moved = true;
                continued.insert(record);
            }
        }
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
        const bool is_known = claim.was_removed || groups_.is_known(claim.container_id);
        auto& there = names_.of_service(name.service);
        for (const auto& instance : there.ended) {
            if (there.live.contains(instance) ||
                (instance != plain_name && !(is_known && is_named_after(instance, name.pod))))
                continue;
            auto record = ended_(name.service, instance);
            const bool is_its = record && is_recorded(*record, claim);
            if (!record || !(is_its || has_moved_to(*record, leader)))
                continue;
            auto& assignment = result_.of_claim[leader];
            assignment.has_moved = !is_its;
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

    /// Lets a record go on under the names of the claim, if these are free.
    void take_over(std::size_t leader) {
        const Claim& claim = claims_[leader];
        auto& assignment = result_.of_claim[leader];
        const Record& record = live_[*assignment.known];
        const InstanceName name{claim.service, claim.pod, claim.suffix};
        const std::string plain_name = name.instance();
        const bool has_moved = std::any_of(result_.moves.begin(), result_.moves.end(),
                                           [&](const Move& move) { return move.live == assignment.known; });
        if (has_moved || !names_.of_service(claim.service).problem.empty() ||
            !names_.of_service(record.service).problem.empty() || !take_plain_name(name, claim))
            return;
        if (names_.of_service(claim.service).present.contains(plain_name))
            return; // whose it is nobody knows
        names_.of_service(claim.service).live.insert(plain_name);
        move({record.service, record.instance, plain_name, assignment.known, claim.service});
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
            assignment.directory = move.new_directory();
        }
        result_.moves.push_back(std::move(move));
    }

    const std::vector<Claim>& claims_;
    const Records& live_;
    const std::set<std::string>& running_;
    Groups groups_;
    InstanceNames names_;
    const EndedRecord& ended_;
    const Continues& continues_;
    std::set<std::size_t> successors_; ///< leading claims under whose names their records go on
    Assignments result_;
};

} // namespace

Assignments assign(const std::vector<Claim>& claims, const Records& live,
                   const std::set<std::string>& running,
                   const std::function<ServiceDirectory(const std::string& service)>& look_up,
                   const EndedRecord& ended, const Continues& continues) {
    return Assigner(claims, live, running, look_up, ended, continues).run();
}

} // namespace logbackup
