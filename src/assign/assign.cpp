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
using Continues = std::function<bool(const Record&, const HolderId&)>;

/// A log directory, with its claims.
struct Shared {
    Group claims; ///< indices; it is saved under the first one
    Place place;
    bool is_taken_over = false; ///< its record goes on under the names of the first claim

    [[nodiscard]] std::size_t leader() const { return claims.front(); }
};

class Assigner {
  public:
    Assigner(const std::vector<Claim>& claims, const Records& live, const std::set<std::string>& running,
             const std::function<ServiceDirectory(const std::string&)>& look_up, const EndedRecord& ended,
             const Continues& continues)
        : claims_(claims), live_(live), running_(running), groups_(claims, live, running),
          names_(live, look_up), ended_(ended), continues_(continues) {}

    Assignments run() {
        share();
        find_moved();
        std::set<RecordId> taken;
        std::map<InstanceName, std::vector<Shared*>> fresh;
        for (auto* shared : by_rank()) {
            Place& place = shared->place;
            if (place.known && !taken.insert(*place.known).second)
                place.known.reset();
            if (place.known) {
                place.directory = live_[*place.known].directory();
                place.present_as = place.directory;
            } else {
                place.is_writer = is_writer(leader_of(*shared));
                fresh[name_of(leader_of(*shared))].push_back(shared);
            }
        }
        for (auto* shared : by_rank())
            if (shared->is_taken_over && shared->place.known)
                take_over(*shared);
        for (auto& [name, all] : fresh)
            give_directories(name, all);
        for (auto& shared : shared_) {
            std::erase_if(shared.place.supersedes, [&](RecordId record) { return taken.contains(record); });
            for (const auto claim : shared.claims)
                shared.place.holders.push_back(claims_[claim].holder());
            result_.places.push_back(std::move(shared.place));
        }
        return std::move(result_);
    }

  private:
    [[nodiscard]] const Claim& leader_of(const Shared& shared) const { return claims_[shared.leader()]; }

    [[nodiscard]] static InstanceName name_of(const Claim& claim) {
        return {claim.service, claim.pod, claim.suffix};
    }

    /// Finds the log directories, and for each the claim that it is saved under.
    void share() {
        std::map<Identity, Group> groups;
        for (std::size_t i = 0; i < claims_.size(); ++i)
            groups[claims_[i].identity].push_back(i);
        for (auto& [identity, group] : groups) {
            Shared shared;
            std::size_t leader = groups_.leader_of(group);
            shared.place.known = groups_.record_of(leader, group);
            const auto& known = shared.place.known;
            if (const auto successor = known ? groups_.successor_in(group, live_[*known]) : std::nullopt) {
                leader = *successor;
                shared.is_taken_over = true;
            }
            // If so, a known record belongs to the writer.
            shared.place.is_writer = groups_.has_writer(group);
            shared.place.supersedes = groups_.superseded_in(group);
            std::stable_partition(group.begin(), group.end(), [&](std::size_t i) { return i == leader; });
            shared.claims = std::move(group);
            shared_.push_back(std::move(shared));
        }
        std::sort(shared_.begin(), shared_.end(),
                  [](const Shared& a, const Shared& b) { return a.leader() < b.leader(); });
    }

    /// A volume's path can lead to another directory by now, while an old container still has the former one:
    /// the record belongs to the newest container. Two volumes of a container can have the same inode number:
    /// the record belongs to the one with its path.
    [[nodiscard]] std::vector<Shared*> by_rank() {
        const auto rank = [&](const Shared* shared) {
            const Claim& leader = leader_of(*shared);
            const auto& known = shared->place.known;
            return std::make_tuple(known && live_[*known].volume == leader.volume, leader.created,
                                   leader.container_id);
        };
        std::vector<Shared*> all;
        for (auto& shared : shared_)
            all.push_back(&shared);
        std::stable_sort(all.begin(), all.end(),
                         [&](const Shared* a, const Shared* b) { return rank(a) > rank(b); });
        return all;
    }

    /// Returns whether a record is of the volume of an earlier container of the claim's pod, which lies at
    /// another host path by now.
    [[nodiscard]] bool has_moved_to(const Record& record, const Claim& claim) const {
        return continues_ && !record.volume.empty() && !claim.volume.empty() &&
               record.volume != claim.volume && record.volume_inode == claim.identity.inode &&
               record.log_directory == claim.log_directory && record.service == claim.service &&
               is_named_after(record.instance, claim.pod) && gives_way(record, claim) &&
               (is_writer(claim) || !record.has_writer) && continues_(record, claim.holder());
    }

