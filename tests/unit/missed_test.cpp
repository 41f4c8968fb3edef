// SPDX-License-Identifier: MIT
#include "runtime/missed.hpp"

#include "runtime/docker/events_json.hpp"
#include "support.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <string>
#include <vector>

namespace logbackup {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;
using test::TempDir;

constexpr Timestamp since{seconds(1795359312)};

/// A container of ours that was made, started and removed, one second after the other.
Life life_of(const std::string& id, Timestamp created = since + seconds(1)) {
    Life life;
    Container& container = life.container;
    container.id = id;
    container.image = "logs:1";
    container.has_service = true;
    container.has_pod = true;
    container.service = "web";
    container.pod = "web-1";
    container.namespace_name = "shop";
    container.pod_uid = "1234";
    container.kind = "container";
    container.created = created;
    container.started = created + seconds(1);
    container.finished = created + seconds(2);
    life.removed = created + seconds(3);
    return life;
}

/// What is known, and what is missed of it.
struct MissedScene {
    History history;
    Discovery discovery;
    std::vector<Record> records;

    Life& lived(const std::string& id, Timestamp created = since + seconds(1)) {
        history.events += 4;
        return history.lives[id] = life_of(id, created);
    }
    void exists(const std::string& id, Timestamp created) {
        Container container;
        container.id = id;
        container.created = created;
        discovery.ids.push_back(id);
        discovery.containers.push_back(container);
    }
    void has_record(const std::vector<std::string>& ids, const std::string& volume = {}) {
        Record record;
        record.service = "web";
        record.instance = "web-1";
        record.containers = ids;
        record.volume = volume;
        records.push_back(record);
    }
    [[nodiscard]] MissedContainers find() const {
        return find_missed(history, discovery, Records(records), since);
    }
    [[nodiscard]] std::string ids() const {
        std::string text;
        for (const auto& missed : find().missed)
            text += missed.container_id + " ";
        return text;
    }
};

TEST(FindMissed, FindsNothingInNothing) {
    const auto result = MissedScene{}.find();
    EXPECT_TRUE(result.missed.empty());
    EXPECT_EQ(result.gap, "");
}

TEST(FindMissed, TellsAllOfAContainerThatLivedUnseen) {
    MissedScene scene;
    scene.lived("a");
    const auto result = scene.find();
    ASSERT_EQ(result.missed.size(), 1U);
    const Missed& missed = result.missed[0];
    EXPECT_EQ(missed.container_id, "a");
    EXPECT_EQ(missed.service, "web");
    EXPECT_EQ(missed.pod, "web-1");
    EXPECT_EQ(missed.namespace_name, "shop");
    EXPECT_EQ(missed.pod_uid, "1234");
    EXPECT_EQ(missed.image, "logs:1");
    EXPECT_EQ(missed.created, since + seconds(1));
    EXPECT_EQ(missed.started, since + seconds(2));
    EXPECT_EQ(missed.died, since + seconds(3));
    EXPECT_EQ(result.gap, "");
}

TEST(FindMissed, NeedsBirthStartAndRemoval) {
    for (const auto forget : std::vector<void (*)(Life&)>{
             [](Life& life) { life.container.created = {}; }, // it is older than the history
             [](Life& life) { life.container.started = {}; }, // it never ran
             [](Life& life) { life.removed = {}; }}) {        // it is there to be saved
        MissedScene scene;
        forget(scene.lived("a"));
        EXPECT_EQ(scene.ids(), "");
    }
}

TEST(FindMissed, TakesTheRemovalForItsDeathWhenItDidNotDieBefore) {
    MissedScene scene;
    scene.lived("a").container.finished = {};
    ASSERT_EQ(scene.find().missed.size(), 1U);
    EXPECT_EQ(scene.find().missed[0].died, since + seconds(4));
}

TEST(FindMissed, LeavesOutWhatExists) {
    MissedScene scene;
    scene.lived("a");
    scene.discovery.ids = {"a"};
    scene.discovery.unreachable = {{"a", "inspect hangs"}};
    EXPECT_EQ(scene.ids(), "");
    scene.discovery.unreachable.clear(); // removed after docker ps, before docker inspect
    EXPECT_EQ(scene.ids(), "a ");
}

TEST(FindMissed, LeavesOutWhatARecordKnows) {
    MissedScene scene;
    scene.lived("a");
    scene.lived("b");
    scene.lived("c");
    scene.has_record({"a", "b"});
    EXPECT_EQ(scene.ids(), "c ");
    EXPECT_EQ(scene.find().gap, "");
}

TEST(FindMissed, LeavesOutWhatIsNotOurs) {
    for (const auto change : std::vector<void (*)(Container&)>{
             [](Container& container) { container.kind = "podsandbox"; },
             [](Container& container) { container.service = "POD"; },
             [](Container& container) { container.has_service = false; },
             [](Container& container) { container.has_pod = false; },
         }) {
        MissedScene scene;
        change(scene.lived("a").container);
        EXPECT_EQ(scene.ids(), "");
    }
}

TEST(FindMissed, LeavesOutHostileLabels) {
    for (const std::string& name :
         {std::string(), std::string("../../etc"), std::string("/etc"), std::string("."), std::string(".."),
          std::string("a\nb"), std::string("a\0b", 3), std::string("\xff"), std::string("\x1b[31m"),
          std::string("A"), std::string(5000, 'a')}) {
        MissedScene scene;
        scene.lived("service").container.service = name;
        scene.lived("pod").container.pod = name;
        if (!name.empty()) // a namespace is not needed
            scene.lived("namespace").container.namespace_name = name;
        scene.lived("well");
        EXPECT_EQ(scene.ids(), "well ") << name;
    }
}

TEST(FindMissed, OrdersByTheTimeOfDeath) {
    MissedScene scene;
    scene.lived("a", since + seconds(30));
    scene.lived("b", since + seconds(10));
    scene.lived("c", since + seconds(20));
    scene.lived("d", since + seconds(5)).container.finished = since + seconds(50);
    scene.lived("e", since + seconds(6)).container.finished = {}; // removed at 9
    EXPECT_EQ(scene.ids(), "e b c a d ");
}

TEST(FindMissedGap, IsThereWhenTheHistoryIsFull) {
    MissedScene scene;
    scene.history.begins = since + seconds(7);
    scene.history.events = most_events - 1;
    EXPECT_EQ(scene.find().gap, "");
    for (const auto events : {most_events, most_events + 1}) {
        scene.history.events = events;
        EXPECT_NE(scene.find().gap.find("since 2026-11-22T14:55:19Z"), std::string::npos) << scene.find().gap;
    }
    EXPECT_EQ(most_events, 256U);
}

TEST(FindMissedGap, StillTellsOfThoseThatAreKnown) {
    MissedScene scene;
    scene.lived("a");
    scene.history.events = most_events;
    EXPECT_EQ(scene.ids(), "a ");
    EXPECT_NE(scene.find().gap, "");
}

TEST(FindMissedGap, IsThereWhenABirthIsNotTold) {
    MissedScene scene;
    scene.exists("a", since + nanoseconds(1));
    EXPECT_NE(scene.find().gap.find("since 2026-11-22T14:55:12Z"), std::string::npos) << scene.find().gap;
    scene.history.lives["a"].container.started = since + seconds(1); // only a later part of its life is told
    EXPECT_NE(scene.find().gap, "");
    scene.history.lives["a"].container.created = since + nanoseconds(1);
    EXPECT_EQ(scene.find().gap, "");
}

TEST(FindMissedGap, AnOlderContainersBirthNeedNotBeTold) {
    MissedScene scene;
    scene.exists("a", since);
    scene.exists("b", since - seconds(100));
    scene.exists("c", {});
    EXPECT_EQ(scene.find().gap, "");
}

TEST(FindMissedGap, IsThereWhenARemovalIsNotTold) {
    MissedScene scene;
    scene.has_record({"a"});
    EXPECT_NE(scene.find().gap, "");
    scene.history.lives["a"].container.finished = since + seconds(1);
    EXPECT_NE(scene.find().gap, "");
    scene.history.lives["a"].removed = since + seconds(2);
    EXPECT_EQ(scene.find().gap, "");
}

TEST(FindMissedGap, ARecordsContainerThatExistsIsNoGap) {
    MissedScene scene;
    scene.has_record({"a"});
    scene.exists("a", since - seconds(10));
    EXPECT_EQ(scene.find().gap, "");
}

TEST(FindMissedGap, VolumesOutliveTheirContainers) {
    MissedScene scene;
    scene.has_record({"a"}, "/srv/logs"); // removed at any time before
    scene.has_record({});
    EXPECT_EQ(scene.find().gap, "");
}

/// The directories of an engine's layers, last changed at `changed`, and a container that has its own there.
class MayHaveChanged : public ::testing::Test {
  protected:
    TempDir dir;
    Discovery discovery;

