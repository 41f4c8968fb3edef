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

TEST(Assign, GivesAFirstContainerThePlainName) {
    const auto result = assign_in({}, {claim("a", 1, 1)}, {});
    EXPECT_EQ(directories(result), Names{"svc/pod"});
    EXPECT_TRUE(result.moves.empty());
    EXPECT_EQ(result.of_claim[0].present_as, "");
    EXPECT_FALSE(result.of_claim[0].known);
    EXPECT_FALSE(result.of_claim[0].adopted);
    EXPECT_EQ(result.places.size(), 1U);
}

TEST(Assign, GivesNothingToNobody) {
    const auto result = assign_in({}, {}, {record("pod", "a", 1)});
    EXPECT_TRUE(result.of_claim.empty());
    EXPECT_TRUE(result.moves.empty());
}

TEST(Assign, KeepsARecordedDirectoryWithoutLookingIntoTheBackup) {
    const auto result = test::assigned(
        {claim("a", 1, 1)}, Records({record("pod", "a", 1)}), {},
        [](const std::string&) -> ServiceDirectory {
            ADD_FAILURE() << "nothing is new";
            return {};
        },
        [](const std::string&, const std::string&) -> std::optional<Record> {
            ADD_FAILURE() << "nothing is new";
            return std::nullopt;
        });
    EXPECT_EQ(directories(result), Names{"svc/pod"});
    EXPECT_EQ(result.of_claim[0].present_as, "svc/pod");
    EXPECT_EQ(result.of_claim[0].known, RecordId{0});
    EXPECT_TRUE(result.moves.empty());
}

TEST(Assign, MovesTheOlderContainerToTheNextNumberOnRestart) {
    const Backup backup{{"svc", {{"pod"}, {}}}};
    const auto result = assign_in(backup, {claim("b", 2, 2)}, {record("pod", "a", 1)});
    EXPECT_EQ(directories(result), Names{"svc/pod"});
    EXPECT_FALSE(result.of_claim[0].adopted) << "that directory is the older one's";
    EXPECT_EQ(result.of_claim[0].present_as, "");
    ASSERT_EQ(result.moves.size(), 1U);
    EXPECT_EQ(result.moves[0].service, "svc");
    EXPECT_EQ(result.moves[0].from, "pod");
    EXPECT_EQ(result.moves[0].to, "pod@1");
    EXPECT_EQ(result.moves[0].live, RecordId{0});
}

TEST(Assign, KnowsWhereAMovedDirectoryStillIs) {
    const Backup backup{{"svc", {{"pod"}, {}}}};
    const auto result = assign_in(backup, {claim("a", 1, 1), claim("b", 2, 2)}, {record("pod", "a", 1)});
    EXPECT_EQ(directories(result), (Names{"svc/pod@1", "svc/pod"}));
    EXPECT_EQ(result.of_claim[0].present_as, "svc/pod");
    EXPECT_EQ(result.of_claim[0].known, RecordId{0});
    EXPECT_EQ(result.of_claim[1].present_as, "");
}

TEST(Assign, CountsOnWithEachRestart) {
    const Backup backup{{"svc", {{"pod", "pod@1", "pod@2"}, {}}}};
    const std::vector<Record> live{record("pod", "c", 3), record("pod@1", "a", 1), record("pod@2", "b", 2)};
    const auto result = assign_in(backup, {claim("d", 4, 4)}, live);
    ASSERT_EQ(result.moves.size(), 1U);
    EXPECT_EQ(result.moves[0].to, "pod@3");
    EXPECT_EQ(result.moves[0].live, RecordId{0});
}

TEST(Assign, CountsAsNumbersAndNotAsText) {
    const Backup backup{{"svc", {{"pod", "pod@9", "pod@10"}, {}}}};
    const auto result = assign_in(backup, {claim("d", 4, 4)}, {record("pod", "c", 3)});
    ASSERT_EQ(result.moves.size(), 1U);
    EXPECT_EQ(result.moves[0].to, "pod@11");
}

