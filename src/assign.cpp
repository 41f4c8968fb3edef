// SPDX-License-Identifier: MIT
#include "logbackup/assign.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>
#include <utility>

namespace logbackup {
namespace {

using EndedRecord = std::function<std::optional<Record>(const std::string&, const std::string&)>;

/// Whether the log directory of a record with a claim's path, or its container, lies where the claim's does.
bool has_place_of(const Record& record, const Claim& claim) {
    if (record.volume.empty())
        return claim.volume.empty();
    if (record.volume_inode == 0)
        return record.volume == claim.volume;
    return record.volume_inode == claim.identity.inode;
}

/// Whether the log directory of a claim is that of a record with its path, or its container.
bool is_of(const Record& record, const Claim& claim) {
    // A container has several; and of one service a log directory has one name.
    if ((record.volume.empty() || record.service == claim.service) &&
        below_of(record.instance) != claim.below)
        return false;
    if (record.volume.empty() && !record.log_directory.empty() && record.log_directory != claim.log_directory)
        return false; // its service had another one then
    return has_place_of(record, claim);
}

/// Whether the container was given the very directory to write to. Others may have come by a link of their
/// own.
bool is_writer(const Claim& claim) {
    return !claim.volume.empty() && claim.direct && claim.access == MountAccess::read_write;
}

/// Whether an instance has a pod's name, with a number or without.
bool has_name_of(const std::string& instance, const std::string& pod) {
    const std::string top = top_of(instance);
    return top == pod || top.starts_with(pod + "@");
}

bool has_name_of(const Record& record, const Claim& claim) {
    return record.service == claim.service && has_name_of(record.instance, claim.pod);
}

bool lies_in(const std::string& path, const std::string& other) {
    return path.starts_with(other + "/");
}

bool exclude_each_other(const std::string& one, const std::string& other) {
    return lies_in(one, other) || lies_in(other, one);
}

constexpr unsigned long highest_number = 1'000'000'000; // nobody but an operator makes more

class Assigner {
  public:
    Assigner(const std::vector<Claim>& claims, const std::vector<Record>& live,
             const std::set<std::string>& running,
             const std::function<ServiceDirectory(const std::string&)>& look_up, const EndedRecord& ended)
        : claims_(claims), live_(live), running_(running), look_up_(look_up), ended_(ended) {
        for (std::size_t i = 0; i < live.size(); ++i) {
            if (!live[i].volume.empty())
                by_volume_.emplace(live[i].volume, i);
            for (const auto& id : live[i].containers)
                by_container_.emplace(id, i);
        }
    }

    Assignments run() {
        result_.of_claim.resize(claims_.size());
        std::map<Name, std::vector<std::size_t>> fresh;
        auto sharing = share();
        // A volume's path can be another directory by now, while an old container still has the former one:
        // the record is the newest's. Two volumes of a container can have the same inode number: it is that
        // of the one with its path.
        const auto rank = [&](std::size_t i) {
            const auto& known = result_.of_claim[i].known;
            return std::make_tuple(known && live_[*known].volume == claims_[i].volume, claims_[i].created,
                                   claims_[i].container_id);
        };
        std::sort(sharing.begin(), sharing.end(),
                  [&](std::size_t a, std::size_t b) { return rank(a) > rank(b); });
        std::set<std::size_t> taken;
        for (const auto leader : sharing) {
            auto& assignment = result_.of_claim[leader];
            end_others(leader);
            if (assignment.known && !taken.insert(*assignment.known).second)
                assignment.known.reset();
            if (assignment.known) {
                assignment.directory = live_[*assignment.known].directory();
                assignment.present_as = assignment.directory;
            } else {
                assignment.is_writer = is_writer(claims_[leader]);
                fresh[{claims_[leader].service, claims_[leader].pod, claims_[leader].below}].push_back(
                    leader);
            }
        }
        for (auto& [name, leaders] : fresh)
            place(name, leaders);
        for (auto& assignment : result_.of_claim) {
            std::erase_if(assignment.supersedes, [&](std::size_t record) { return taken.contains(record); });
            if (!assignment.shared_with)
                continue;
            assignment.directory = result_.of_claim[*assignment.shared_with].directory;
            assignment.problem = result_.of_claim[*assignment.shared_with].problem;
        }
        return std::move(result_);
    }

  private:
    using Group = std::vector<std::size_t>; ///< claims of one log directory

    /// What an instance is called, but for its number.
    struct Name {
        std::string service;
        std::string pod;
        std::string below;
        auto operator<=>(const Name&) const = default; // NOLINT(modernize-use-nullptr): a false positive

        [[nodiscard]] std::string instance(const std::string& number = {}) const {
            return pod + number + (below.empty() ? "" : "/" + below);
        }
    };

