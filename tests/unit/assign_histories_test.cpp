// SPDX-License-Identifier: MIT
#include "logbackup/assign.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace logbackup {
namespace {

using std::chrono::seconds;

/// A log directory as it really is: each has files of its own, for which its inode number stands.
struct Container {
    Claim claim;
    std::uint64_t files = 0;
    bool runs = false;
};

/// A backup of a few services and pods over many ticks, kept in maps.
class History {
  public:
    explicit History(unsigned seed) : random_(seed) {}

    void step() {
        switch (random_() % 7) {
        case 0:
        case 1:
        case 2: start(); break;
        case 3: below(2) == 0 ? end() : remove(); break;
        case 4: prune(); break;
        default: tick(); break;
        }
    }

  private:
    std::size_t below(std::size_t end) { return random_() % end; }

    void start() {
        static const std::vector<std::string> pods{"pod", "pod-1", "pod-10"};
        Container container;
        const auto number = ++last_;
        container.claim.container_id = "c" + std::to_string(number);
        container.claim.service = below(3) == 0 ? "other" : "svc";
        container.claim.pod = pods[below(pods.size())];
        container.claim.created =
            Timestamp{seconds(1'700'000'000 + (below(4) == 0 ? below(100) : 1000 + number))};
        container.claim.access = below(3) == 0 ? MountAccess::read_only : MountAccess::read_write;
        container.files = 1000 + number;
        container.runs = below(4) != 0;
        if (below(4) == 0)
            container.claim.namespace_name = "other";
        if (below(4) == 0) {
            const auto volume = below(3);
            container.claim.volume = "/srv/" + std::to_string(volume);
            container.files = volume;
        }
        container.claim.identity = {1, container.files};
        containers_.push_back(std::move(container));
    }

    void end() {
        if (!containers_.empty())
            containers_[below(containers_.size())].runs = false;
    }

    void remove() {
        if (!containers_.empty())
            containers_.erase(containers_.begin() + static_cast<std::ptrdiff_t>(below(containers_.size())));
    }

    /// The operator deletes what has ended; the record stays.
    void prune() {
        if (!ended_.empty())
            tree_.erase(*std::next(ended_.begin(), static_cast<std::ptrdiff_t>(below(ended_.size()))));
    }

    ServiceDirectory look_up(const std::string& service) const {
        ServiceDirectory result;
        const std::string prefix = service + "/";
        for (const auto& [directory, files] : tree_)
            if (directory.starts_with(prefix))
                result.present.insert(directory.substr(prefix.size()));
        for (const auto& directory : ended_)
            if (directory.starts_with(prefix))
                result.ended.insert(directory.substr(prefix.size()));
        return result;
    }

    void tick() {
        std::vector<Claim> claims;
        std::shuffle(containers_.begin(), containers_.end(), random_);
        std::set<std::string> running;
        for (const auto& container : containers_) {
            claims.push_back(container.claim);
            if (container.runs)
                running.insert(container.claim.container_id);
        }
        const auto result =
            assign(claims, live_, running, [&](const std::string& service) { return look_up(service); });
        ASSERT_EQ(result.of_claim.size(), claims.size());
        for (const auto& move : result.moves) {
            if (move.live)
                expect_none_runs(live_.at(*move.live), running);
            carry_out(move);
        }
        std::map<std::string, std::uint64_t> owners;
        for (std::size_t i = 0; i < claims.size(); ++i) {
            const auto& assignment = result.of_claim[i];
            const auto files = containers_[i].files;
            ASSERT_TRUE(owners.try_emplace(assignment.directory, files).first->second == files)
                << assignment.directory << " is given to two log directories";
            if (assignment.shared_with) {
                const auto& leader = result.of_claim[*assignment.shared_with];
                ASSERT_FALSE(leader.shared_with);
                ASSERT_EQ(leader.directory, assignment.directory);
                continue;
            }
            save(claims[i], assignment, files);
        }
        end_records();
    }

    static void expect_none_runs(const Record& record, const std::set<std::string>& running) {
        for (const auto& id : record.containers)
            EXPECT_FALSE(running.contains(id)) << id << " runs, and its directory is moved";
    }

    void carry_out(const Move& move) {
        const std::string from = move.service + "/" + move.from;
        const std::string to = move.service + "/" + move.to;
        ASSERT_FALSE(tree_.contains(to)) << "a move to " << to << " would overwrite it";
        ASSERT_FALSE(ended_.contains(to)) << to << " belonged to another one";
        if (const auto node = tree_.extract(from); !node.empty())
            tree_[to] = node.mapped();
        if (move.live) {
            ASSERT_EQ(live_.at(*move.live).instance, move.from);
            live_.at(*move.live).instance = move.to;
        } else {
            ASSERT_EQ(ended_.erase(from), 1U) << from;
            ended_.insert(to);
        }
    }

    void save(const Claim& claim, const Assignment& assignment, std::uint64_t files) {
        const auto [there, made] = tree_.try_emplace(assignment.directory, files);
        ASSERT_EQ(there->second, files) << assignment.directory << " has another log directory's files";
        ASSERT_FALSE(assignment.adopted) << "every directory here has a record";
        for (const auto& [directory, owner] : tree_) {
            ASSERT_TRUE(owner != files || directory == assignment.directory)
                << "the files of " << files << " are in " << directory << " and " << assignment.directory;
        }
        ASSERT_FALSE(ended_.contains(assignment.directory));
        if (assignment.known) {
            live_[*assignment.known].containers.push_back(claim.container_id);
            ASSERT_EQ(live_[*assignment.known].directory(), assignment.directory);
            return;
        }
        Record record;
        record.service = claim.service;
        record.instance = assignment.directory.substr(claim.service.size() + 1);
        record.pod = claim.pod;
        record.containers = {claim.container_id};
        record.namespace_name = claim.namespace_name;
        record.volume = claim.volume;
        record.created = rfc3339(claim.created);
        ASSERT_TRUE(record.instance == claim.pod || record.instance.starts_with(claim.pod + "@"));
        live_.push_back(std::move(record));
    }

    /// A volume stays; what a container had in its own file system goes with it.
    void end_records() {
        std::erase_if(live_, [&](const Record& record) {
            const bool exists =
                !record.volume.empty() ||
                std::any_of(containers_.begin(), containers_.end(), [&](const Container& container) {
                    return std::find(record.containers.begin(), record.containers.end(),
                                     container.claim.container_id) != record.containers.end();
                });
            if (!exists)
                ended_.insert(record.directory());
            return !exists;
        });
        std::set<std::string> names;
        for (const auto& record : live_)
            ASSERT_TRUE(names.insert(record.directory()).second) << record.directory() << " has two records";
    }

    std::mt19937 random_;
    std::uint64_t last_ = 0;
    std::vector<Container> containers_;
    std::vector<Record> live_;
    std::set<std::string> ended_;
    std::map<std::string, std::uint64_t> tree_; ///< directory of the backup -> whose files are in it
};

TEST(AssignHistories, NeverMixTwoLogDirectories) {
    for (unsigned seed = 1; seed <= 1000; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        History history(seed);
        for (int i = 0; i < 60; ++i) {
            history.step();
            if (::testing::Test::HasFatalFailure())
                return;
        }
    }
}

} // namespace
} // namespace logbackup
