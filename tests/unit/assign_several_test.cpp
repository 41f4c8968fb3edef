// SPDX-License-Identifier: MIT
#include "assign/instance_names.hpp"
#include "assign_support.hpp"

#include <gtest/gtest.h>

namespace logbackup {
namespace {

using namespace test;
using Names = std::vector<std::string>;

/// A log directory that is not its service's first.
Claim further(const std::string& id, int created, std::uint64_t inode) {
    Claim result = claim(id, created, inode);
    result.suffix = "+var+log";
    result.log_directory = "/var/log";
    return result;
}
Record further_record(const std::string& instance, const std::string& id, int created,
                      const std::string& volume = "") {
    Record result = record(instance, id, created, volume);
    result.log_directory = "/var/log";
    return result;
}

/// A container with two log directories.
std::vector<Claim> two(const std::string& id, int created, std::uint64_t inode) {
    return {claim(id, created, inode), further(id, created, inode + 1)};
}
/// The same where the service's log directories are configured in another order.
std::vector<Claim> two_reversed(const std::string& id, int created, std::uint64_t inode) {
    auto claims = two(id, created, inode);
    claims[0].suffix = "+opt+logs";
    claims[1].suffix = "";
    return claims;
}

TEST(AssignSeveral, LieSideBySide) {
    const auto result = assign_in({}, two("a", 1, 10), {});
    EXPECT_EQ(directories(result), (Names{"svc/pod", "svc/pod+var+log"}));
    EXPECT_TRUE(result.moves.empty());
}

TEST(AssignSeveral, ASecondOneChangesNothingOfTheFirst) {
    const std::vector<Record> live{record("pod", "a", 1)};
    for (const auto& running : {std::set<std::string>{"a"}, std::set<std::string>{}}) {
        const auto result = assign_in({{"svc", {{"pod"}, {}, {"pod"}, {}}}}, two("a", 1, 10), live, running);
        EXPECT_EQ(directories(result), (Names{"svc/pod", "svc/pod+var+log"}));
        EXPECT_EQ(result.of_claim[0].known, RecordId{0});
        EXPECT_TRUE(result.of_claim[0].supersedes.empty() && result.of_claim[1].supersedes.empty());
        EXPECT_TRUE(result.moves.empty());
    }
}

TEST(AssignSeveral, KeepTheirNamesInAnotherOrder) {
    const std::vector<Record> live{further_record("pod@1+var+log", "a", 1), record("pod", "a", 1)};
    const auto result = assign_in({}, two_reversed("a", 1, 10), live, {"a"});
    EXPECT_EQ(directories(result), (Names{"svc/pod", "svc/pod@1+var+log"}));
    EXPECT_TRUE(result.moves.empty());
}

TEST(AssignSeveral, OfAContainerNoneTakesTheNameOfAnother) {
    Claim other = further("ended", 1, 11);
    other.suffix = "";
    const Names numbered{"svc/pod@1"};
    auto result = assign_in({}, {other}, {record("pod", "ended", 1)});
    EXPECT_EQ(directories(result), numbered);
    EXPECT_TRUE(result.moves.empty());
    result = assign_in({{"svc", {{"pod"}, {"pod"}, {}, {}}}}, {other}, {});
    EXPECT_EQ(directories(result), numbered);
    EXPECT_TRUE(result.moves.empty());
    other.container_id = "b";
    result = assign_in({{"svc", {{"pod"}, {"pod"}, {}, {}}}}, {other}, {}, {"ended"});
    EXPECT_TRUE(result.moves.empty()) << "the holder runs, although its record has ended";
}

TEST(AssignSeveral, OfARestartOnlyWhatIsItsOwnMoves) {
    auto restarted = two("b", 2, 20);
    restarted[1] = on_volume(restarted[1], "/srv/v");
    const std::vector<Record> live{record("pod", "a", 1), further_record("pod+var+log", "a", 1, "/srv/v")};
    const Backup backup{{"svc", {{"pod", "pod+var+log"}, {}, {}, {}}}};
    const auto result = assign_in(backup, restarted, live, {"b"});
    EXPECT_EQ(directories(result), (Names{"svc/pod", "svc/pod+var+log"}));
    ASSERT_EQ(result.moves.size(), 1U);
    EXPECT_EQ(result.moves[0].from, "pod");
    EXPECT_EQ(result.moves[0].to, "pod@1");
    EXPECT_EQ(result.of_claim[1].known, RecordId{1});
}

TEST(AssignSeveral, OfARestartEachMovesToItsOwnNumber) {
    const std::vector<Record> live{record("pod", "a", 1), further_record("pod+var+log", "a", 1)};
    const Backup backup{{"svc", {{"pod", "pod+var+log"}, {"pod@1", "pod@2"}, {}, {}}}};
    const auto result = assign_in(backup, two("b", 2, 20), live, {"b"});
    EXPECT_EQ(directories(result), (Names{"svc/pod", "svc/pod+var+log"}));
    ASSERT_EQ(result.moves.size(), 2U);
    EXPECT_EQ(result.moves[0].to, "pod@3");
    EXPECT_EQ(result.moves[1].from, "pod+var+log");
    EXPECT_EQ(result.moves[1].to, "pod@1+var+log");
}

TEST(AssignSeveral, AVolumeGoesOnUnderItsNameWhereverItIsMounted) {
    auto claims = two("b", 2, 20);
    claims[1] = on_volume(claims[1], "/srv/v");
    const std::vector<Record> live{record("pod", "a", 1, "/srv/v")};
    const auto result = assign_in({{"svc", {{"pod"}, {}, {}, {}}}}, claims, live, {"b"});
    EXPECT_EQ(directories(result), (Names{"svc/pod@1", "svc/pod"}));
    EXPECT_EQ(result.of_claim[1].known, RecordId{0});
    EXPECT_TRUE(result.moves.empty()) << "a container that runs goes on in it";
}

TEST(AssignSeveral, SavesTwoThatAreOneOnce) {
    auto claims = two("a", 1, 10);
    claims[1].identity = claims[0].identity;
    auto result = assign_in({}, claims, {});
    EXPECT_EQ(result.of_claim[1].holders.front(), claims[0].holder());
    const std::vector<Record> live{record("pod", "a", 1)};
    std::swap(claims[0], claims[1]);
    result = assign_in({}, claims, live, {"a"});
    EXPECT_EQ(result.of_claim[0].holders.front(), claims[1].holder()) << "it goes on where it is recorded";
    EXPECT_EQ(result.of_claim[1].known, RecordId{0});
}

TEST(AssignSeveral, AdoptsAndReopens) {
    const auto ended = [](const std::string&, const std::string& instance) {
        return std::optional(further_record(instance, "a", 1));
    };
    const auto look_up = [](const std::string&) {
        return ServiceDirectory{{"pod", "pod+var+log"}, {"pod+var+log"}, {}, {}};
    };
    auto result = test::assigned(two("a", 1, 10), {}, {"a"}, look_up, ended);
    EXPECT_EQ(directories(result), (Names{"svc/pod", "svc/pod+var+log"}));
    EXPECT_TRUE(result.of_claim[0].adopted);
    EXPECT_TRUE(result.of_claim[1].reopened);
    EXPECT_FALSE(result.of_claim[1].adopted);
    EXPECT_EQ(result.of_claim[1].present_as, "svc/pod+var+log");
    const Backup without_record{{"svc", {{"pod+var+log"}, {}, {}, {}}}};
    result = assign_in(without_record, {further("a", 1, 11)}, {});
    EXPECT_TRUE(result.of_claim[0].adopted);
    EXPECT_EQ(result.of_claim[0].present_as, "svc/pod+var+log");
}

TEST(AssignSeveral, OneThatIsConfiguredAgainGoesOnUnderItsNumber) {
    const auto ended = [](const std::string&, const std::string& instance) {
        return std::optional(instance == "pod@4" ? further_record(instance, "a", 1)
                                                 : record(instance, "other", 1));
    };
    const auto look_up = [](const std::string&) {
        return ServiceDirectory{{"pod", "pod@4"}, {"pod@1", "pod@4"}, {"pod"}, {}};
    };
    const auto result =
        test::assigned(two("a", 1, 10), Records({record("pod", "a", 1)}), {"a"}, look_up, ended);
    EXPECT_EQ(directories(result), (Names{"svc/pod", "svc/pod@4"}));
    ASSERT_TRUE(result.of_claim[1].reopened);
    EXPECT_EQ(result.of_claim[1].reopened->instance, "pod@4");
}

TEST(AssignSeveral, AnotherLogDirectoryDoesNotGoOnInTheFirstOnes) {
    Claim other = claim("a", 1, 10);
    other.log_directory = "/var/log";
    auto result = assign_in({}, {other}, {record("pod", "a", 1)}, {"a"});
    EXPECT_EQ(directories(result), Names{"svc/pod@1"});
    result = assign_in({}, {other}, {further_record("pod", "a", 1)}, {"a"});
    EXPECT_EQ(directories(result), Names{"svc/pod"});
    result = assign_in({}, {on_volume(other, "/srv/v")}, {record("pod", "b", 1, "/srv/v")}, {"a"});
    EXPECT_EQ(directories(result), Names{"svc/pod"});
}

TEST(AssignSeveral, OfTwoVolumesWithOneInodeNumberEachGoesOnInItsOwn) {
    for (const bool swapped : {false, true}) {
        auto claims = two("a", 1, 2);
        claims[0] = on_volume(claims[0], "/srv/v");
        claims[1] = on_volume(claims[1], "/srv/w");
        claims[0].identity = {1, 2};
        claims[1].identity = {2, 2};
        std::vector<Record> live{record("pod", "a", 1, "/srv/v"),
                                 further_record("pod+var+log", "a", 1, "/srv/w")};
        for (auto& known : live)
            known.volume_inode = 2;
        live[1].has_writer = true; // which is asked for first
        if (swapped) {
            std::swap(live[0], live[1]);
            std::swap(claims[0], claims[1]);
        }
        const auto result = assign_in({}, claims, live, {"a"});
        EXPECT_EQ(result.of_claim[0].known, RecordId{0});
        EXPECT_EQ(result.of_claim[1].known, RecordId{1});
    }
}

TEST(AssignSeveral, AVolumeThatWasMovedOnTheHostGoesOnAsItsContainers) {
    Record known = record("pod", "a", 1, "/srv/former");
    known.volume_inode = 10;
    EXPECT_EQ(assign_in({}, {on_volume(claim("a", 1, 10), "/srv/v")}, {known}).of_claim[0].known,
              RecordId{0});
    EXPECT_FALSE(assign_in({}, {on_volume(claim("b", 1, 10), "/srv/v")}, {known}).of_claim[0].known);
}

/// No Kubernetes name has a "+", but other labels can.
TEST(AssignSeveral, APodWithTheNameOfAnotherOnesLogDirectoryHasADirectoryOfItsOwn) {
    Claim forged = claim("x", 3, 30);
    forged.pod = "pod+var+log";
    const std::set<std::string> running{"a", "x"};
    auto claims = two("a", 1, 10);
    claims.push_back(forged);
    auto result = assign_in({}, claims, {}, running);
    EXPECT_EQ(directories(result), (Names{"svc/pod", "svc/pod+var+log", "svc/pod+var+log@1"}));

    // It comes later, and the holder runs no more.
    const std::vector<Record> live{record("pod", "a", 1), further_record("pod+var+log", "a", 1)};
    result = assign_in({}, {forged}, live);
    EXPECT_EQ(directories(result), Names{"svc/pod+var+log@1"});
    EXPECT_TRUE(result.moves.empty()) << "no earlier container of that pod";

    // It was the first.
    Record its = record("pod+var+log", "x", 1);
    its.pod = forged.pod;
    result = assign_in({}, two("a", 2, 10), {its});
    EXPECT_EQ(directories(result), (Names{"svc/pod", "svc/pod@1+var+log"}));
    EXPECT_TRUE(result.moves.empty());
    const auto ended = [&](const std::string&, const std::string&) { return std::optional(its); };
    const auto look_up = [](const std::string&) {
        return ServiceDirectory{{"pod+var+log"}, {"pod+var+log"}, {}, {}};
    };
    result = test::assigned(two("a", 2, 10), {}, {}, look_up, ended);
    EXPECT_EQ(directories(result), (Names{"svc/pod", "svc/pod@1+var+log"}));
    EXPECT_TRUE(result.moves.empty());

    // Its own restart takes its name, and numbers it as its pod's.
    Claim restarted = forged;
    restarted.container_id = "y";
    result = assign_in({}, {restarted}, {its});
    EXPECT_EQ(directories(result), Names{"svc/pod+var+log"});
    ASSERT_EQ(result.moves.size(), 1U);
    EXPECT_EQ(result.moves[0].to, "pod+var+log@1");
}

TEST(AssignSeveral, NoNamePassesToAnotherNamespaceNorFromOneThatRuns) {
    Claim forged = further("b", 2, 20);
    const auto known = further_record("pod+var+log", "a", 1);
    EXPECT_EQ(directories(assign_in({}, {forged}, {known}, {"a", "b"})), Names{"svc/pod@1+var+log"});
    EXPECT_EQ(directories(assign_in({}, {forged}, {known}, {"b"})), Names{"svc/pod+var+log"}) << "a restart";
    forged.namespace_name = "other";
    EXPECT_EQ(directories(assign_in({}, {forged}, {known}, {"b"})), Names{"svc/pod@1+var+log"});
    const Backup ended{{"svc", {{}, {"pod+var+log"}, {}, {}}}};
    EXPECT_EQ(directories(assign_in(ended, {forged}, {}, {"b"})), Names{"svc/pod@1+var+log"});
}

TEST(AssignSeveral, ANameWhoseRecordCannotBeReadIsTaken) {
    const Backup live{{"svc", {{"pod+var+log"}, {}, {"pod+var+log"}, {}}}};
    const auto result = assign_in(live, {further("a", 1, 11)}, {});
    EXPECT_EQ(directories(result), Names{"svc/pod@1+var+log"});
    EXPECT_FALSE(result.of_claim[0].adopted);
    const auto unreadable = test::assigned(
        {further("a", 1, 11)}, {}, {},
        [](const std::string&) {
            return ServiceDirectory{{"pod+var+log"}, {"pod+var+log"}, {}, {}};
        },
        [](const std::string&, const std::string&) { return std::optional<Record>(); });
    EXPECT_EQ(directories(unreadable), Names{"svc/pod@1+var+log"});
    EXPECT_TRUE(unreadable.moves.empty());
}

TEST(AssignSeveral, AWriterGoesOnOnlyUnderANameOfItsPod) {
    Claim writer = on_volume(claim("v", 2, 7), "/srv/v");
    writer.direct = true;
    Record linked = record("pod+x", "s", 1, "/srv/v");
    linked.volume_inode = 7;
    linked.pod = "pod+x";
    auto result = assign_in({}, {writer}, {linked}, {"v"});
    EXPECT_EQ(directories(result), Names{"svc/pod"});
    EXPECT_EQ(result.of_claim[0].supersedes, std::set<RecordId>{RecordId{0}});
    linked.pod = "pod";
    linked.instance = "pod@3+x";
    result = assign_in({}, {writer}, {linked}, {"v"});
    EXPECT_EQ(directories(result), Names{"svc/pod@3+x"});
}

TEST(InstanceNames, AreCutToWhatAFileNameCanBe) {
    const std::string long_path(300, 'p');
    const InstanceName one{"svc", "pod", "+" + long_path + "1"};
    const InstanceName other{"svc", "pod", "+" + long_path + "2"};
    EXPECT_LE(one.instance("@1000000000").size(), 255U);
    EXPECT_TRUE(one.instance("@7").starts_with("pod@7+ppp")) << one.instance("@7");
    EXPECT_NE(one.instance(), other.instance());

    const std::string long_pod(253, 'n');
    const InstanceName first{"svc", long_pod, ""};
    const InstanceName second{"svc", long_pod, "+var+log"};
    const InstanceName longest{"svc", long_pod, one.suffix};
    EXPECT_EQ(first.instance(), long_pod) << "whole while it fits";
    EXPECT_TRUE(second.instance().ends_with("+var+log"));
    const InstanceName another{"svc", long_pod.substr(1) + "m", ""};
    EXPECT_NE(first.instance("@1"), another.instance("@1"));
    for (const auto& name : {first, second, longest})
        for (const std::string number : {"", "@12", "@1000000000"}) {
            EXPECT_LE(name.instance(number).size(), 255U);
            EXPECT_TRUE(is_named_after(name.instance(number), long_pod));
        }
    EXPECT_FALSE(is_named_after("pod-2", "pod"));

    const std::function<ServiceDirectory(const std::string&)> look_up = [&](const std::string&) {
        return ServiceDirectory{{longest.instance("@4"), first.instance("@6")}, {}, {}, {}};
    };
    const Records live;
    InstanceNames names(live, look_up);
    EXPECT_EQ(names.next(longest), longest.instance("@5"));
    EXPECT_EQ(names.next(longest), longest.instance("@6"));
    EXPECT_EQ(names.next(first), first.instance("@7"));
}

} // namespace
} // namespace logbackup