    /// The live records of a claim's log directory: by its volume, then by its container.
    [[nodiscard]] std::vector<std::size_t> records_of(const Claim& claim) const {
        std::vector<std::size_t> found;
        const auto add = [&](const std::multimap<std::string, std::size_t>& records, const std::string& key) {
            const auto [begin, end] = records.equal_range(key);
            for (auto item = begin; item != end; ++item)
                if (is_of(live_[item->second], claim))
                    found.push_back(item->second);
        };
        add(by_volume_, claim.volume);
        add(by_container_, claim.container_id);
        return found;
    }

    /// Whether writers of a group go on in a record's directory: it is a writer's, or has the name of one.
    [[nodiscard]] bool is_for_writers(const Record& record, const Group& group) const {
        return record.has_writer || std::any_of(group.begin(), group.end(), [&](std::size_t i) {
                   return is_writer(claims_[i]) && has_name_of(record, claims_[i]);
               });
    }

    [[nodiscard]] bool has_writer(const Group& group) const {
        return std::any_of(group.begin(), group.end(), [&](std::size_t i) { return is_writer(claims_[i]); });
    }

    /// The record under which one of a group goes on: a writer's before any other.
    [[nodiscard]] std::optional<std::size_t> record_of(std::size_t claim, const Group& group) const {
        const auto records = records_of(claims_[claim]);
        for (const auto record : records)
            if (is_for_writers(live_[record], group))
                return record;
        return records.empty() || has_writer(group) ? std::nullopt : std::optional(records.front());
    }

    /// The records of a group that has a writer, and in whose directories it does not go on.
    [[nodiscard]] std::set<std::size_t> superseded_in(const Group& group) const {
        std::set<std::size_t> records;
        for (const auto i : group)
            for (const auto record : records_of(claims_[i]))
                if (has_writer(group) && !is_for_writers(live_[record], group))
                    records.insert(record);
        return records;
    }

    /// The claims under which log directories are saved; the others are noted as sharing with them.
    std::vector<std::size_t> share() {
        std::map<Identity, Group> groups;
        for (std::size_t i = 0; i < claims_.size(); ++i)
            groups[claims_[i].identity].push_back(i);
        std::vector<std::size_t> leaders;
        for (const auto& [identity, group] : groups) {
            const std::size_t leader = leader_of(group);
            leaders.push_back(leader);
            result_.of_claim[leader].known = record_of(leader, group);
            result_.of_claim[leader].is_writer = has_writer(group); // of whom a known one is then
            result_.of_claim[leader].supersedes = superseded_in(group);
            for (const auto i : group)
                if (i != leader)
                    result_.of_claim[i].shared_with = leader;
        }
        return leaders;
    }

    std::size_t leader_of(const Group& group) const {
        auto rank = [&](std::size_t i) { // smaller gives the name
            const Claim& claim = claims_[i];
            return std::make_tuple(!record_of(i, group), !is_writer(claim),
                                   claim.access != MountAccess::read_write, claim.created,
                                   claim.container_id);
        };
        const auto first = *std::min_element(group.begin(), group.end(),
                                             [&](std::size_t a, std::size_t b) { return rank(a) < rank(b); });
        // Of the instances of that container the newest stands for it.
        std::size_t newest = first;
        for (const auto i : group)
            if (claims_[i].service == claims_[first].service && claims_[i].pod == claims_[first].pod &&
                claims_[i].volume == claims_[first].volume && claims_[i].below == claims_[first].below &&
                is_writer(claims_[i]) == is_writer(claims_[first]) &&
                claims_[i].created > claims_[newest].created)
                newest = i;
        return newest;
    }

    ServiceDirectory& service_directory(const std::string& service) {
        const auto found = services_.find(service);
        return found != services_.end() ? found->second
                                        : services_.emplace(service, look_up_(service)).first->second;
    }

    /// The next "<pod>@<n>" that was never used for this log directory, nor for what would lie above or
    /// below.
    std::string next_name(const Name& wanted) {
        unsigned long highest = 0;
        const std::string prefix = wanted.pod + "@";
        auto& there = service_directory(wanted.service);
        auto excludes = [&](const std::string& name) {
            const std::string below = below_of(name);
            return wanted.below.empty() || below == wanted.below ||
                   (below.empty() ? is_flat(wanted.service, name) : exclude_each_other(below, wanted.below));
        };
        auto consider = [&](const std::string& name) {
            unsigned long number = 0;
            if (name.starts_with(prefix) && excludes(name) &&
                std::from_chars(name.data() + prefix.size(), name.data() + name.size(), number).ec ==
                    std::errc() &&
                number < highest_number)
                highest = std::max(highest, number);
        };
        for (const auto* names : {&there.present, &there.ended, &there.live})
            for (const auto& name : *names)
                consider(name);
        for (const auto& record : live_)
            if (record.service == wanted.service)
                consider(record.instance);
        std::string name = wanted.instance("@" + std::to_string(highest + 1));
        there.live.insert(name); // taken from now on
        return name;
    }

