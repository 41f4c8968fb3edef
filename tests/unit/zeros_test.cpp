// SPDX-License-Identifier: MIT
#include "plan/zeros.hpp"

#include <gtest/gtest.h>

#include <map>

namespace logbackup::zeros_test {
namespace {

using Lines = std::vector<std::string>;

constexpr Timestamp now{std::chrono::seconds(1'700'000'000)};
const std::string stamp = "~20231114T221320Z";
constexpr std::int64_t long_ago = 1'600'000'000'000'000'007;
const std::int64_t just_now = (now - std::chrono::seconds(70)).time_since_epoch().count();

std::string zeros(std::size_t count) {
    return std::string(count, '\0');
}

struct File {
    std::string bytes;
    std::int64_t mtime = long_ago;
};

/// A log directory whose files end in zeros.
struct Scene {
    std::map<std::string, File> source;
    std::map<std::string, File> saved;
    PlanLimits limits{};
    Thoroughness thoroughness = Thoroughness::changes;
    std::size_t looked_at = 0; ///< how often anything was read
    DirectoryPlan made{};

    Lines plan_text() {
        looked_at = 0;
        Content content;
        content.compare = [this](const std::string& path, const std::string& other, std::uint64_t offset,
                                 std::uint64_t length) {
            ++looked_at;
            EXPECT_LE(offset + length, source.at(path).bytes.size());
            EXPECT_LE(offset + length, saved.at(other).bytes.size());
            return Comparison{
                source.at(path).bytes.compare(offset, length, saved.at(other).bytes, offset, length) == 0, 0};
        };
        content.next_data = [](const std::string&, std::uint64_t offset) { return offset; };
        content.data_end = [this](const std::string& path, std::uint64_t begin, std::uint64_t end,
                                  std::uint64_t& budget) {
            ++looked_at;
            const std::string range = source.at(path).bytes.substr(begin, end - begin);
            const auto last = range.find_last_not_of('\0');
            const std::uint64_t found = last == std::string::npos ? begin : begin + last + 1;
            budget -= std::min(budget, end - found);
            return found;
        };
        content.saved_data_end = [this](const std::string& path, std::uint64_t size) {
            ++looked_at;
            EXPECT_EQ(saved.at(path).bytes.size(), size);
            return saved.at(path).bytes.find_last_not_of('\0') + 1;
        };
        content.compare_saved = [this](const std::string& one, const std::string& other,
                                       std::uint64_t length) {
            return Comparison{saved.at(one).bytes.compare(0, length, saved.at(other).bytes, 0, length) == 0,
                              0};
        };
        content.all_saved = [this] { return listing_of(saved); };
        made = plan(listing_of(source), listing_of(saved), content, now, thoroughness, limits);
        Lines text;
        for (const auto& action : made.actions) {
            text.push_back(std::string(name_of(action.kind)) + " " + action.path);
            if (!action.new_path.empty())
                text.back() += " > " + action.new_path;
            if (action.transfers())
                text.back() += " " + std::to_string(action.from) + ".." + std::to_string(action.to) + " of " +
                               std::to_string(action.to + action.zeros);
            else if (action.ends_as_source)
                text.back() += " ends at " + std::to_string(action.to + action.zeros);
        }
        return text;
    }

  private:
    static Listing listing_of(const std::map<std::string, File>& files) {
        Listing listing;
        for (const auto& [path, file] : files) // zeros at the end are a hole
            listing.entries.push_back({path,
                                       FileType::regular,
                                       file.bytes.size(),
                                       file.bytes.find_last_not_of('\0') + 1,
                                       file.mtime,
                                       {}});
        return listing;
    }
};

TEST(Zeros, WhatIsSetAsideIsAHole) {
    Scene scene{{{"app.log", {"line\n" + zeros(8187)}}, {"odd.log", {"line\n" + zeros(4096)}}}, {}};
    EXPECT_EQ(scene.plan_text(), (Lines{"create app.log 0..5 of 8192", "create odd.log 0..5 of 4101"}));
    EXPECT_TRUE(scene.made.actions[0].in_part) << "rsync would bring all of it";
    EXPECT_TRUE(scene.made.actions[0].ends_as_source);
    EXPECT_TRUE(scene.made.failures.empty());
}

TEST(Zeros, LinesThatFillThemAreAppendedAlsoWhenSizeAndTimeAreTheSame) {
    Scene scene{{{"app.log", {"one\ntwo\n" + zeros(8184)}}}, {{"app.log", {"one\n" + zeros(8188)}}}};
    EXPECT_EQ(scene.plan_text(), Lines{"append app.log 4..8 of 8192"});
    scene.saved["app.log"].bytes = "one\n"; // of a run that was killed
    EXPECT_EQ(scene.plan_text(), Lines{"append app.log 4..8 of 8192"});
    scene.saved["app.log"].bytes = "one\ntwo\n";
    EXPECT_EQ(scene.plan_text(), Lines{"retime app.log ends at 8192"});
    scene.saved["app.log"].bytes = scene.source["app.log"].bytes;
    EXPECT_EQ(scene.plan_text(), Lines{});
}

TEST(Zeros, LinesThatFillAllOfThemAreAppended) {
    Scene scene{{{"app.log", {std::string(4096, 'x')}}}, {{"app.log", {"xxx" + zeros(4093)}}}};
    for (const std::size_t size : {4096U, 5000U, 9000U}) {
        scene.source["app.log"] = {std::string(size, 'x'), just_now};
        const auto text = std::to_string(size);
        EXPECT_EQ(scene.plan_text(), Lines{"append app.log 3.." + text + " of " + text});
    }
}

TEST(Zeros, AFileOfZerosOnlyIsAHole) {
    Scene scene{{{"app.log", {zeros(8192)}}}, {}};
    EXPECT_EQ(scene.plan_text(), Lines{"create app.log 0..0 of 8192"});
    scene.saved["app.log"] = {""};
    EXPECT_EQ(scene.plan_text(), Lines{"retime app.log ends at 8192"});
    scene.saved["app.log"] = {zeros(8192)};
    EXPECT_EQ(scene.plan_text(), Lines{});
}

TEST(Zeros, AFewAtTheEndBelongToTheFile) {
    Scene scene{{{"app.log.gz", {"packed" + zeros(3)}},
                 {"page.gz", {std::string(4093, 'x') + zeros(3)}},
                 {"tape", {"bytes" + zeros(1000)}}},
                {}};
    EXPECT_EQ(scene.plan_text(), (Lines{"create app.log.gz 0..9 of 9", "create page.gz 0..4096 of 4096",
                                        "create tape 0..1005 of 1005"}));
}

TEST(Zeros, ThoseInTheMiddleAreSaved) {
    Scene scene{{{"binary", {"head" + zeros(20'000) + "more" + zeros(8192)}}}, {{"binary", {"head"}}}};
    EXPECT_EQ(scene.plan_text(), Lines{"append binary 4..20008 of 28200"});
}

TEST(Zeros, TheSavedFileEndsWhereItsSourceDoes) {
    Scene scene{{{"app.log", {"line\n" + zeros(8187)}}}, {}};
    for (const std::size_t kept : {0U, 1U, 4096U, 20'000U}) {
        scene.saved["app.log"] = {"line\n" + zeros(kept)};
        EXPECT_EQ(scene.plan_text(), Lines{"retime app.log ends at 8192"}) << kept;
    }
    scene.saved["app.log"] = {"line\n" + zeros(8187), long_ago + 1};
    EXPECT_EQ(scene.plan_text(), Lines{"retime app.log"});
    scene.saved["app.log"].mtime = long_ago;
    EXPECT_EQ(scene.plan_text(), Lines{});
    scene.source["app.log"].bytes = "line\n"; // its writer has cut them off
    EXPECT_EQ(scene.plan_text(), Lines{"retime app.log ends at 5"});
}

TEST(Zeros, NothingIsSetAsideWhenTheyAreFilled) {
    for (const bool in_memory : {false, true}) {
        Scene scene{{{"app.log", {"one\ntwo\n" + zeros(8184), in_memory ? long_ago : just_now}}},
                    {{"app.log", {"one\n" + zeros(8188), in_memory ? long_ago : just_now}}}};
        scene.limits.in_memory = in_memory;
        EXPECT_EQ(scene.plan_text(), Lines{"append app.log 4..8 of 8192"});
        scene.saved["app.log"].bytes = scene.source["app.log"].bytes;
        EXPECT_EQ(scene.plan_text(), Lines{});
    }
}

TEST(Zeros, AFileIsLookedAtAgainUntilARunHasSeenItQuiet) {
    const auto seen = [](std::chrono::seconds after, Timestamp last_run) {
        const std::int64_t mtime = (last_run - after).time_since_epoch().count();
        Scene scene{{{"app.log", {std::string(4999, 'x') + "y", mtime}}},
                    {{"app.log", {std::string(5000, 'x'), mtime}}}};
        scene.limits.last_run = last_run;
        return !scene.plan_text().empty();
    };
    using std::chrono::seconds;
    for (const seconds ago : {seconds(120), seconds(600), seconds(86'400)}) {
        EXPECT_TRUE(seen(seconds(20), now - ago)) << "the last run came too early to see all";
        EXPECT_FALSE(seen(seconds(90), now - ago));
    }
    EXPECT_TRUE(seen(seconds(90), now - seconds(60))) << "that run may have failed to look at it";
    EXPECT_FALSE(seen(seconds(121), now - seconds(60)));
}

TEST(Zeros, OfAFileThatCannotHaveChangedNothingIsRead) {
    Scene scene{{{"app.log", {"one\n"}}}, {{"app.log", {"one\n"}}}};
    scene.source["app.log"].bytes = scene.saved["app.log"].bytes = std::string(5000, 'x');
    EXPECT_EQ(scene.plan_text(), Lines{});
    EXPECT_EQ(scene.looked_at, 0U);
    scene.limits.in_memory = true;
    EXPECT_EQ(scene.plan_text(), Lines{});
    EXPECT_GT(scene.looked_at, 0U);
}

TEST(Zeros, AFileThatIsRewrittenBeforeThemIsStillComparedInFull) {
    std::string bytes(5 * window, 'x');
    Scene scene{{{"data", {bytes + zeros(8192), long_ago + 1}}}, {{"data", {bytes}}}};
    EXPECT_EQ(scene.plan_text(), Lines{"retime data ends at 90112"});
    scene.source["data"].bytes[2 * window] = 'y';
    EXPECT_EQ(scene.plan_text().front(), "set aside data > data" + stamp);
}

TEST(Zeros, TheLastPassComparesWhatIsBeforeThem) {
    Scene scene{{{"app.log", {"one\ntwo\n" + zeros(8184)}}}, {{"app.log", {"one\n" + zeros(8188)}}}};
    scene.thoroughness = Thoroughness::everything;
    scene.limits.comparisons.bytes = 10; // it has no limit
    EXPECT_EQ(scene.plan_text(), Lines{"append app.log 4..8 of 8192"});
    scene.saved["app.log"].bytes = scene.source["app.log"].bytes;
    EXPECT_EQ(scene.plan_text(), Lines{});
}

TEST(Zeros, ARotatedFileGoesOnUnderItsNewName) {
    Scene scene{{{"app.log.1", {"one\ntwo\n"}}, {"app.log", {"new\n" + zeros(8188), long_ago + 1}}},
                {{"app.log", {"one\n" + zeros(8188)}}}};
    EXPECT_EQ(scene.plan_text(), (Lines{"rename app.log > app.log.1", "create app.log 0..4 of 8192",
                                        "append app.log.1 4..8 of 8"}));
    scene.saved["app.log"].bytes = "one\ntwo\n" + zeros(8184);
    EXPECT_EQ(scene.plan_text(), (Lines{"rename app.log > app.log.1", "create app.log 0..4 of 8192",
                                        "retime app.log.1 ends at 8"}));
}

TEST(Zeros, OnlyACopyWithAllOfThemMakesAFileNeedless) {
    Scene scene{{{"app.log", {"new\n"}}}, {{"app.log", {"line\n" + zeros(8187)}}}};
    scene.saved["copy"].bytes = "line\n" + zeros(8187);
    EXPECT_EQ(scene.plan_text(), (Lines{"drop app.log > copy", "create app.log 0..4 of 4"}));
    EXPECT_EQ(scene.made.actions[0].from, 8192U);
    scene.saved["copy"].bytes = "line\nmore\n" + zeros(8182);
    EXPECT_EQ(scene.plan_text().front(), "set aside app.log > app.log" + stamp);
}

TEST(Zeros, ARotatedFileThatIsSavedWithThemIsRenamed) {
    Scene scene{{{"app.log.1", {"line\n" + zeros(8187)}}}, {{"app.log", {"line\n" + zeros(8187)}}}};
    EXPECT_EQ(scene.plan_text(), Lines{"rename app.log > app.log.1"});
}

TEST(Zeros, ReadingThemIsBounded) {
    Scene scene{{{"a.log", {"line\n" + zeros(100'000)}}, {"b.log", {"line\n" + zeros(100'000)}}}, {}};
    scene.limits.comparisons.bytes = 150'000;
    EXPECT_EQ(scene.plan_text().size(), 2U);
    EXPECT_TRUE(scene.made.has_reached_limits);
    scene.limits.comparisons.bytes = 300'000;
    EXPECT_EQ(scene.plan_text().size(), 2U);
    EXPECT_FALSE(scene.made.has_reached_limits);
}

} // namespace
} // namespace logbackup::zeros_test
