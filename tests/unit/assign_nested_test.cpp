// SPDX-License-Identifier: MIT
#include "assign_support.hpp"

#include <gtest/gtest.h>

namespace logbackup {
namespace {

using namespace test;
using Names = std::vector<std::string>;

Claim below(Claim claim, const std::string& place) {
    claim.below = place;
    return claim;
}

/// A container with two log directories.
std::vector<Claim> two(const std::string& id, int created, std::uint64_t inode) {
    return {below(claim(id, created, inode), "opt/logs"),
            below(claim(id, created, inode + 1), "var/log/app")};
}

TEST(AssignNested, GivesEachLogDirectoryItsPlace) {
    const auto result = assign_in({}, two("a", 1, 10), {});
    EXPECT_EQ(directories(result), (Names{"svc/pod/opt/logs", "svc/pod/var/log/app"}));
    EXPECT_TRUE(result.moves.empty());
}

TEST(AssignNested, GoesOnUnderTheRecordOfEach) {
    const std::vector<Record> live{record("pod@1/var/log/app", "a", 1), record("pod/opt/logs", "a", 1)};
    const auto result = assign_in({}, two("a", 1, 10), live, {"a"});
    EXPECT_EQ(directories(result), (Names{"svc/pod/opt/logs", "svc/pod@1/var/log/app"}));
    EXPECT_EQ(result.of_claim[0].known, 1U);
    EXPECT_EQ(result.of_claim[1].known, 0U);
    EXPECT_TRUE(result.of_claim[0].supersedes.empty());
}

TEST(AssignNested, OfARestartOnlyWhatIsItsOwnMoves) {
    auto restarted = two("b", 2, 20);
    restarted[1] = on_volume(restarted[1], "/srv/v");
    const std::vector<Record> live{record("pod/opt/logs", "a", 1),
                                   record("pod/var/log/app", "a", 1, "/srv/v")};
    const Backup backup{{"svc", {{"pod", "pod/opt/logs", "pod/var/log/app"}, {}, {}, {}}}};
    const auto result = assign_in(backup, restarted, live, {"b"});
    EXPECT_EQ(directories(result), (Names{"svc/pod/opt/logs", "svc/pod/var/log/app"}));
    ASSERT_EQ(result.moves.size(), 1U);
    EXPECT_EQ(result.moves[0].from, "pod/opt/logs");
    EXPECT_EQ(result.moves[0].to, "pod@1/opt/logs");
    EXPECT_EQ(result.of_claim[1].known, 1U);
}

TEST(AssignNested, NumbersEachLogDirectoryByItself) {
    const std::vector<Record> live{record("pod/opt/logs", "a", 1)};
    const Backup backup{{"svc", {{"pod", "pod@1"}, {"pod@1/opt/logs", "pod@7/var/log/app"}, {}, {}}}};
    const auto result = assign_in(backup, {below(claim("b", 2, 20), "opt/logs")}, live, {"a", "b"});
    EXPECT_EQ(directories(result), Names{"svc/pod@2/opt/logs"});
}

TEST(AssignNested, NeverLiesInAnInstanceNorAnInstanceInIt) {
    // From one to several.
    const std::vector<Record> flat{record("pod", "a", 1)};
    auto result = assign_in({{"svc", {{"pod", "pod@3"}, {}, {}, {}}}}, two("a", 1, 10), flat, {"a"});
    EXPECT_EQ(directories(result), (Names{"svc/pod@4/opt/logs", "svc/pod@4/var/log/app"}))
        << "what is in pod@3 nobody knows";
    EXPECT_TRUE(result.moves.empty());
    EXPECT_EQ(result.of_claim[0].supersedes, std::set<std::size_t>{0U});
    // A directory of before there were records.
    result = assign_in({{"svc", {{"pod"}, {}, {}, {}}}}, two("a", 1, 10), {});
    EXPECT_EQ(directories(result), (Names{"svc/pod@1/opt/logs", "svc/pod@1/var/log/app"}));
    // And back.
    const std::vector<Record> nested{record("pod/opt/logs", "a", 1), record("pod@5/var/log/app", "a", 1)};
    result = assign_in({{"svc", {{"pod", "pod@5"}, {}, {}, {}}}}, {claim("a", 1, 10)}, nested, {"a"});
    EXPECT_EQ(directories(result), Names{"svc/pod@6"});
    EXPECT_EQ(result.of_claim[0].supersedes, (std::set<std::size_t>{0U, 1U}));
    // Both at once.
    auto both = two("a", 1, 10);
    both.push_back(claim("b", 2, 20));
    result = assign_in({}, both, {});
    EXPECT_EQ(std::count_if(result.of_claim.begin(), result.of_claim.end(),
                            [](const Assignment& one) { return one.directory.starts_with("svc/pod@1"); }),
              2);
}

TEST(AssignNested, SavesTwoThatAreOneOnce) {
    auto claims = two("a", 1, 10);
    claims[1].identity = claims[0].identity;
    auto result = assign_in({}, claims, {});
    EXPECT_EQ(result.of_claim[1].shared_with, 0U);
    const std::vector<Record> live{record("pod/opt/logs", "a", 1)};
    std::swap(claims[0], claims[1]);
    result = assign_in({}, claims, live, {"a"});
    EXPECT_EQ(result.of_claim[0].shared_with, 1U) << "it goes on where it is recorded";
    EXPECT_EQ(result.of_claim[1].known, 0U);
}

TEST(AssignNested, AdoptsAndReopens) {
    const Backup adopted{{"svc", {{"pod", "pod/opt/logs"}, {"pod/var/log/app"}, {}, {}}}};
    auto result = assign_in(adopted, two("ended", 1, 10), {});
    EXPECT_TRUE(result.of_claim[0].adopted);
    EXPECT_EQ(result.of_claim[0].directory, "svc/pod/opt/logs");
    ASSERT_TRUE(result.of_claim[1].reopened);
    EXPECT_EQ(result.of_claim[1].directory, "svc/pod/var/log/app");
}

TEST(AssignNested, NeverLiesInAnotherNestedOne) {
    const std::vector<Record> outer{record("pod/opt", "a", 1)};
    auto result = assign_in({{"svc", {{"pod", "pod/opt/logs"}, {"pod@1/opt"}, {}, {}}}},
                            {below(claim("b", 2, 20), "opt/logs")}, outer, {"b"});
    EXPECT_EQ(directories(result), Names{"svc/pod@2/opt/logs"});
    EXPECT_TRUE(result.moves.empty());
    result = assign_in({{"svc", {{"pod", "pod/opt"}, {"pod/opt/logs"}, {}, {}}}},
                       {below(claim("b", 2, 20), "opt")}, {}, {"b"});
    EXPECT_EQ(directories(result), Names{"svc/pod@1/opt"});
    result = assign_in({}, {below(claim("b", 2, 20), "opt-logs")}, outer, {"b"});
    EXPECT_EQ(directories(result), Names{"svc/pod/opt-logs"});
}

TEST(AssignNested, GoesBackToTheNameItHad) {
    const std::vector<Record> flat{record("pod", "ended", 1)};
    const std::vector<Record> sibling{record("pod/x", "ended", 1)};
    const Backup backup{
        {"svc",
         {{"pod", "pod@1", "pod@1/opt/logs"}, {"pod@1/opt/logs", "pod@1/var/log/app", "pod@2/x"}, {}, {}}}};
    const auto result = assign_in(backup, two("ended", 1, 10), flat, {"ended"});
    EXPECT_EQ(directories(result), (Names{"svc/pod@1/opt/logs", "svc/pod@1/var/log/app"}));
    EXPECT_TRUE(result.of_claim[0].reopened);
    EXPECT_EQ(result.of_claim[0].present_as, "svc/pod@1/opt/logs");
    EXPECT_TRUE(result.of_claim[1].reopened);
    EXPECT_EQ(result.of_claim[1].present_as, "");
    const auto other = assign_in(backup, two("ended", 1, 10), sibling, {"ended"});
    EXPECT_FALSE(other.of_claim[0].reopened) << "it has had that all the time, and now another one";
}

TEST(AssignNested, AnotherLogDirectoryDoesNotGoOnInTheFirstOnes) {
    auto other = claim("a", 1, 10);
    other.log_directory = "/var/log/app";
    auto known = record("pod", "a", 1);
    known.log_directory = "/opt/logs";
    auto result = assign_in({}, {other}, {known}, {"a"});
    EXPECT_EQ(directories(result), Names{"svc/pod@1"});
    known.log_directory = "/var/log/app";
    result = assign_in({}, {other}, {known}, {"a"});
    EXPECT_EQ(directories(result), Names{"svc/pod"});
    known.volume = "/srv/v"; // that is the same wherever it is mounted
    known.log_directory = "/opt/logs";
    result = assign_in({}, {on_volume(other, "/srv/v")}, {known}, {"a"});
    EXPECT_EQ(directories(result), Names{"svc/pod"});
}

TEST(AssignNested, OfTwoVolumesWithOneInodeNumberEachGoesOnInItsOwn) {
    for (const char* newer : {"/srv/a", "/srv/z"}) { // whichever comes first
        auto known = record("one", "other", 1, "/srv/v");
        known.service = "other";
        known.volume_inode = 2;
        known.containers = {"gone", "a"};
        auto claims = two("a", 1, 2);
        claims[0] = on_volume(claims[0], newer);
        claims[1] = on_volume(claims[1], "/srv/v");
        claims[0].identity = {newer[5] == 'a' ? 1U : 9U, 2};
        claims[1].identity = {5, 2};
        const auto result = assign_in({}, claims, {known}, {"a"});
        EXPECT_EQ(directories(result), (Names{"svc/pod/opt/logs", "other/one"}));
    }
}

TEST(AssignNested, AWriterEndsWhatItsVolumeWasCalledAtTheOtherPath) {
    auto known = record("pod/opt/logs", "gone", 1, "/srv/v");
    known.has_writer = true;
    auto moved = below(on_volume(claim("b", 2, 10), "/srv/v"), "var/log/app");
    auto result = assign_in({}, {moved}, {known}, {"b"});
    EXPECT_TRUE(result.of_claim[0].supersedes.empty()) << "it may have come by a link";
    moved.direct = true;
    result = assign_in({}, {moved}, {known}, {"b"});
    EXPECT_EQ(directories(result), Names{"svc/pod/var/log/app"});
    EXPECT_EQ(result.of_claim[0].supersedes, std::set<std::size_t>{0U});
}

TEST(AssignNested, PutsNothingBesideWhatAnotherPodSaved) {
    auto forged = below(claim("b", 2, 20), "var/log/app");
    const auto known = record("pod/opt/logs", "a", 1);
    EXPECT_EQ(directories(assign_in({}, {forged}, {known}, {"a", "b"})), Names{"svc/pod@1/var/log/app"});
    EXPECT_EQ(directories(assign_in({}, {forged}, {known}, {"b"})), Names{"svc/pod/var/log/app"})
        << "a restart";
    forged.namespace_name = "other";
    const Names apart{"svc/pod@1/var/log/app"};
    EXPECT_EQ(directories(assign_in({}, {forged}, {known}, {"b"})), apart);
    EXPECT_EQ(directories(assign_in({{"svc", {{}, {"pod/opt/logs"}, {}, {}}}}, {forged}, {}, {"b"})), apart);
    const auto both = assign_in({}, {below(claim("a", 1, 10), "opt/logs"), forged}, {}, {"a", "b"});
    EXPECT_EQ(directories(both), (Names{"svc/pod/opt/logs", "svc/pod@1/var/log/app"}));
}

TEST(AssignNested, IsAWritersAlsoWhereAnotherServiceGoesOnWithIt) {
    const auto known = record("pod", "b", 1, "/srv/v");
    auto reader = on_volume(claim("b", 1, 10), "/srv/v");
    reader.service = "other";
    auto writer = below(on_volume(claim("a", 2, 10), "/srv/v"), "opt/logs"); // it has two by now
    writer.direct = true;
    const auto result = assign_in({}, {reader, writer}, {known}, {"a", "b"});
    EXPECT_EQ(directories(result), (Names{"svc/pod", "svc/pod"}));
    EXPECT_TRUE(result.of_claim[0].is_writer) << "or it ends when another writer comes";
}

} // namespace
} // namespace logbackup
