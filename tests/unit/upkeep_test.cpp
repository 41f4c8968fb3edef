// SPDX-License-Identifier: MIT
#include "ledger/upkeep.hpp"

#include "ledger/coverage.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <string>
#include <vector>

namespace logbackup {
namespace {

using std::chrono::seconds;

constexpr Timestamp now{seconds(1'795'359'400)};
constexpr Timestamp previous{now - seconds(60)};

/// What a run learned, built up case by case. Containers log to /opt/logs.
class Node {
  public:
    RunFacts facts;
    Records records;

    Node() {
        facts.now = now;
        facts.previous = previous;
    }

    const Container& container(const std::string& id, ContainerState state = ContainerState::running) {
        Container& container = containers_.emplace_back();
        container.id = id;
        container.service = "web";
        container.pod = "web-1";
        container.state = state;
        container.created = now - seconds(600);
        container.started = container.created;
        if (state == ContainerState::exited)
            container.finished = now - seconds(30);
        facts.listed.insert(id);
        return container;
    }

    /// Adds a live record of a container that an earlier run saved.
    RecordId record(const std::string& instance, const std::string& id, const std::string& volume = {},
                    std::uint64_t inode = 0) {
        Record record;
        record.service = "web";
        record.instance = instance;
        record.log_directory = "/opt/logs";
        record.containers = {id};
        record.volume = volume;
        record.volume_inode = inode;
        record.first_seen = rfc3339(now - seconds(600));
        return records.add(record);
    }

    /// The run found the container's log directory and saved it under the record.
    void saved(RecordId record, const Container& container, Result result = Result::saved) {
        seen(record, container);
        facts.done.push_back({record, {&container}, result, {}});
        if (result == Result::failed)
            facts.failed.insert({container.id, "/opt/logs"});
    }
    void seen(RecordId record, const Container& container) {
        facts.seen.push_back(
            {&container, "/opt/logs", records[record].volume, records[record].volume_inode, record, record});
    }

    Upkeep keep() { return upkeep(records, facts); }

  private:
    std::deque<Container> containers_;
};

using Ids = std::vector<RecordId>;
constexpr RecordId first{0};
constexpr RecordId second{1};
constexpr RecordId third{2};

TEST(Upkeep, OfARunThatSavedEverythingNothingIsWritten) {
    Node node;
    node.saved(node.record("web-1", "a"), node.container("a"));
    const auto kept = node.keep();
    EXPECT_EQ(kept.changed, Ids{});
    EXPECT_EQ(kept.ended, Ids{});
    EXPECT_EQ(kept.records, node.records);
}

TEST(Upkeep, ALastPassMakesTheRecordComplete) {
    Node node;
    node.saved(node.record("web-1", "a"), node.container("a", ContainerState::exited), Result::compared_all);
    const auto kept = node.keep();
    EXPECT_EQ(kept.changed, Ids{first});
    EXPECT_EQ(kept.records[first].coverage, Coverage::complete);
    EXPECT_EQ(kept.records[first].saved_until, rfc3339(now));
}

TEST(Upkeep, AFailureSaysUntilWhenItIsSavedAndTheFirstOneStays) {
    Node node;
    node.saved(node.record("web-1", "a"), node.container("a"), Result::failed);
    auto kept = node.keep();
    EXPECT_EQ(kept.changed, Ids{first});
    EXPECT_EQ(kept.records[first].saved_until, rfc3339(previous));

    node.records = kept.records;
    node.facts.now = now + seconds(60);
    node.facts.previous = now;
    kept = node.keep();
    EXPECT_EQ(kept.changed, Ids{}) << "a second failure changes nothing";
    EXPECT_EQ(kept.records[first].saved_until, rfc3339(previous));

    node.facts.failed.clear();
    node.facts.done[0].result = Result::saved;
    kept = node.keep();
    EXPECT_EQ(kept.changed, Ids{first});
    EXPECT_EQ(kept.records[first].saved_until, "") << "the run saved what the others could not";
}

TEST(Upkeep, AFailureOfALogDirectoryThatIsNotSavedInThisRunIsNotedToo) {
    Node node;
    node.record("web-1", "a");
    node.container("a");
    node.facts.failed.insert({"a", "/opt/logs"}); // it could not be located
    EXPECT_EQ(node.keep().records[first].saved_until, rfc3339(previous));
}

TEST(Upkeep, AFailureIsNotedWhereAnotherServiceNamedTheLogDirectory) {
    Node node;
    node.record("web-1", "a", "/srv/logs", 7);
    const Container& other = node.container("b");
    node.facts.seen.push_back({&other, "/var/log", "/srv/logs", 7, std::nullopt, first});
    node.facts.failed.insert({"b", "/var/log"});
    EXPECT_EQ(node.keep().records[first].saved_until, rfc3339(previous));
}

TEST(Upkeep, WhatALimitLeavesOutIsNotedAndIsNoFailure) {
    Node node;
    node.saved(node.record("web-1", "a"), node.container("a"));
    node.facts.limited[{"a", "/opt/logs"}] = {Limit::files};
    auto kept = node.keep();
    EXPECT_EQ(kept.changed, Ids{first});
    EXPECT_EQ(kept.records[first].limits, std::set<Limit>{Limit::files});
    EXPECT_EQ(kept.records[first].saved_until, "");

    node.records = kept.records;
    EXPECT_EQ(node.keep().changed, Ids{}) << "the second time nothing is written";
    node.facts.done.clear();
    node.facts.limited.clear();
    EXPECT_EQ(node.keep().changed, Ids{}) << "a run that did not look at it knows nothing";
    node.saved(first, node.container("a"));
    EXPECT_TRUE(node.keep().records[first].limits.empty());
}

TEST(Upkeep, WhatALimitLeavesOutOfACompleteOneMakesItLive) {
    Node node;
    const auto id = node.record("web-1", "a", "/srv/logs", 7);
    node.records[id].coverage = Coverage::complete;
    node.records[id].saved_until = rfc3339(previous);
    node.saved(id, node.container("a"));
    node.facts.limited[{"a", "/opt/logs"}] = {Limit::depth};
    const auto kept = node.keep();
    EXPECT_EQ(kept.records[id].coverage, Coverage::live);
    EXPECT_EQ(kept.records[id].saved_until, "");
}

TEST(Upkeep, ALimitThatHidesTheLogDirectoryIsNotedAndItsRecordGoesOn) {
    Node node;
    const auto id = node.record("web-1", "a");
    node.container("a");
    node.facts.limited[{"a", "/opt/logs"}] = {Limit::location};
    EXPECT_EQ(node.keep().records[id].limits, std::set<Limit>{Limit::location});
    node.facts.limited = {{{"a", "/var/log"}, {Limit::location}}}; // which may be the same
    node.facts.unconfigured = {id};
    EXPECT_EQ(node.keep().ended, Ids{});
    node.facts.limited = {{{"a", "/var/log"}, {Limit::depth}}};
    EXPECT_EQ(node.keep().ended, Ids{id});
}

TEST(Upkeep, AContainerThatIsGoneBeforeItsLastPassIsCut) {
    Node node;
    node.record("web-1", "a");
    node.facts.gone = {first};
    const auto kept = node.keep();
    EXPECT_EQ(kept.ended, Ids{first});
    EXPECT_EQ(kept.records[first].coverage, Coverage::cut);
    EXPECT_EQ(kept.records[first].ended, rfc3339(now));
    EXPECT_EQ(kept.records[first].saved_until, rfc3339(previous));
    EXPECT_EQ(kept.unexplained, Ids{first});
}

TEST(Upkeep, AnEndThatTheRuntimeReportedIsExplained) {
    Node node;
    node.record("web-1", "a");
    node.facts.gone = {first};
    node.facts.removed = {"a"};
    const auto kept = node.keep();
    EXPECT_EQ(kept.ended, Ids{first});
    EXPECT_EQ(kept.unexplained, Ids{});
}

TEST(Upkeep, ACompleteOneStaysCompleteWhenItEnds) {
    Node node;
    const Container& container = node.container("a", ContainerState::exited);
    node.record("web-1", "a");
    note_last_pass(node.records[first], {&container}, previous);
    node.facts.listed.clear();
    node.facts.gone = {first};
    const auto kept = node.keep();
    EXPECT_EQ(kept.ended, Ids{first});
    EXPECT_EQ(kept.records[first].coverage, Coverage::complete);
    EXPECT_EQ(kept.records[first].saved_until, rfc3339(previous));
}

TEST(Upkeep, ADoubtfulRunEndsNothing) {
    Node node;
    node.record("web-1", "a");
    node.record("web-2", "b");
    node.facts.gone = {first};
    node.facts.left_behind = {second};
    node.facts.is_doubtful = true;
    const auto kept = node.keep();
    EXPECT_EQ(kept.ended, Ids{});
    EXPECT_EQ(kept.changed, Ids{});
    EXPECT_EQ(kept.unlisted, Ids{});
}

TEST(Upkeep, ALayerThatWaitsToBeCollectedIsNotTold) {
    Node node;
    node.record("web-1", "a");
    node.records[first].runtime = "containerd";
    node.facts.left_behind = {first};
    auto kept = node.keep();
    EXPECT_EQ(kept.unlisted, Ids{});
    EXPECT_EQ(kept.ended, Ids{});

    node.records = kept.records;
    node.facts.now = now + std::chrono::minutes(6);
    EXPECT_EQ(node.keep().unlisted, Ids{first}) << "it should have gone by now";
}

TEST(Upkeep, ALayerWithoutAListedContainerIsToldForADay) {
    Node node;
    node.record("web-1", "a");
    node.facts.left_behind = {first};
    auto kept = node.keep();
    EXPECT_EQ(kept.unlisted, Ids{first});
    EXPECT_EQ(kept.changed, Ids{first});
    EXPECT_EQ(kept.ended, Ids{});

    node.records = kept.records;
    node.facts.now = now + std::chrono::hours(24);
    kept = node.keep();
    EXPECT_EQ(kept.unlisted, Ids{});
    EXPECT_EQ(kept.ended, Ids{});
}

TEST(Upkeep, AWriterEndsTheRecordThatOthersHadOfItsVolume) {
    Node node;
    node.record("reader-1", "a", "/srv/logs", 7);
    const auto own = node.record("web-1", "b", "/srv/logs", 7);
    node.container("a");
    node.saved(own, node.container("b"));
    node.facts.done[0].supersedes = {first};
    EXPECT_EQ(node.keep().ended, Ids{first});
}

TEST(Upkeep, AnotherDirectoryInThePlaceOfAVolumeEndsTheFormerOne) {
    Node node;
    node.record("web-1", "a", "/srv/logs", 7);
    const Container& container = node.container("b");
    node.records.add(node.records[first]);
    node.records[second].instance = "web-2";
    node.records[second].containers = {"b"};
    node.records[second].volume_inode = 8;
    node.saved(second, container);
    EXPECT_EQ(node.keep().ended, Ids{first});

    node.container("a"); // listed, but not located: it may still have the former one
    EXPECT_EQ(node.keep().ended, Ids{});

    node.facts.seen.push_back({&container, "/opt/logs", "/srv/logs", 7, first, first}); // found elsewhere
    EXPECT_EQ(node.keep().ended, Ids{});
}

TEST(Upkeep, ALogDirectoryThatIsNoLongerConfiguredEndsWhileItsContainerIsThere) {
    Node node;
    node.record("web-1", "a");
    node.facts.unconfigured = {first};
    EXPECT_EQ(node.keep().ended, Ids{}) << "the container is not listed: it was not looked at";
    node.container("a");
    EXPECT_EQ(node.keep().ended, Ids{first});
    node.facts.failed.insert({"a", "/var/log"});
    EXPECT_EQ(node.keep().ended, Ids{}) << "the run could not see all of the container";
    node.facts.failed.clear();
    node.seen(first, node.container("a"));
    EXPECT_EQ(node.keep().ended, Ids{}) << "this run continues it";
}

TEST(Upkeep, OfManyFormerLogDirectoriesOfAContainerTheOldestEnd) {
    Node node;
    const Container& container = node.container("a");
    node.saved(node.record("web-1", "a"), container);
    for (int i = 0; i < 22; ++i) {
        const auto former = node.record("former", "a", "/srv/" + std::to_string(i), 7);
        node.records[former].first_seen = rfc3339(now - seconds(1000 - i));
    }
    EXPECT_EQ(node.keep().ended, (Ids{second, third}));
}

TEST(NeedsLastPass, WhenAllContainersHaveEndedAndNotAllWasComparedSince) {
    Node node;
    const Container& running = node.container("a");
    const Container& ended = node.container("b", ContainerState::exited);
    EXPECT_FALSE(needs_last_pass(nullptr, {&running}));
    EXPECT_FALSE(needs_last_pass(nullptr, {&running, &ended}));
    EXPECT_TRUE(needs_last_pass(nullptr, {&ended}));

    Record record;
    EXPECT_TRUE(needs_last_pass(&record, {&ended}));
    record.saved_until = rfc3339(previous);
    EXPECT_FALSE(needs_last_pass(&record, {&ended})) << "first save everything";
    note_last_pass(record, {&ended}, now);
    EXPECT_FALSE(needs_last_pass(&record, {&ended}));
    Container again = ended;
    again.finished = now;
    EXPECT_TRUE(needs_last_pass(&record, {&again})) << "it ran again since";
}

TEST(IsExpected, AllButWhatOutlivesItsContainersOrWasRemoved) {
    Node node;
    node.record("web-1", "a", "/srv/logs", 7);
    Record& record = node.records[first];
    EXPECT_TRUE(is_expected(record, {}, {}));
    EXPECT_FALSE(is_expected(record, {}, {"a"}));
    EXPECT_TRUE(is_expected(record, {"a"}, {"a"})) << "it is listed again";
    record.coverage = Coverage::complete;
    EXPECT_FALSE(is_expected(record, {}, {}));
    EXPECT_TRUE(is_expected(record, {"a"}, {}));
    record.containers.clear();
    EXPECT_FALSE(is_expected(record, {}, {}));
}

} // namespace
} // namespace logbackup