    /// Finds live records for log directories that are new at their host path.
    void find_moved() {
        std::set<RecordId> continued;
        for (const auto& shared : shared_)
            if (shared.place.known)
                continued.insert(*shared.place.known);
        for (auto& shared : shared_)
            for (const auto record : live_.ids()) {
                if (shared.place.known)
                    break;
                if (continued.contains(record) || !has_moved_to(live_[record], leader_of(shared)))
                    continue;
                shared.place.known = record;
                shared.place.has_moved = true;
                continued.insert(record);
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
        return std::any_of(shared_.begin(), shared_.end(), [&](const Shared& shared) {
            return shared.place.known == record &&
                   std::any_of(shared.claims.begin(), shared.claims.end(), [&](std::size_t claim) {
                       return running_.contains(claims_[claim].container_id);
                   });
        });
    }

    /// Reopens the ended record of a container's log directory. Returns false if there is none. Looks
    /// at numbered names only for a container that has a live record: each of them costs the read of a file.
    bool reopen(Shared& shared, const InstanceName& name) {
        const Claim& claim = leader_of(shared);
        const std::string plain_name = name.instance();
        const bool is_known = claim.was_removed || groups_.is_known(claim.container_id);
        auto& there = names_.of_service(name.service);
        for (const auto& instance : there.ended) {
            if (there.live.contains(instance) ||
                (instance != plain_name && !(is_known && is_named_after(instance, name.pod))))
                continue;
            auto record = ended_(name.service, instance);
            const bool is_its = record && is_recorded(*record, claim);
            if (!record || !(is_its || has_moved_to(*record, claim)))
                continue;
            Place& place = shared.place;
            place.has_moved = !is_its;
            place.directory = record->directory();
            if (there.present.contains(instance))
                place.present_as = place.directory;
            place.reopened = std::move(record);
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
    void take_over(const Shared& shared) {
        const Claim& claim = leader_of(shared);
        const auto known = shared.place.known;
        const Record& record = live_[*known];
        const InstanceName name = name_of(claim);
        const std::string plain_name = name.instance();
        const bool has_moved = std::any_of(result_.moves.begin(), result_.moves.end(),
                                           [&](const Move& move) { return move.live == known; });
        if (has_moved || !names_.of_service(claim.service).problem.empty() ||
            !names_.of_service(record.service).problem.empty() || !take_plain_name(name, claim))
            return;
        if (names_.of_service(claim.service).present.contains(plain_name))
            return; // whose it is nobody knows
        names_.of_service(claim.service).live.insert(plain_name);
        move({record.service, record.instance, plain_name, known, claim.service});
    }

    /// Gives directories to new log directories of one name.
    void give_directories(const InstanceName& name, std::vector<Shared*>& all) {
        auto& there = names_.of_service(name.service);
        if (!there.problem.empty()) {
            for (auto* shared : all)
                shared->place.problem = there.problem;
            return;
        }
        std::erase_if(all, [&](Shared* shared) { return reopen(*shared, name); });
        if (all.empty())
            return;
        std::sort(all.begin(), all.end(), [&](const Shared* a, const Shared* b) {
            return std::tie(leader_of(*a).created, leader_of(*a).container_id) <
                   std::tie(leader_of(*b).created, leader_of(*b).container_id);
        });
        const auto longest_running = std::find_if(all.begin(), all.end(), [&](const Shared* shared) {
            return running_.contains(leader_of(*shared).container_id);
        });
        const Shared* first = longest_running != all.end() ? *longest_running : all.back();
        const std::string plain_name = name.instance();
        const bool takes_over = take_plain_name(name, leader_of(*first));
        if (takes_over)
            there.live.insert(plain_name);
        for (auto* shared : all) {
            Place& place = shared->place;
            const bool plain = takes_over && shared == first;
            place.directory = name.service + "/" + (plain ? plain_name : names_.next(name));
            place.adopted = plain && there.present.contains(plain_name);
            if (place.adopted)
                place.present_as = place.directory;
        }
    }

    void move(Move move) {
        auto& there = names_.of_service(move.service);
        const bool present = there.present.erase(move.from) != 0;
        there.ended.erase(move.from);
        for (auto& shared : shared_) {
            Place& place = shared.place;
            if (!place.known || place.known != move.live)
                continue;
            place.present_as = present ? place.directory : std::string();
            place.directory = move.new_directory();
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
    std::vector<Shared> shared_;
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