TEST(Assign, NumbersTheOlderOnesOfAFirstRunInOrderOfCreation) {
    const auto result = assign_in({}, {claim("x", 3, 3), claim("y", 1, 1), claim("z", 2, 2)}, {});
    EXPECT_EQ(directories(result), (Names{"svc/pod", "svc/pod@1", "svc/pod@2"}));
    EXPECT_TRUE(result.moves.empty());
}

TEST(Assign, IsIndependentOfTheOrderOfTheClaims) {
    const auto result = assign_in({}, {claim("z", 2, 2), claim("x", 3, 3), claim("y", 1, 1)}, {});
    EXPECT_EQ(directories(result), (Names{"svc/pod@2", "svc/pod", "svc/pod@1"}));
}

TEST(Assign, TellsContainersOfOneInstantApartById) {
    for (const bool swapped : {false, true}) {
        std::vector<Claim> claims{claim("a", 1, 1), claim("b", 1, 2)};
        if (swapped)
            std::swap(claims[0], claims[1]);
        const auto result = assign_in({}, claims, {});
        EXPECT_EQ(result.of_claim[swapped ? 1 : 0].directory, "svc/pod@1");
        EXPECT_EQ(result.of_claim[swapped ? 0 : 1].directory, "svc/pod");
    }
}

TEST(Assign, NeverMovesTheDirectoryOfAContainerThatRuns) {
    const Backup backup{{"svc", {{"pod"}, {}}}};
    const auto result = assign_in(backup, {claim("a", 1, 1), claim("forged", 2, 2)}, {record("pod", "a", 1)},
                                  {"a", "forged"});
    EXPECT_EQ(directories(result), (Names{"svc/pod", "svc/pod@1"}));
    EXPECT_TRUE(result.moves.empty());
    EXPECT_FALSE(result.of_claim[1].adopted);
}

TEST(Assign, NeverMovesADirectoryWhoseHolderRunsButCouldNotBeLocated) {
    const Backup backup{{"svc", {{"pod"}, {}}}};
    const auto result = assign_in(backup, {claim("forged", 2, 2)}, {record("pod", "a", 1)}, {"a"});
    EXPECT_EQ(directories(result), Names{"svc/pod@1"});
    EXPECT_TRUE(result.moves.empty());
}

TEST(Assign, GivesThePlainNameAtAFirstRunToWhatRunsLongest) {
    const std::vector<Claim> claims{claim("ended", 1, 1), claim("a", 2, 2), claim("forged", 3, 3)};
    const Backup backup{{"svc", {{"pod"}, {}}}};
    for (const auto& running : {std::set<std::string>{"a", "forged"}, std::set<std::string>{"a"}}) {
        const auto result = assign_in(backup, claims, {}, running);
        EXPECT_EQ(directories(result), (Names{"svc/pod@1", "svc/pod", "svc/pod@2"}));
        EXPECT_TRUE(result.of_claim[1].adopted);
        EXPECT_FALSE(result.of_claim[2].adopted);
    }
}

TEST(Assign, LeavesAnEndedContainersNameToItsNamespace) {
    const Backup backup{{"svc", {{"pod"}, {}}}};
    Claim other = claim("b", 2, 2);
    other.namespace_name = "other";
    const auto result = assign_in(backup, {claim("a", 1, 1), other}, {record("pod", "a", 1)}, {"b"});
    EXPECT_EQ(directories(result), (Names{"svc/pod", "svc/pod@1"}));
    EXPECT_TRUE(result.moves.empty());
}

TEST(Assign, TreatsTheSameNamesInTwoNamespacesAsTwoLogDirectories) {
    const std::set<std::string> running{"a", "b"};
    Claim other = claim("b", 2, 2);
    other.namespace_name = "other";
    auto result = assign_in({}, {claim("a", 1, 1), other}, {}, running);
    EXPECT_EQ(directories(result), (Names{"svc/pod", "svc/pod@1"}));
    result = assign_in({{"svc", {{"pod", "pod@1"}, {}}}}, {claim("a", 1, 1), other},
                       {record("pod", "a", 1), record("pod@1", "b", 2)}, running);
    EXPECT_EQ(directories(result), (Names{"svc/pod", "svc/pod@1"}));
    EXPECT_TRUE(result.moves.empty());
}

