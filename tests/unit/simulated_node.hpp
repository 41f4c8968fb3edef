// SPDX-License-Identifier: MIT
#pragma once

#include "../fuzz/input.hpp"
#include "assign/assign.hpp"
#include "assign_support.hpp"
#include "config/selection.hpp"
#include "logbackup/options.hpp"
#include "runtime/labels.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace logbackup::test {

inline constexpr std::uint64_t first_volume = 1'000'000; ///< numbers the owners of files

/// A container, and what it has at each path that can be a log directory: the inode tells whose files that
/// are, its own, or those of a volume.
struct SimulatedContainer {
    Claim claim;
    std::map<std::string, Claim> places{};
    bool runs = false;
};

/// A node's containers and their backup over many runs, kept in maps: two log directories are never mixed,
/// nor is a directory touched whose record cannot be read.
class SimulatedNode {
  public:
    explicit SimulatedNode(Input& input) : input_(input) {
        for (auto count = input_.below(6); count > 0; --count)
            tree_[any_service() + "/" + any_pod() + any_number()] = ++last_; // of before there were records
        for (auto count = input_.below(4); count > 0; --count) {
            Record record;
            record.service = any_service();
            record.pod = any_pod();
            record.instance = record.pod + any_number();
            record.namespace_name = input_.any_of({"shop", "other"});
            ended_[record.directory()] = std::move(record);
        }
    }

    void step() {
        switch (input_.below(11)) {
        case 0:
        case 1:
        case 2: start(); break;
        case 3: remove(); break;
        case 4: prune(); break;
        case 5: stop(); break;
        case 6: damage(); break;
        case 7: mend(); break;
        case 8: configure(); break;
        default: run_once();
        }
    }

  private:
    std::string any_service() { return input_.any_of({"svc", "svc", "svc", "svc-1", "s"}); }
    std::string any_pod() { return input_.any_of({"pod", "pod", "pod", "pod-1", "pod.1", "1"}); }
    std::string any_number() {
        return input_.any_of({"", "", "@1", "@2", "@10", "@01", "@1x", "@-1", "@", "@1@2", "@4294967295",
                              "@99999999999999999999", "+var+app", "@3+var+app"});
    }

    /// What an image can set, or the kubelet.
    std::string any_label(std::string valid) {
        switch (input_.below(8)) {
        case 0:
            return input_.any_of(
                {"..", ".", "", "/", "../svc", "pod@1", "pod/..", "-", "svc/pod", ".logbackup"});
        case 1: return std::string(input_.take(input_.below(8)));
        case 2: return valid + std::string(input_.take(input_.below(4)));
        case 3: return std::string(input_.below(300), 'a');
        default: return valid;
        }
    }

    void start() {
        Container container;
        container.id = "c" + std::to_string(++last_);
        container.has_service = container.has_pod = true;
        container.service = any_label(any_service());
        container.pod = any_label(any_pod());
        container.namespace_name = input_.one_in(8) ? any_label("other") : "shop";
        if (classify(container).ownership != Ownership::ours)
            return;
        SimulatedContainer known;
        known.claim.container_id = container.id;
        known.claim.service = container.service;
        known.claim.pod = container.pod;
        if (input_.one_in(8)) // no valid label now, but the name of another pod's log directory
            known.claim.pod += input_.any_of({"+var+app", "+", "+opt"});
        known.claim.namespace_name = container.namespace_name;
        known.claim.created = any_time();
        known.runs = input_.one_in(2);
        known.claim.access = input_.one_in(3) ? MountAccess::read_only : MountAccess::read_write;
        for (const std::string path : {"/opt/logs", "/opt", "/var/app"})
            known.places[path] = any_place(known.claim, path);
        if (input_.one_in(8)) { // a link
            known.places["/var/app"] = known.places["/opt/logs"];
            known.places["/var/app"].log_directory = "/var/app";
            known.places["/var/app"].direct = false;
        }
        containers_.push_back(std::move(known));
    }

    Claim any_place(Claim claim, const std::string& path) {
        claim.log_directory = path;
        claim.identity = {1, ++last_};
        if (input_.one_in(4)) {
            const auto volume = input_.below(3);
            claim.identity = {1, first_volume + volume};
            claim.volume = "/srv/" + std::to_string(volume);
            claim.direct = input_.one_in(2);
        }
        return claim;
    }