    /// Whether that holds for something with a record, or about to have one.
    template <typename Condition>
    [[nodiscard]] bool any_recorded(const std::string& service, Condition condition) {
        const auto& there = service_directory(service);
        return std::any_of(there.live.begin(), there.live.end(), condition) ||
               std::any_of(there.ended.begin(), there.ended.end(), condition) ||
               std::any_of(live_.begin(), live_.end(), [&](const Record& record) {
                   return record.service == service && condition(record.instance);
               });
    }

    /// Whether a directory beside those of other pods is an instance, and not one that has such in it.
    [[nodiscard]] bool is_flat(const std::string& service, const std::string& top) {
        return any_recorded(service, [&](const std::string& name) { return name == top; }) ||
               (service_directory(service).present.contains(top) &&
                !any_recorded(service, [&](const std::string& name) { return lies_in(name, top); }));
    }

    /// Whether the plain name would lie in another instance, or another in it.
    [[nodiscard]] bool is_blocked(const Name& name) {
        const std::string plain = name.instance();
        return any_recorded(name.service,
                            [&](const std::string& other) { return exclude_each_other(plain, other); }) ||
               (!name.below.empty() && is_flat(name.service, name.pod));
    }

    static bool is_recorded(const Record& record, const Claim& claim) {
        return is_of(record, claim) && std::find(record.containers.begin(), record.containers.end(),
                                                 claim.container_id) != record.containers.end();
    }

    /// Anybody can forge labels, but not that a container has ended.
    [[nodiscard]] bool may_take_over(const Claim& claim, const Record& holder) const {
        return claim.namespace_name == holder.namespace_name &&
               parse_rfc3339(holder.created) <= std::chrono::floor<std::chrono::seconds>(claim.created) &&
               std::none_of(holder.containers.begin(), holder.containers.end(),
                            [&](const std::string& id) { return running_.contains(id); });
    }

    /// Whether a service cannot have had the log directories of both at the same time.
    static bool excludes(const Record& record, const Claim& claim) {
        const std::string below = below_of(record.instance);
        return below.empty() != claim.below.empty() || exclude_each_other(below, claim.below) ||
               (below == claim.below && record.log_directory != claim.log_directory);
    }

    /// What was saved of a container's log directory before its service had others.
    std::optional<Record> former_record(const Name& name, const Claim& claim) {
        const auto [begin, end] = by_container_.equal_range(claim.container_id);
        if (std::none_of(begin, end, [&](const auto& item) { return excludes(live_[item.second], claim); }))
            return std::nullopt;
        const auto& there = service_directory(name.service);
        for (const auto& instance : there.ended) {
            if (below_of(instance) != name.below || !has_name_of(instance, name.pod) ||
                there.live.contains(instance))
                continue;
            auto record = ended_(name.service, instance);
            if (record && is_recorded(*record, claim))
                return record;
        }
        return std::nullopt;
    }

    /// Whether a log directory goes on where it was saved before its service had others.
    bool goes_back(std::size_t leader, const Name& name) {
        auto record = former_record(name, claims_[leader]);
        if (!record)
            return false;
        auto& there = service_directory(name.service);
        auto& assignment = result_.of_claim[leader];
        assignment.directory = record->directory();
        if (there.present.contains(record->instance))
            assignment.present_as = assignment.directory;
        there.ended.erase(record->instance);
        there.live.insert(record->instance);
        assignment.reopened = std::move(record);
        return true;
    }

    /// Whether beside the plain name lies what another pod saved, one of another namespace or that runs: with
    /// forged labels a container could put something there that the other one has not.
    bool lies_beside_others(const Name& name, const Claim& claim) {
        const auto is_beside = [&](const std::string& instance) {
            return top_of(instance) == name.pod && below_of(instance) != name.below;
        };
        const auto is_others = [&](const Record& record) {
            return record.service == name.service && is_beside(record.instance) &&
                   std::find(record.containers.begin(), record.containers.end(), claim.container_id) ==
                       record.containers.end() &&
                   !may_take_over(claim, record);
        };
        const auto is_of_others = [&](const std::string& instance) {
            const auto record =
                is_beside(instance) ? ended_(name.service, instance) : std::optional<Record>();
            return record && record->namespace_name != claim.namespace_name;
        };
        const auto given = given_.find({name.service, name.pod});
        const auto& ended = service_directory(name.service).ended;
        return !name.below.empty() && ((given != given_.end() && given->second != claim.namespace_name) ||
                                       std::any_of(live_.begin(), live_.end(), is_others) ||
                                       std::any_of(ended.begin(), ended.end(), is_of_others));
    }