TEST(Assign, GivesANumberToAnOlderContainerThatShowsUpLate) {
    const Backup backup{{"svc", {{"pod"}, {}}}};
    const auto result = assign_in(backup, {claim("a", 1, 1)}, {record("pod", "b", 2)});
    EXPECT_EQ(directories(result), Names{"svc/pod@1"});
    EXPECT_TRUE(result.moves.empty());
}

TEST(Assign, LeavesOtherServicesAndPodsAlone) {
    Claim other_service = claim("b", 2, 2);
    other_service.service = "other";
    Claim other_pod = claim("c", 3, 3);
    other_pod.pod = "pod-2";
    const Backup backup{{"svc", {{"pod", "pod@7"}, {}}}};
    const auto result = assign_in(backup, {other_service, other_pod}, {record("pod", "a", 1)});
    EXPECT_EQ(directories(result), (Names{"other/pod", "svc/pod-2"}));
    EXPECT_TRUE(result.moves.empty());
}

TEST(Assign, KeepsTheDirectoryOfAVolumeOverItsContainers) {
    const Backup backup{{"svc", {{"pod"}, {}}}};
    const auto result =
        assign_in(backup, {on_volume(claim("b", 2, 7), "/srv/logs")}, {record("pod", "a", 1, "/srv/logs")});
    EXPECT_EQ(directories(result), Names{"svc/pod"});
    EXPECT_EQ(result.of_claim[0].present_as, "svc/pod");
    EXPECT_EQ(result.of_claim[0].known, RecordId{0});
    EXPECT_TRUE(result.moves.empty());
}

TEST(Assign, TakesAnotherVolumeForAnotherLogDirectory) {
    const Backup backup{{"svc", {{"pod"}, {}}}};
    const auto result =
        assign_in(backup, {on_volume(claim("b", 2, 8), "/srv/new")}, {record("pod", "a", 1, "/srv/logs")});
    EXPECT_EQ(directories(result), Names{"svc/pod"});
    EXPECT_FALSE(result.of_claim[0].known);
    ASSERT_EQ(result.moves.size(), 1U);
    EXPECT_EQ(result.moves[0].to, "pod@1");
}

TEST(Assign, SavesASharedVolumeOnceUnderTheFirstThatMayWrite) {
    Claim reader = read_only(on_volume(claim("r", 1, 7), "/srv/logs"));
    Claim second = on_volume(claim("s", 3, 7), "/srv/logs");
    Claim first = on_volume(claim("f", 2, 7), "/srv/logs");
    reader.service = "reader";
    second.pod = "pod-2";
    first.pod = "pod-1";
    const auto result = assign_in({}, {reader, second, first}, {});
    EXPECT_EQ(directories(result), (Names{"svc/pod-1", "svc/pod-1", "svc/pod-1"}));
    ASSERT_EQ(result.places.size(), 1U);
    EXPECT_EQ(result.places[0].holders, (std::vector{first.holder(), reader.holder(), second.holder()}));
}

TEST(Assign, SavesASharedVolumeUnderWhoIsRecordedAlready) {
    Claim older = on_volume(claim("o", 1, 7), "/srv/a");
    Claim recorded = read_only(on_volume(claim("r", 5, 7), "/srv/b")); // the same directory by another path
    const auto result = assign_in({}, {older, recorded}, {record("pod@4", "r", 5, "/srv/b")});
    EXPECT_EQ(directories(result), (Names{"svc/pod@4", "svc/pod@4"}));
    EXPECT_EQ(result.places[0].holders, (std::vector{recorded.holder(), older.holder()}));
    EXPECT_EQ(result.of_claim[1].known, RecordId{0});
}

