// SPDX-License-Identifier: MIT
#include "assign_support.hpp"

#include <gtest/gtest.h>

namespace logbackup {
namespace {

using test::assign_in;
using test::at;
using test::Backup;
using test::claim;
using test::directories;
using test::on_volume;
using test::record;

using Names = std::vector<std::string>;

constexpr const char* volume = "/pods/uid/volumes/logs";

/// A container of the pod that mounts the volume.
Claim mounting(const std::string& id, const std::string& service, int created, int finished = 0) {
    Claim result = on_volume(claim(id, created, 7), volume);
    result.service = service;
    result.direct = true;
    result.finished = finished == 0 ? Timestamp{} : at(finished);
    return result;
}

Record of_init(const std::string& id = "i") {
    Record result = record("pod", id, 1, volume);
    result.service = "init";
    result.volume_inode = 7;
    result.has_writer = true;
    return result;
}

const Backup of_init_only{{"init", {{"pod"}, {}, {"pod"}}}};

TEST(AssignTakeover, AContainerThatRunsTakesTheNameOverFromAnInitContainer) {
    for (const bool listed : {true, false}) {
        std::vector<Claim> claims{mounting("w", "web", 5)};
        if (listed)
            claims.push_back(mounting("i", "init", 1, 4));
        const auto result = assign_in(of_init_only, claims, {of_init()}, {"w"});
        EXPECT_EQ(directories(result), Names(claims.size(), "web/pod"));
        EXPECT_EQ(result.of_claim[0].known, RecordId{0}) << "it stands for them";
        EXPECT_EQ(result.of_claim[0].present_as, "init/pod");
        ASSERT_EQ(result.moves.size(), 1U);
        EXPECT_EQ(result.moves[0].old_directory(), "init/pod");
        EXPECT_EQ(result.moves[0].new_directory(), "web/pod");
        EXPECT_EQ(result.moves[0].live, RecordId{0});
    }
}

TEST(AssignTakeover, AFirstRunNamesItAfterWhatRuns) {
    const auto result = assign_in({}, {mounting("i", "init", 1, 4), mounting("w", "web", 5)}, {}, {"w"});
    EXPECT_EQ(directories(result), (Names{"web/pod", "web/pod"}));
    EXPECT_TRUE(result.moves.empty());
}

TEST(AssignTakeover, WhatHasTheNameKeepsItWhileItRunsAndBetweenTwoStarts) {
    // A sidecar that runs.
    auto result =
        assign_in(of_init_only, {mounting("i", "init", 1), mounting("w", "web", 5)}, {of_init()}, {"i", "w"});
    EXPECT_EQ(directories(result), (Names{"init/pod", "init/pod"}));
    // It crashed, and the other one has run beside it.
    result =
        assign_in(of_init_only, {mounting("i", "init", 1, 9), mounting("w", "web", 5)}, {of_init()}, {"w"});
    EXPECT_EQ(directories(result), (Names{"init/pod", "init/pod"}));
    // The other one was restarted meanwhile.
    result = assign_in(of_init_only,
                       {mounting("i", "init", 1, 9), mounting("w", "web", 5, 8), mounting("x", "web", 10)},
                       {of_init()}, {"x"});
    EXPECT_EQ(directories(result), Names(3, "init/pod"));
    // It was restarted.
    result = assign_in(of_init_only,
                       {mounting("i", "init", 1, 3), mounting("j", "init", 4), mounting("w", "web", 5)},
                       {of_init()}, {"j", "w"});
    EXPECT_EQ(directories(result), Names(3, "init/pod"));
    EXPECT_TRUE(result.moves.empty());
}

TEST(AssignTakeover, NothingPassesToAnotherPodOrNamespaceOrToWhoOnlyReads) {
    Claim other_pod = mounting("w", "web", 5);
    other_pod.pod = "other";
    Claim other_namespace = mounting("w", "web", 5);
    other_namespace.namespace_name = "other";
    Claim reader = mounting("w", "web", 5);
    reader.access = MountAccess::read_only;
    Claim linked = mounting("w", "web", 5);
    linked.direct = false;
    const Claim ended = mounting("z", "web", 5, 6);
    for (const auto& claim : {other_pod, other_namespace, reader, linked, ended}) {
        const auto result = assign_in(of_init_only, {mounting("i", "init", 1, 4), claim}, {of_init()}, {"w"});
        EXPECT_EQ(directories(result), (Names{"init/pod", "init/pod"}));
        EXPECT_TRUE(result.moves.empty());
    }
}

TEST(AssignTakeover, ANameThatIsInUseIsNotTaken) {
    const std::vector<Claim> claims{mounting("i", "init", 1, 4), mounting("w", "web", 5)};
    Record own = record("pod", "w", 5); // of its own file system, as another log directory of it
    own.service = "web";
    EXPECT_TRUE(assign_in(of_init_only, claims, {of_init(), own}, {"w"}).moves.empty());
    const Backup of_an_earlier_script{{"init", {{"pod"}, {}, {"pod"}}}, {"web", {{"pod"}, {}, {}}}};
    EXPECT_TRUE(assign_in(of_an_earlier_script, claims, {of_init()}, {"w"}).moves.empty());
    const Backup unreadable{{"init", {{"pod"}, {}, {"pod"}}}, {"web", {{}, {}, {}, "why"}}};
    EXPECT_EQ(directories(assign_in(unreadable, claims, {of_init()}, {"w"})), Names(2, "init/pod"));
}

TEST(AssignTakeover, AnEarlierContainerOfThatNameMovesOn) {
    Record former = record("pod", "v", 0);
    former.service = "web";
    const Backup backup{{"init", {{"pod"}, {}, {"pod"}}}, {"web", {{"pod"}, {}, {"pod"}}}};
    const auto result =
        assign_in(backup, {mounting("i", "init", 1, 4), mounting("w", "web", 5)}, {of_init(), former}, {"w"});
    ASSERT_EQ(result.moves.size(), 2U);
    EXPECT_EQ(result.moves[0].new_directory(), "web/pod@1");
    EXPECT_EQ(result.moves[1].old_directory(), "init/pod");
    EXPECT_EQ(result.moves[1].new_directory(), "web/pod");
}

} // namespace
} // namespace logbackup