    /// Gives directories to new log directories of one name.
    void place(const Name& name, std::vector<std::size_t>& leaders) {
        const auto& service = name.service;
        const std::string plain_name = name.instance();
        auto& there = service_directory(service);
        if (!there.problem.empty()) {
            for (const auto leader : leaders)
                result_.of_claim[leader].problem = there.problem;
            return;
        }
        std::erase_if(leaders, [&](std::size_t leader) { return goes_back(leader, name); });
        if (leaders.empty())
            return;
        std::sort(leaders.begin(), leaders.end(), [&](std::size_t a, std::size_t b) {
            return std::tie(claims_[a].created, claims_[a].container_id) <
                   std::tie(claims_[b].created, claims_[b].container_id);
        });
        const auto holder = std::find_if(live_.begin(), live_.end(), [&](const Record& record) {
            return record.service == service && record.instance == plain_name;
        });
        const bool held = holder != live_.end();
        const auto longest_running = std::find_if(leaders.begin(), leaders.end(), [&](std::size_t leader) {
            return running_.contains(claims_[leader].container_id);
        });
        std::size_t first = longest_running != leaders.end() ? *longest_running : leaders.back();
        const bool beside_others = lies_beside_others(name, claims_[first]);
        bool takes_over = !beside_others;
        if (is_blocked(name) || (!held && there.live.contains(plain_name))) {
            takes_over = false; // the latter: its record cannot be read
        } else if (held) {
            takes_over = !beside_others && may_take_over(claims_[first], *holder);
            const auto index = static_cast<std::size_t>(holder - live_.begin());
            if (takes_over)
                move({service, plain_name, next_name(name), index});
        } else if (there.ended.contains(plain_name)) {
            auto ended = ended_(service, plain_name);
            const auto own = std::find_if(leaders.begin(), leaders.end(), [&](std::size_t leader) {
                return ended && is_recorded(*ended, claims_[leader]);
            });
            takes_over = own != leaders.end() ||
                         (!beside_others && ended && ended->namespace_name == claims_[first].namespace_name);
            if (own != leaders.end()) {
                first = *own;
                result_.of_claim[first].reopened = std::move(ended);
            } else if (takes_over) {
                move({service, plain_name, next_name(name), std::nullopt});
            }
        }
        for (const auto leader : leaders) {
            auto& assignment = result_.of_claim[leader];
            const bool plain = takes_over && leader == first;
            assignment.directory = service + "/" + (plain ? plain_name : next_name(name));
            if (plain && there.present.contains(plain_name)) {
                assignment.adopted = !assignment.reopened;
                assignment.present_as = assignment.directory;
            }
        }
        if (takes_over) {
            there.live.insert(plain_name); // for those that would lie in it, or it in them
            given_.emplace(std::pair(service, name.pod), claims_[first].namespace_name);
        }
    }

    /// A log directory that had another name of its service, which has more of them by now, or only one; or
    /// a writer has mounted its volume at another of them.
    void end_others(std::size_t leader) {
        const Claim& claim = claims_[leader];
        const auto end = [&](const std::multimap<std::string, std::size_t>& records, const std::string& key) {
            const auto [first, last] = records.equal_range(key);
            for (auto item = first; item != last; ++item) {
                const Record& record = live_[item->second];
                const std::string below = below_of(record.instance);
                const bool is_other = below.empty() != claim.below.empty() ||
                                      (below != claim.below && !record.volume.empty() &&
                                       record.volume == claim.volume && is_writer(claim));
                if (is_other && record.service == claim.service && has_place_of(record, claim))
                    result_.of_claim[leader].supersedes.insert(item->second);
            }
        };
        end(by_volume_, claim.volume);
        end(by_container_, claim.container_id);
    }

    void move(Move move) {
        auto& there = service_directory(move.service);
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
    const std::vector<Record>& live_;
    const std::set<std::string>& running_;
    const std::function<ServiceDirectory(const std::string&)>& look_up_;
    const EndedRecord& ended_;
    std::multimap<std::string, std::size_t> by_volume_;
    std::multimap<std::string, std::size_t> by_container_;
    std::map<std::string, ServiceDirectory> services_;
    std::map<std::pair<std::string, std::string>, std::string> given_; ///< service, pod -> namespace
    Assignments result_;
};

} // namespace

Assignments assign(const std::vector<Claim>& claims, const std::vector<Record>& live,
                   const std::set<std::string>& running,
                   const std::function<ServiceDirectory(const std::string& service)>& look_up,
                   const EndedRecord& ended) {
    return Assigner(claims, live, running, look_up, ended).run();
}

} // namespace logbackup