TEST(Assign, NamesTheMovedDirectoryToWhoSharesIt) {
    // What "o" and "s" share is moved away in the same run, by a newer pod of the same name.
    Claim recorded = on_volume(claim("o", 1, 7), "/srv/a");
    Claim sharing = on_volume(claim("s", 2, 7), "/srv/a");
    sharing.service = "sidecar";
    const auto result = assign_in({{"svc", {{"pod"}, {}}}}, {recorded, sharing, claim("n", 3, 3)},
                                  {record("pod", "o", 1, "/srv/a")});
    EXPECT_EQ(directories(result), (Names{"svc/pod@1", "svc/pod@1", "svc/pod"}));
}

TEST(Assign, GivesTwoLogDirectoriesThatHadOneVolumePathTwoDirectories) {
    // The host directory was removed and made again; the older container still has the removed one mounted.
    for (const bool recorded : {false, true}) {
        const std::vector<Claim> claims{on_volume(claim("a", 1, 7), "/srv/logs"),
                                        on_volume(claim("b", 2, 8), "/srv/logs")};
        std::vector<Record> live;
        if (recorded)
            live.push_back(record("pod", "a", 1, "/srv/logs"));
        const auto result = assign_in({{"svc", {{"pod"}, {}}}}, claims, live);
        EXPECT_NE(result.of_claim[0].directory, result.of_claim[1].directory) << "recorded: " << recorded;
    }
}

TEST(Assign, AdoptsADirectoryWithoutARecordForTheNewest) {
    const Backup backup{{"svc", {{"pod"}, {}}}};
    const auto result = assign_in(backup, {claim("a", 1, 1), claim("b", 2, 2)}, {});
    EXPECT_EQ(directories(result), (Names{"svc/pod@1", "svc/pod"}));
    EXPECT_FALSE(result.of_claim[0].adopted);
    EXPECT_TRUE(result.of_claim[1].adopted);
    EXPECT_EQ(result.of_claim[1].present_as, "svc/pod");
    EXPECT_TRUE(result.moves.empty());
}

TEST(Assign, MovesAnEndedLogDirectoryAway) {
    const Backup backup{{"svc", {{"pod"}, {"pod"}}}};
    const auto result = assign_in(backup, {claim("b", 2, 2)}, {});
    EXPECT_EQ(directories(result), Names{"svc/pod"});
    EXPECT_FALSE(result.of_claim[0].adopted);
    ASSERT_EQ(result.moves.size(), 1U);
    EXPECT_EQ(result.moves[0].from, "pod");
    EXPECT_EQ(result.moves[0].to, "pod@1");
    EXPECT_FALSE(result.moves[0].live);
}

TEST(Assign, NeverUsesANumberAgainThatOnlyAnEndedRecordHas) {
    const Backup backup{{"svc", {{"pod"}, {"pod@5"}}}};
    const auto result = assign_in(backup, {claim("b", 2, 2)}, {record("pod", "a", 1)});
    ASSERT_EQ(result.moves.size(), 1U);
    EXPECT_EQ(result.moves[0].to, "pod@6");
}

TEST(Assign, NeverUsesANumberAgainThatOnlyALiveRecordHas) {
    const Backup backup{{"svc", {{"pod"}, {}}}};
    const auto result =
        assign_in(backup, {claim("c", 3, 3)}, {record("pod", "a", 1), record("pod@2", "b", 2)});
    ASSERT_EQ(result.moves.size(), 1U);
    EXPECT_EQ(result.moves[0].to, "pod@3");
}

TEST(Assign, GivesSeveralNewOnesAndTheMovedOneDifferentNumbers) {
    const Backup backup{{"svc", {{"pod"}, {}}}};
    const auto result =
        assign_in(backup, {claim("d", 4, 4), claim("b", 2, 2), claim("c", 3, 3)}, {record("pod", "a", 1)});
    ASSERT_EQ(result.moves.size(), 1U);
    EXPECT_EQ(directories(result), (Names{"svc/pod", "svc/pod@2", "svc/pod@3"}));
    EXPECT_EQ(result.moves[0].to, "pod@1");
}