    Timestamp any_time() {
        const auto seconds = input_.any_of({0U, 1U, 2U, 1000U + static_cast<unsigned>(last_)});
        return Timestamp{std::chrono::seconds(seconds == 0 ? 0 : 1'700'000'000 + seconds) +
                         std::chrono::milliseconds(input_.below(2))};
    }

    void remove() {
        if (!containers_.empty())
            containers_.erase(containers_.begin() +
                              static_cast<std::ptrdiff_t>(input_.below(containers_.size())));
    }

    void stop() {
        if (containers_.empty())
            return;
        auto& stopped = containers_[input_.below(containers_.size())];
        stopped.runs = false;
        const Timestamp finished = any_time();
        for (auto& [path, place] : stopped.places)
            place.finished = finished;
    }

    /// A service gets another log directory, or several, or has only one again.
    void configure() {
        using Paths = std::vector<std::string>;
        auto& service = options_.of_services.emplace_back();
        service.glob = any_service();
        service.log_directories =
            input_.any_of({Paths{"/opt/logs"}, Paths{"/opt/logs", "/var/app"}, Paths{"/var/app", "/opt/logs"},
                           Paths{"/opt", "/var/app"}, Paths{"/var/app"}});
    }

    /// The operator deletes what has ended.
    void prune() {
        if (!ended_.empty())
            tree_.erase(any_ended()->first);
    }
    std::map<std::string, Record>::iterator any_ended() {
        return std::next(ended_.begin(), static_cast<std::ptrdiff_t>(input_.below(ended_.size())));
    }

    /// A record becomes unreadable.
    void damage() {
        if (input_.one_in(2) && !ended_.empty()) {
            damaged_ended_.insert(any_ended()->first);
        } else if (!live_.empty()) {
            const auto record = live_.begin() + static_cast<std::ptrdiff_t>(input_.below(live_.size()));
            damaged_.insert(record->directory());
            given_up_.insert(record->directory());
            live_.erase(record);
        }
    }

    /// The operator does what the report tells him.
    void mend() {
        if (damaged_.empty())
            return;
        const std::string directory = *damaged_.begin();
        std::string free;
        do
            free = directory.substr(0, directory.find('@')) + "@" + std::to_string(900 + last_++);
        while (is_taken(free));
        if (auto node = tree_.extract(directory); !node.empty()) {
            node.key() = free;
            tree_.insert(std::move(node));
        }
        given_up_.insert(free);
        damaged_.erase(directory);
        of_writers_.erase(directory);
        if (!tree_.contains(directory))
            given_up_.erase(directory);
    }

    [[nodiscard]] bool is_taken(const std::string& directory) const {
        return tree_.contains(directory) || ended_.contains(directory) || damaged_.contains(directory) ||
               std::any_of(live_.begin(), live_.end(),
                           [&](const Record& record) { return record.directory() == directory; });
    }

    [[nodiscard]] ServiceDirectory look_up(const std::string& service) const {
        ServiceDirectory result;
        const std::string prefix = service + "/";
        for (const auto& [directory, files] : tree_)
            if (directory.starts_with(prefix))
                result.present.insert(directory.substr(prefix.size()));
        for (const auto& [directory, record] : ended_)
            if (directory.starts_with(prefix))
                result.ended.insert(directory.substr(prefix.size()));
        for (const auto& record : live_)
            if (record.service == service)
                result.live.insert(record.instance);
        for (const auto& directory : damaged_)
            if (directory.starts_with(prefix))
                result.live.insert(directory.substr(prefix.size()));
        if (service == unreadable_)
            return {{}, {}, {}, "it cannot be read"};
        return result;
    }

    void run_once() {
        std::vector<Claim> claims;
        running_.clear();
        unreadable_ = input_.one_in(8) ? any_service() : std::string();
        if (!containers_.empty())
            std::rotate(containers_.begin(),
                        containers_.begin() + static_cast<std::ptrdiff_t>(input_.below(containers_.size())),
                        containers_.end());
        for (const auto& known : containers_) {
            for (const auto& name : log_directories_of(options_, known.claim.service)) {
                claims.push_back(known.places.at(name.path));
                claims.back().suffix = name.suffix;
            }
            if (known.runs)
                running_.insert(known.claim.container_id);
        }
        const auto result = test::assigned(
            claims, Records(live_), running_, [this](const std::string& service) { return look_up(service); },
            [this](const std::string& service, const std::string& instance) {
                const std::string directory = service + "/" + instance;
                return damaged_ended_.contains(directory) ? std::nullopt
                                                          : std::optional(ended_.at(directory));
            });
        for (const auto& move : result.moves)
            carry_out(move);
        auto superseded = superseded_in(result);
        superseded.merge(unwanted(result));
        ASSERT_NO_FATAL_FAILURE(give_up(superseded, result));
        std::map<std::string, std::uint64_t> given;
        for (std::size_t i = 0; i < claims.size(); ++i) {
            const auto& place = result.of_claim[i];
            const bool is_first = place.holders.front() == claims[i].holder();
            const auto files = claims[i].identity.inode;
            ASSERT_EQ(place.directory.empty(), !place.problem.empty());
            if (!place.problem.empty()) {
                if (is_first) {
                    ASSERT_EQ(claims[i].service, unreadable_);
                }
                continue;
            }
            ASSERT_EQ(given.try_emplace(place.directory, files).first->second, files)
                << place.directory << " is given to two log directories";
            if (is_first) {
                ASSERT_NO_FATAL_FAILURE(save(claims[i], place, files));
            }
        }
        for (std::size_t i = 0; i < claims.size(); ++i)
            if (is_writer(claims[i])) {
                ASSERT_NO_FATAL_FAILURE(
                    expect_writers_directory(result.of_claim[i].directory, claims, claims[i]));
            }
        end_superseded(superseded);
        end_records();
    }

    static bool is_writer(const Claim& claim) {
        return claim.direct && claim.access == MountAccess::read_write;
    }

    /// What a writer has mounted is saved under a name that no other container chose.
    void expect_writers_directory(const std::string& directory, const std::vector<Claim>& claims,
                                  const Claim& claim) {
        if (directory.empty())
            return;
        const auto has_name = [&](const Claim& known) {
            const std::string plain = known.service + "/" + known.pod;
            return known.identity == claim.identity && is_writer(known) &&
                   (directory == plain || directory.starts_with(plain + "@") ||
                    directory.starts_with(plain + "+"));
        };
        if (std::any_of(claims.begin(), claims.end(), has_name))
            of_writers_.insert(directory);
        ASSERT_TRUE(of_writers_.contains(directory))
            << directory << " is not of a writer, but " << claim.container_id << " is one";
    }

    /// Records that end because a writer has got another.
    [[nodiscard]] static std::set<RecordId> superseded_in(const test::Assigned& result) {
        std::set<RecordId> records;
        for (const auto& place : result.places)
            if (place.problem.empty())
                records.insert(place.supersedes.begin(), place.supersedes.end());
        return records;
    }

    /// Those of log directories that their service has no longer, while their containers are there.
    [[nodiscard]] std::set<RecordId> unwanted(const test::Assigned& result) const {
        std::set<RecordId> records;
        for (std::size_t i = 0; i < live_.size(); ++i) {
            const auto names = log_directories_of(options_, live_[i].service);
            const auto is_record = [&](const LogDirectoryName& name) {
                return name.path == live_[i].log_directory;
            };
            const auto goes_on = [&](const Place& place) { return place.known == RecordId{i}; };
            const auto has_it = [&](const SimulatedContainer& known) {
                return known.claim.container_id == live_[i].containers.back();
            };
            if (std::none_of(names.begin(), names.end(), is_record) &&
                std::none_of(result.places.begin(), result.places.end(), goes_on) &&
                std::any_of(containers_.begin(), containers_.end(), has_it))
                records.insert(RecordId{i});
        }
        return records;
    }

    void give_up(const std::set<RecordId>& superseded, const test::Assigned& result) {
        for (const auto record : superseded) {
            const std::string directory = live_of(record).directory();
            ASSERT_TRUE(unwanted(result).contains(record) || !of_writers_.contains(directory)) << directory;
            for (const auto& place : result.places)
                ASSERT_NE(place.known, record) << directory;
            given_up_.insert(directory);
        }
    }

    void end_superseded(const std::set<RecordId>& superseded) {
        for (auto record = superseded.rbegin(); record != superseded.rend(); ++record) {
            ended_[live_of(*record).directory()] = live_of(*record);
            live_.erase(live_.begin() + static_cast<std::ptrdiff_t>(*record));
        }
    }

    /// "<service>/<pod>" or "<service>/<pod>@<n>" of the labels, and the suffix. It leads nowhere else.
    static void expect_own(const std::string& service, const std::string& pod, const std::string& suffix,
                           const std::string& directory) {
        const std::string plain = service + "/" + pod;
        ASSERT_TRUE(directory.starts_with(plain)) << directory << " for " << plain;
        std::string rest = directory.substr(plain.size());
        ASSERT_TRUE(rest.ends_with(suffix)) << directory << " for " << suffix;
        rest.resize(rest.size() - suffix.size());
        ASSERT_TRUE(rest.empty() || (rest.size() > 1 && rest[0] == '@' &&
                                     rest.find_first_not_of("0123456789", 1) == std::string::npos))
            << directory << " for " << plain;
        ASSERT_EQ(std::count(directory.begin(), directory.end(), '/'), 1) << directory;
        ASSERT_EQ(directory.find(".."), std::string::npos) << directory;
        ASSERT_LE(directory.size() - service.size(), 256U) << directory;
    }

    void carry_out(const Move& move) {
        const std::string from = move.old_directory();
        const std::string to = move.new_directory();
        ASSERT_FALSE(tree_.contains(to)) << "a move to " << to << " would overwrite it";
        ASSERT_FALSE(ended_.contains(to)) << to << " belonged to another one";
        for (const auto& name : {from, to})
            ASSERT_FALSE(damaged_.contains(name) || damaged_ended_.contains(name))
                << "nobody knows whose " << name << " is";
        const std::string pod = move.live ? live_of(*move.live).pod : ended_.at(from).pod;
        const bool stays = move.new_service() == move.service;
        ASSERT_TRUE(stays || (move.live && move.to.starts_with(pod))) << to;
        const std::string suffix = (stays ? move.from : move.to).substr(pod.size());
        ASSERT_NO_FATAL_FAILURE(expect_own(move.new_service(), pod, suffix, to));
        if (auto node = tree_.extract(from); !node.empty()) {
            node.key() = to;
            tree_.insert(std::move(node));
        }
        for (auto* names : {&given_up_, &of_writers_})
            if (names->erase(from) == 1)
                names->insert(to);
        if (move.live) {
            ASSERT_EQ(live_of(*move.live).directory(), from);
            for (const auto& id : live_of(*move.live).containers)
                ASSERT_FALSE(running_.contains(id)) << from << " is renamed while " << id << " runs";
            live_of(*move.live).service = move.new_service();
            live_of(*move.live).instance = move.to;
        } else {
            auto node = ended_.extract(from);
            ASSERT_FALSE(node.empty()) << from;
            node.key() = to;
            node.mapped().instance = move.to;
            ended_.insert(std::move(node));
        }
    }

    void save(const Claim& claim, const Place& place, std::uint64_t files) {
        const auto& directory = place.directory;
        const bool has_record = std::any_of(live_.begin(), live_.end(), [&](const Record& record) {
            return record.directory() == directory;
        });
        ASSERT_EQ(has_record, place.known.has_value()) << directory;
        ASSERT_FALSE(damaged_.contains(directory)) << "nobody knows whose " << directory << " is";
        ASSERT_EQ(ended_.erase(directory), place.reopened ? 1U : 0U) << directory;
        if (place.adopted) {
            ASSERT_FALSE(has_record);
            ASSERT_TRUE(tree_.contains(directory)) << directory;
            tree_[directory] = files; // it is theirs now
        }
        const auto there = tree_.try_emplace(directory, files).first;
        ASSERT_EQ(there->second, files) << directory << " has another log directory's files";
        for (const auto& [other, owner] : tree_)
            ASSERT_TRUE(owner != files || other == directory || given_up_.contains(other))
                << "the files of " << files << " are in " << other << " and " << directory;
        if (place.known) {
            Record& record = live_of(*place.known);
            ASSERT_EQ(record.directory(), directory);
            describe(record, claim);
            record.has_writer = record.has_writer || place.is_writer;
            return;
        }
        if (!place.reopened) { // that one keeps its name
            ASSERT_NO_FATAL_FAILURE(expect_own(claim.service, claim.pod, claim.suffix, directory));
        }
        Record record;
        record.service = claim.service;
        record.instance = directory.substr(claim.service.size() + 1);
        describe(record, claim);
        record.volume = claim.volume;
        record.volume_inode = claim.volume.empty() ? 0 : claim.identity.inode;
        record.has_writer = place.is_writer || (place.reopened && place.reopened->has_writer);
        live_.push_back(std::move(record));
    }

    static void describe(Record& record, const Claim& claim) {
        record.pod = claim.pod;
        record.namespace_name = claim.namespace_name;
        record.created = rfc3339(claim.created);
        record.containers.push_back(claim.container_id);
        if (record.service == claim.service)
            record.log_directory = claim.log_directory;
    }

    /// A volume stays; what a container had in its own file system goes with it.
    void end_records() {
        std::erase_if(live_, [&](const Record& record) {
            const auto has_it = [&](const SimulatedContainer& known) {
                return std::find(record.containers.begin(), record.containers.end(),
                                 known.claim.container_id) != record.containers.end();
            };
            const bool exists =
                !record.volume.empty() || std::any_of(containers_.begin(), containers_.end(), has_it);
            if (!exists)
                ended_[record.directory()] = record;
            return !exists;
        });
    }

    Input& input_;
    std::uint64_t last_ = 0;
    std::vector<SimulatedContainer> containers_;
    [[nodiscard]] Record& live_of(RecordId id) { return live_.at(static_cast<std::size_t>(id)); }

    std::vector<Record> live_;
    std::set<std::string> running_; ///< ids, at the last run
    Options options_;               ///< the log directories of each service
    std::string unreadable_;        ///< service, at the last run
    std::map<std::string, Record> ended_;
    std::set<std::string> damaged_;       ///< directories whose live records cannot be read
    std::set<std::string> damaged_ended_; ///< those of ended ones
    std::set<std::string> given_up_;      ///< directories in which their owners do not go on
    std::set<std::string> of_writers_;
    std::map<std::string, std::uint64_t> tree_; ///< directory of the backup -> whose files are in it
};

} // namespace logbackup::test