    void SetUp() override {
        Container without; // one of another storage driver, or that inspect said little of
        without.id = "without";
        Container with;
        with.id = "with";
        with.upper = dir.make_directory("overlay2/f067/diff");
        discovery.containers = {without, with};
        change_at(since);
    }
    void change_at(Timestamp time, const std::string& directory = "overlay2") const {
        const auto nanoseconds_of = time.time_since_epoch().count();
        const timespec exact{nanoseconds_of / 1'000'000'000, nanoseconds_of % 1'000'000'000};
        const std::array<timespec, 2> times{exact, exact};
        ASSERT_EQ(::utimensat(AT_FDCWD, dir.at(directory).c_str(), times.data(), 0), 0);
    }
};

TEST_F(MayHaveChanged, TellsByTheTimeOfTheDirectoryOfLayersToTheNanosecond) {
    change_at(since + nanoseconds(5));
    EXPECT_TRUE(may_have_changed(discovery, since));
    EXPECT_TRUE(may_have_changed(discovery, since + nanoseconds(5)));
    EXPECT_FALSE(may_have_changed(discovery, since + nanoseconds(6)));
    EXPECT_FALSE(may_have_changed(discovery, since + seconds(1)));
}

TEST_F(MayHaveChanged, LooksAtTheLayersOfEachRuntimeThatRemembers) {
    discovery.engines = {{"docker", {}}, {"podman", {}}};
    EXPECT_TRUE(may_have_changed(discovery, since + seconds(1)))
        << "no container tells where podman has its own";
    Container other;
    other.id = "other";
    other.runtime = "podman";
    other.upper = dir.make_directory("storage/overlay/5ba2/diff");
    discovery.containers.push_back(other);
    change_at(since, "storage/overlay");
    EXPECT_FALSE(may_have_changed(discovery, since + seconds(1)));
    change_at(since + seconds(5), "storage/overlay");
    EXPECT_TRUE(may_have_changed(discovery, since + seconds(1)));
    change_at(since, "storage/overlay");
    change_at(since + seconds(5));
    EXPECT_TRUE(may_have_changed(discovery, since + seconds(1)));
    discovery.engines.erase("docker");
    discovery.containers = {other};
    EXPECT_FALSE(may_have_changed(discovery, since + seconds(1)));
}

TEST_F(MayHaveChanged, DoesNotMindWhatHappensInTheContainersOwnDirectories) {
    change_at(since + seconds(100), "overlay2/f067");
    change_at(since + seconds(100), "overlay2/f067/diff");
    EXPECT_FALSE(may_have_changed(discovery, since + seconds(1)));
}

TEST_F(MayHaveChanged, SeesAContainerThatIsMadeOrRemoved) {
    constexpr Timestamp long_ago{seconds(1000)}; // before the clock of any machine
    change_at(long_ago - seconds(1));
    ASSERT_FALSE(may_have_changed(discovery, long_ago));
    dir.make_directory("overlay2/new");
    EXPECT_TRUE(may_have_changed(discovery, long_ago));
    change_at(long_ago - seconds(1));
    ASSERT_FALSE(may_have_changed(discovery, long_ago));
    std::filesystem::remove(dir.at("overlay2/new"));
    EXPECT_TRUE(may_have_changed(discovery, long_ago));
}

TEST_F(MayHaveChanged, IsToBeExpectedWhereNothingTells) {
    const Timestamp far = since + std::chrono::hours(24 * 365);
    EXPECT_FALSE(may_have_changed(discovery, far));
    discovery.containers.pop_back();
    EXPECT_TRUE(may_have_changed(discovery, far));
    EXPECT_TRUE(may_have_changed({}, far));
    discovery.containers.front().upper = dir.at("gone/f067/diff");
    EXPECT_TRUE(may_have_changed(discovery, far));
}

TEST(RecordOfMissed, WritesDownAllThatIsKnown) {
    MissedScene scene;
    scene.lived("a");
    const Record record = record_of(scene.find().missed.at(0));
    EXPECT_EQ(record.service, "web");
    EXPECT_EQ(record.instance, "");
    EXPECT_EQ(record.pod, "web-1");
    EXPECT_EQ(record.namespace_name, "shop");
    EXPECT_EQ(record.pod_uid, "1234");
    EXPECT_EQ(record.image, "logs:1");
    EXPECT_EQ(record.containers, std::vector<std::string>{"a"});
    EXPECT_EQ(record.created, "2026-11-22T14:55:13Z");
    EXPECT_EQ(record.started, "2026-11-22T14:55:14Z");
    EXPECT_EQ(record.finished, "2026-11-22T14:55:15Z");
    EXPECT_EQ(record.coverage, Coverage::missed);
    EXPECT_EQ(record.saved_until, "");
}

/// An instance of the container "web" of a pod.
Container instance(const std::string& count, int created) {
    Container container;
    container.id = "id-" + count;
    container.runtime = "containerd";
    container.service = "web";
    container.pod = "web-1";
    container.pod_uid = "uid-1";
    container.restart_count = count;
    container.created = Timestamp{std::chrono::seconds(1'795'359'400 + created)};
    return container;
}
Record saved(const std::string& count, int created, int finished) {
    Record record;
    record.service = "web";
    record.pod_uid = "uid-1";
    record.restart_count = count;
    record.created = rfc3339(Timestamp{std::chrono::seconds(1'795'359'400 + created)});
    record.finished = rfc3339(Timestamp{std::chrono::seconds(1'795'359'400 + finished)});
    return record;
}

TEST(SkippedRestarts, AreThoseBetweenTwoThatAreKnown) {
    const Container newest = instance("4", 50);
    const auto missed = find_skipped_restarts(newest, {newest}, {saved("0", 0, 5), saved("1", 10, 20)});
    ASSERT_EQ(missed.size(), 2U) << "2 and 3";
    EXPECT_EQ(missed[0].pod, "web-1");
    EXPECT_EQ(missed[0].runtime, "containerd");
    EXPECT_EQ(rfc3339(missed[0].started), saved("", 0, 20).finished);
    EXPECT_EQ(missed[0].died, newest.created);
    EXPECT_NE(missed[0].container_id, missed[1].container_id);
    EXPECT_EQ(find_skipped_restarts(newest, {newest}, {saved("1", 10, 20)})[0].container_id,
              missed[0].container_id)
        << "the same in each run";
}

TEST(SkippedRestarts, AreNoneWhereNothingIsMissingOrKnown) {
    const Container newest = instance("4", 50);
    EXPECT_TRUE(find_skipped_restarts(newest, {newest, instance("3", 40)}, {saved("1", 10, 20)}).empty())
        << "what was missing then was found by an earlier run";
    EXPECT_TRUE(find_skipped_restarts(newest, {newest}, {saved("3", 40, 45)}).empty());
    EXPECT_TRUE(find_skipped_restarts(newest, {newest}, {}).empty()) << "it may be older than the backup";
    Record other = saved("1", 10, 20);
    other.pod_uid = "uid-2";
    EXPECT_TRUE(find_skipped_restarts(newest, {newest}, {other}).empty()) << "another pod of that name";
    for (const auto* odd : {"", "x", "-1", "4 ", "99999999999999999999"}) {
        Container strange = newest;
        strange.restart_count = odd;
        EXPECT_TRUE(find_skipped_restarts(strange, {strange}, {saved("1", 10, 20)}).empty()) << odd;
    }
    Container huge = newest;
    huge.restart_count = "4000000000";
    EXPECT_EQ(find_skipped_restarts(huge, {huge}, {saved("1", 10, 20)}).size(), 20U);
}

} // namespace
} // namespace logbackup