TEST(Assign, TakesAnUnknownTimeOfCreationForTheOldest) {
    Claim unknown = claim("u", 0, 1);
    unknown.created = {};
    const auto result = assign_in({{"svc", {{"pod"}, {}}}}, {unknown}, {record("pod", "a", 1)});
    EXPECT_EQ(directories(result), Names{"svc/pod@1"});
}

TEST(Assign, ComparesTimesToTheSecondThatARecordKeeps) {
    Claim newer = claim("n", 1, 2);
    newer.created += std::chrono::milliseconds(900);
    const auto result = assign_in({{"svc", {{"pod"}, {}}}}, {newer}, {record("pod", "a", 1)});
    EXPECT_EQ(directories(result), Names{"svc/pod"});
    ASSERT_EQ(result.moves.size(), 1U);
}

TEST(Assign, TakesWhatIsPutInThePlaceOfAVolumeForAnotherLogDirectory) {
    Record victim = record("pod", "a", 1, "/srv/logs");
    victim.volume_inode = 7;
    Claim other = on_volume(claim("b", 2, 8), "/srv/logs");
    other.service = "evil";
    // The victim's directory was moved away, so that no path leads to it.
    const auto result = assign_in({{"svc", {{"pod"}, {}}}}, {claim("a", 1, 7), other}, {victim}, {"a", "b"});
    EXPECT_EQ(directories(result), (Names{"svc/pod", "evil/pod"}));
    EXPECT_EQ(result.of_claim[0].known, RecordId{0});
    EXPECT_FALSE(result.of_claim[1].known);
    EXPECT_TRUE(result.moves.empty());
}

TEST(Assign, LeavesAnEndedDirectorysNameToItsNamespace) {
    const Backup backup{{"svc", {{"pod"}, {"pod"}}}};
    const auto ended = [](const std::string&, const std::string& instance) {
        return instance == "pod" ? std::optional(record("pod", "a", 1)) : std::nullopt;
    };
    const auto look_up = [&](const std::string& service) { return backup.at(service); };
    Claim other = claim("b", 2, 2);
    EXPECT_EQ(directories(test::assigned({other}, {}, {"b"}, look_up, ended)), Names{"svc/pod"});
    other.namespace_name = "other";
    const auto result = test::assigned({other}, {}, {"b"}, look_up, ended);
    EXPECT_EQ(directories(result), Names{"svc/pod@1"});
    EXPECT_TRUE(result.moves.empty());
}

TEST(Assign, ReopensTheDirectoryOfAContainerThatIsThereAgain) {
    const Backup backup{{"svc", {{"pod"}, {"pod"}}}};
    const auto ended = [](const std::string&, const std::string&) {
        return std::optional(record("pod", "a", 1));
    };
    const auto result = test::assigned(
        {claim("a", 1, 1), claim("b", 2, 2)}, {}, {"a", "b"},
        [&](const std::string& service) { return backup.at(service); }, ended);
    EXPECT_EQ(directories(result), (Names{"svc/pod", "svc/pod@1"}));
    ASSERT_TRUE(result.of_claim[0].reopened);
    EXPECT_EQ(result.of_claim[0].present_as, "svc/pod");
    EXPECT_FALSE(result.of_claim[0].adopted);
    EXPECT_TRUE(result.moves.empty());
}

TEST(Assign, CountsNoFurtherThanItCan) {
    const Backup backup{{"svc", {{"pod", "pod@18446744073709551615", "pod@99999999999999999999"}, {}}}};
    const auto result =
        assign_in(backup, {claim("b", 2, 2), claim("c", 1, 3)}, {record("pod", "a", 3)}, {"a"});
    EXPECT_EQ(directories(result), (Names{"svc/pod@2", "svc/pod@1"}));
}

} // namespace
} // namespace logbackup
