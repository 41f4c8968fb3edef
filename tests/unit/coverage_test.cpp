// SPDX-License-Identifier: MIT
#include "ledger/coverage.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace logbackup {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

const Timestamp finished = Timestamp{seconds(1795359312)} + nanoseconds(248'335'762);
constexpr Timestamp now{seconds(1795359400)};
constexpr const char* now_text = "2026-11-22T14:56:40Z";
constexpr Timestamp earlier{seconds(1795359340)};
constexpr const char* earlier_text = "2026-11-22T14:55:40Z";

Container ended(const std::string& id, Timestamp at = finished) {
    Container container;
    container.id = id;
    container.state = ContainerState::exited;
    container.created = at - seconds(60);
    container.started = at - seconds(59);
    container.finished = at;
    return container;
}

Container running(const std::string& id) {
    Container container = ended(id);
    container.state = ContainerState::running;
    container.finished = {};
    return container;
}

std::vector<const Container*> all_of(const std::vector<Container>& containers) {
    std::vector<const Container*> pointers;
    for (const auto& container : containers)
        pointers.push_back(&container);
    return pointers;
}

void describe(Record& record, const std::vector<Container>& containers) {
    describe_containers(record, all_of(containers));
}

/// A record of these ended containers after their last pass.
Record closed(const std::vector<Container>& containers) {
    Record record;
    describe(record, containers);
    note_last_pass(record, all_of(containers), now);
    return record;
}

TEST(HasEnded, OnlyWhenItExitedAndSaysWhen) {
    const std::map<ContainerState, bool> cases{
        {ContainerState::created, false},  {ContainerState::running, false},
        {ContainerState::paused, false},   {ContainerState::restarting, false},
        {ContainerState::removing, false}, {ContainerState::exited, true},
        {ContainerState::dead, true},      {ContainerState::unknown, false},
    };
    for (const auto& [state, expected] : cases) {
        Container container = ended("a");
        container.state = state;
        EXPECT_EQ(has_ended(container), expected) << name_of(state);
        container.finished = {}; // it never ran
        EXPECT_FALSE(has_ended(container)) << name_of(state);
    }
}

TEST(HadLastPass, CountsForThisVeryEndOnly) {
    const Record record = closed({ended("a")});
    EXPECT_TRUE(had_last_pass(record, ended("a")));
    EXPECT_FALSE(had_last_pass(record, ended("a", finished + nanoseconds(1))));
    EXPECT_FALSE(had_last_pass(record, ended("a", finished - nanoseconds(1))));
    EXPECT_FALSE(had_last_pass(record, ended("a", finished + seconds(1))));
    EXPECT_FALSE(had_last_pass(record, ended("b")));
    EXPECT_FALSE(had_last_pass(Record{}, ended("a")));
}

TEST(HadLastPass, NeedsAContainerThatHasEnded) {
    const Record record = closed({ended("a")});
    for (const auto state : {ContainerState::running, ContainerState::restarting, ContainerState::paused}) {
        Container again = ended("a"); // docker keeps the time of the end before
        again.state = state;
        EXPECT_FALSE(had_last_pass(record, again)) << name_of(state);
    }
}

TEST(IsClosed, WhenCompleteInItsOwnFileSystem) {
    const Record record = closed({ended("a")});
    EXPECT_TRUE(is_closed(record, ended("a")));
    EXPECT_FALSE(is_closed(record, running("a")));
    EXPECT_FALSE(is_closed(record, ended("a", finished + nanoseconds(1))));
    for (const auto coverage : {Coverage::live, Coverage::cut, Coverage::missed}) {
        Record other = record;
        other.coverage = coverage;
        EXPECT_FALSE(is_closed(other, ended("a"))) << name_of(coverage);
    }
}

TEST(IsClosed, NeverWhereOthersCanWrite) {
    Record on_volume = closed({ended("a")});
    on_volume.volume = "/srv/logs";
    EXPECT_FALSE(is_closed(on_volume, ended("a")));
    Record above_volume = closed({ended("a")});
    above_volume.volumes_below = true;
    EXPECT_FALSE(is_closed(above_volume, ended("a")));
}

