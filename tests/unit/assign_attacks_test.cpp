// SPDX-License-Identifier: MIT
#include "assign_support.hpp"

#include <gtest/gtest.h>

namespace logbackup {
namespace {

using test::assign_in;
using test::Backup;
using test::claim;
using test::directories;
using test::on_volume;
using test::read_only;
using test::record;

using Names = std::vector<std::string>;
using Ids = std::set<RecordId>;

const std::string srv = "/srv/logs";

/// Given the volume to write to.
Claim victim(const std::string& id = "v", int created = 2) {
    Claim result = on_volume(claim(id, created, 7), srv);
    result.direct = true;
    return result;
}

/// Has a link to the same directory.
Claim spy(int created = 1) {
    Claim result = on_volume(claim("s", created, 7), srv);
    result.service = "spy";
    return result;
}

Record spys_record() {
    Record result = record("pod", "s", 1, srv);
    result.service = "spy";
    result.volume_inode = 7;
    return result;
}

Record victims_record() {
    Record result = record("pod", "v", 2, srv);
    result.volume_inode = 7;
    result.has_writer = true;
    return result;
}

const Backup of_spy{{"spy", {{"pod"}, {}, {"pod"}}}};

TEST(AssignAttacks, NobodyGetsANameWhoseRecordCannotBeRead) {
    const Backup backup{{"svc", {{"pod"}, {}, {"pod"}}}};
    for (const bool runs : {false, true}) {
        const auto result = assign_in(backup, {claim("a", 1, 1), claim("b", 2, 2)}, {},
                                      runs ? std::set<std::string>{"a", "b"} : std::set<std::string>{});
        EXPECT_EQ(directories(result), (Names{"svc/pod@1", "svc/pod@2"}));
        EXPECT_TRUE(result.moves.empty());
        for (const auto& place : result.of_claim) {
            EXPECT_FALSE(place.adopted);
            EXPECT_EQ(place.present_as, "");
            EXPECT_EQ(place.problem, "");
        }
    }
}

TEST(AssignAttacks, NobodyGetsANumberWhoseRecordCannotBeRead) {
    const Backup backup{{"svc", {{"pod"}, {}, {"pod", "pod@3"}}}};
    const auto result = assign_in(backup, {claim("b", 2, 2)}, {record("pod", "a", 1)});
    EXPECT_EQ(directories(result), Names{"svc/pod"});
    ASSERT_EQ(result.moves.size(), 1U);
    EXPECT_EQ(result.moves[0].to, "pod@4");
}

TEST(AssignAttacks, NobodyGetsANameWhoseEndedRecordCannotBeRead) {
    const auto result = test::assigned(
        {claim("a", 1, 1)}, {}, {"a"},
        [](const std::string&) {
            return ServiceDirectory{{"pod"}, {"pod"}};
        },
        [](const std::string&, const std::string&) { return std::optional<Record>(); });
    EXPECT_EQ(directories(result), Names{"svc/pod@1"});
    EXPECT_TRUE(result.moves.empty());
    EXPECT_FALSE(result.of_claim[0].adopted);
}

TEST(AssignAttacks, NothingNewIsSavedWhereNamesCannotBeRead) {
    const Backup backup{{"svc", {{}, {}, {}, "why"}}};
    Claim sharing = on_volume(claim("c", 3, 3), srv);
    sharing.service = "other";
    Claim second_of_b = claim("b", 2, 3);
    second_of_b.log_directory = "/var/log";
    const auto result =
        assign_in(backup, {claim("a", 1, 1), claim("b", 2, 2), on_volume(second_of_b, srv), sharing},
                  {record("pod", "a", 1)});
    EXPECT_EQ(directories(result), (Names{"svc/pod", "", "", ""}));
    EXPECT_EQ(result.of_claim[0].problem, "");
    for (std::size_t i = 1; i < 4; ++i)
        EXPECT_EQ(result.of_claim[i].problem, "why") << i;
    EXPECT_TRUE(result.moves.empty());
}

TEST(AssignAttacks, ALinkGivesWayToAWriterThatComesLater) {
    for (const bool reads : {false, true}) {
        Claim reader = read_only(spy());
        reader.direct = true;
        const auto result = assign_in(of_spy, {reads ? reader : spy(), victim()}, {spys_record()});
        EXPECT_EQ(directories(result), (Names{"svc/pod", "svc/pod"}));
        EXPECT_EQ(result.of_claim[0].holders.front(), victim().holder());
        EXPECT_FALSE(result.of_claim[1].known);
        EXPECT_EQ(result.of_claim[1].present_as, "");
        EXPECT_TRUE(result.of_claim[1].is_writer);
        EXPECT_EQ(result.of_claim[1].supersedes, Ids{RecordId{0}});
        EXPECT_TRUE(result.moves.empty());
    }
}

TEST(AssignAttacks, ALinkByAnotherPathGivesWayToo) {
    Claim linked = spy();
    linked.volume = "/data/logs";
    Record its = spys_record();
    its.volume = linked.volume;
    const auto result = assign_in(of_spy, {linked, victim()}, {its});
    EXPECT_EQ(directories(result), (Names{"svc/pod", "svc/pod"}));
    EXPECT_EQ(result.of_claim[1].supersedes, Ids{RecordId{0}});
}

TEST(AssignAttacks, ALinkGivesWayAlsoWhereItIsOlderAtTheFirstRun) {
    const auto result = assign_in({}, {spy(), victim()}, {});
    EXPECT_EQ(directories(result), (Names{"svc/pod", "svc/pod"}));
    EXPECT_TRUE(result.of_claim[1].supersedes.empty());
}

TEST(AssignAttacks, AWriterKeepsItsDirectoryFromALink) {
    const Backup backup{{"svc", {{"pod"}, {}, {"pod"}}}};
    for (const int created : {1, 3}) {
        const auto result = assign_in(backup, {spy(created), victim()}, {victims_record()});
        EXPECT_EQ(directories(result), (Names{"svc/pod", "svc/pod"}));
        EXPECT_EQ(result.of_claim[1].known, RecordId{0});
        EXPECT_TRUE(result.of_claim[1].supersedes.empty());
    }
}

// A run was killed after the writer's record was written and before the other was ended.
TEST(AssignAttacks, OfTwoRecordsTheWritersCounts) {
    for (const bool swapped : {false, true}) {
        std::vector<Record> live{spys_record(), victims_record()};
        if (swapped)
            std::swap(live[0], live[1]);
        const std::size_t others = swapped ? 1 : 0;
        const auto result = assign_in({}, {spy(), victim()}, live);
        EXPECT_EQ(directories(result), (Names{"svc/pod", "svc/pod"}));
        EXPECT_EQ(result.of_claim[1].known, RecordId{1 - others});
        EXPECT_EQ(result.of_claim[1].supersedes, Ids{RecordId{others}});
        const auto alone = assign_in({}, {spy()}, live);
        EXPECT_EQ(directories(alone), Names{"svc/pod"});
    }
}

TEST(AssignAttacks, WritersGoOnInTheDirectoryOfAWriterThatIsGone) {
    Claim another = victim("w", 3);
    another.service = "another";
    const auto result = assign_in({}, {spy(), another}, {victims_record()});
    EXPECT_EQ(directories(result), (Names{"svc/pod", "svc/pod"}));
    EXPECT_EQ(result.of_claim[1].holders.front(), another.holder());
    EXPECT_TRUE(result.of_claim[1].supersedes.empty());
}

TEST(AssignAttacks, AWriterGoesOnUnderItsOwnName) {
    for (const std::string instance : {"pod", "pod@12"}) {
        Record own = victims_record(); // from before it was given the volume to write to
        own.has_writer = false;
        own.instance = instance;
        const auto result = assign_in({}, {spy(), victim()}, {own});
        EXPECT_EQ(directories(result), (Names{"svc/" + instance, "svc/" + instance}));
        EXPECT_EQ(result.of_claim[1].known, RecordId{0});
        EXPECT_TRUE(result.of_claim[1].is_writer);
    }
}

TEST(AssignAttacks, ANewerLinkWithForgedNamesDoesNotStandForTheWriter) {
    Claim forged = spy(5);
    forged.service = "svc";
    const auto result = assign_in({}, {forged, victim()}, {victims_record()});
    EXPECT_EQ(result.of_claim[0].holders.front(), victim().holder());
    EXPECT_EQ(result.places.size(), 1U);
}

TEST(AssignAttacks, ARecordInUseIsNotSuperseded) {
    // The path is another directory by now, and the record is from when inodes were not written down.
    Record old = spys_record();
    old.volume_inode = 0;
    Claim former = spy(3);
    former.identity.inode = 8;
    former.log_directory = "/former";
    const auto result = assign_in(of_spy, {former, spy(), victim()}, {old});
    EXPECT_EQ(result.of_claim[0].known, RecordId{0});
    EXPECT_EQ(directories(result), (Names{"spy/pod", "svc/pod", "svc/pod"}));
    EXPECT_TRUE(result.of_claim[2].supersedes.empty());
}

} // namespace
} // namespace logbackup