TEST(DescribeContainers, TellsOfTheNewest) {
    Container old = ended("old");
    Container newest = running("new");
    newest.pod = "web-1";
    newest.namespace_name = "shop";
    newest.pod_uid = "1234";
    newest.restart_count = "3";
    newest.image = "web:2";
    newest.created = Timestamp{seconds(1795359312)} + nanoseconds(999'999'999);
    newest.started = Timestamp{seconds(1795359313)};
    old.pod = newest.pod;
    old.image = "web:1";
    old.restart_count = "2";
    Record record;
    describe(record, {old, newest});
    EXPECT_EQ(record.containers, (std::vector<std::string>{"old", "new"}));
    EXPECT_EQ(record.pod, "web-1");
    EXPECT_EQ(record.namespace_name, "shop");
    EXPECT_EQ(record.pod_uid, "1234");
    EXPECT_EQ(record.restart_count, "3");
    EXPECT_EQ(record.image, "web:2");
    EXPECT_EQ(record.created, "2026-11-22T14:55:12Z");
    EXPECT_EQ(record.started, "2026-11-22T14:55:13Z");
    EXPECT_EQ(record.finished, ""); // it runs
    EXPECT_EQ(record.coverage, Coverage::live);
}

TEST(DescribeContainers, IsTheSameEachTime) {
    Record record;
    describe(record, {ended("a"), running("b")});
    const Record first = record;
    describe(record, {ended("a"), running("b")});
    EXPECT_EQ(record, first);
}

TEST(DescribeContainers, KeepsWhatItSaysOfTheNewestWhenOnlyAnEarlierOneIsLeft) {
    Container newest = ended("new", finished + seconds(100));
    newest.image = "web:2";
    Container old = ended("old");
    old.image = "web:1";
    Record record = closed({old, newest});
    const Record before = record;
    describe(record, {old}); // the newer one was removed
    EXPECT_EQ(record, before);
}

TEST(DescribeContainers, NotesTheEndAndARestart) {
    Record record;
    describe(record, {running("a")});
    EXPECT_EQ(record.finished, "");
    describe(record, {ended("a")});
    EXPECT_EQ(record.finished, "2026-11-22T14:55:12Z");
    EXPECT_EQ(record.coverage, Coverage::live); // the end alone saves nothing
    EXPECT_EQ(record.containers.size(), 1U);
    describe(record, {running("a")});
    EXPECT_EQ(record.finished, "");
    EXPECT_EQ(record.containers.size(), 1U);
}

TEST(DescribeContainers, KeepsTheNewestFiftyIds) {
    Record record;
    std::vector<std::string> ids;
    for (int i = 0; i < 60; ++i) { // each is removed before the next is made
        const std::string id = "container-" + std::to_string(i);
        describe(record, {ended(id)});
        note_last_pass(record, all_of({ended(id)}), now);
        ids.push_back(id);
        ASSERT_LE(record.containers.size(), 50U);
    }
    EXPECT_EQ(record.containers, std::vector<std::string>(ids.begin() + 10, ids.end()));
    EXPECT_EQ(record.last_passes.size(), 50U);
    EXPECT_FALSE(record.last_passes.contains("container-9"));
    EXPECT_TRUE(record.last_passes.contains("container-10"));
}

TEST(DescribeContainers, FiftyAreKeptWhole) {
    std::vector<Container> containers;
    for (int i = 0; i < 50; ++i)
        containers.push_back(ended("container-" + std::to_string(i), finished + seconds(i)));
    Record record = closed(containers);
    EXPECT_EQ(record.containers.size(), 50U);
    EXPECT_EQ(record.containers.front(), "container-0");
    const Record before = record;
    describe(record, containers);
    EXPECT_EQ(record, before);
}

TEST(DescribeContainers, MoreThanFiftyThatAllExistStayComplete) {
    std::vector<Container> containers;
    for (int i = 0; i < 51; ++i)
        containers.push_back(ended("container-" + std::to_string(i), finished + seconds(i)));
    Record record = closed(containers);
    EXPECT_EQ(record.containers.size(), 51U);
    EXPECT_EQ(record.containers.back(), "container-50");
    describe(record, containers); // nothing has happened
    EXPECT_EQ(record.coverage, Coverage::complete);
    EXPECT_EQ(record.saved_until, now_text);
}

TEST(Coverage, IsLiveAgainWhenAContainerRunsAgainAndCutWhenItIsGone) {
    Record record;
    describe(record, {running("a")});
    EXPECT_EQ(record.coverage, Coverage::live);
    EXPECT_EQ(record.saved_until, "");

    describe(record, {ended("a")});
    note_last_pass(record, all_of({ended("a")}), now);
    EXPECT_EQ(record.coverage, Coverage::complete);
    EXPECT_EQ(record.saved_until, now_text);
    EXPECT_EQ(record.last_passes,
              (std::map<std::string, std::string>{{"a", "2026-11-22T14:55:12.248335762Z"}}));

    describe(record, {ended("a")}); // nothing new
    EXPECT_EQ(record.coverage, Coverage::complete);
    EXPECT_EQ(record.saved_until, now_text);

    describe(record, {running("a")});
    EXPECT_EQ(record.coverage, Coverage::live);
    EXPECT_EQ(record.saved_until, "");
    EXPECT_TRUE(record.last_passes.empty());

    note_gone(record, now);
    EXPECT_EQ(record.coverage, Coverage::cut);
    EXPECT_EQ(record.saved_until, now_text);
}

TEST(Coverage, IsLiveAgainWhenAContainerRanUnseen) {
    Record record = closed({ended("a")});
    describe(record, {ended("a", finished + nanoseconds(1))}); // up and down between two runs
    EXPECT_EQ(record.coverage, Coverage::live);
    EXPECT_EQ(record.saved_until, "");
    EXPECT_TRUE(record.last_passes.empty());
}

TEST(Coverage, OneOfSeveralThatRunsMakesItLive) {
    Record record = closed({ended("a"), ended("b", finished + seconds(1))});
    EXPECT_EQ(record.last_passes.size(), 2U);
    describe(record, {running("a"), ended("b", finished + seconds(1))}); // the earlier one was started again
    EXPECT_EQ(record.coverage, Coverage::live);
    EXPECT_EQ(record.saved_until, "");
    EXPECT_FALSE(record.last_passes.contains("a"));
    EXPECT_TRUE(record.last_passes.contains("b"));
}

TEST(Coverage, ANewContainerMakesItLive) {
    Record record = closed({ended("a")});
    describe(record, {ended("a"), ended("b", finished + seconds(1))});
    EXPECT_EQ(record.coverage, Coverage::live);
    EXPECT_TRUE(record.last_passes.contains("a"));
}

TEST(NoteGrowth, MakesItLive) {
    Record record = closed({ended("a")});
    note_growth(record);
    EXPECT_EQ(record.coverage, Coverage::live);
    EXPECT_EQ(record.saved_until, "");
    EXPECT_TRUE(had_last_pass(record, ended("a"))); // nobody but others writes
}

TEST(NoteFailure, KeepsTheEarlierTime) {
    Record record;
    note_failure(record, earlier);
    EXPECT_EQ(record.saved_until, earlier_text);
    EXPECT_EQ(record.coverage, Coverage::live);
    note_failure(record, now);
    EXPECT_EQ(record.saved_until, earlier_text);
    note_gone(record, now);
    EXPECT_EQ(record.coverage, Coverage::cut);
    EXPECT_EQ(record.saved_until, earlier_text);
}

TEST(NoteFailure, TellsByTheZeroTimeThatNothingIsSaved) {
    Record record;
    note_failure(record, {});
    EXPECT_EQ(record.saved_until, "1970-01-01T00:00:00Z");
    note_failure(record, now); // it is no reason to claim more
    EXPECT_EQ(record.saved_until, "1970-01-01T00:00:00Z");
    note_gone(record, now);
    EXPECT_EQ(record.saved_until, "1970-01-01T00:00:00Z");
}

TEST(NoteGone, LeavesWhatIsCompleteAlone) {
    Record record = closed({ended("a")});
    const Record before = record;
    note_gone(record, now + seconds(60));
    EXPECT_EQ(record, before);
}

TEST(NoteGone, ClaimsNoTimeWhenThereWasNoCompleteRun) {
    Record record;
    note_gone(record, {});
    EXPECT_EQ(record.coverage, Coverage::cut);
    EXPECT_EQ(record.saved_until, "");
}

} // namespace
} // namespace logbackup
