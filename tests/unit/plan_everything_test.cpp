// SPDX-License-Identifier: MIT
#include "plan/plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace logbackup {
namespace {

using std::chrono::seconds;
using Lines = std::vector<std::string>;

constexpr Timestamp everything_now{seconds(1'700'000'000)};
const std::string everything_stamp = "~20231114T221320Z";
constexpr std::int64_t saved_time = 1'600'000'000'000'000'007;

/// Source and backup as maps from path to content. A source file is younger than what is saved, unless it is
/// one of `same_time`.
struct EverythingScene {
    std::map<std::string, std::string> source;
    std::map<std::string, std::string> saved;
    std::set<std::string> same_time;
    std::set<std::string> unreadable; ///< saved files
    Thoroughness thoroughness = Thoroughness::changes;

    Lines plan_text() {
        Content content;
        content.compare = [this](const std::string& path, const std::string& other, std::uint64_t offset,
                                 std::uint64_t length) {
            return Comparison{source.at(path).compare(offset, length, saved.at(other), offset, length) == 0,
                              0};
        };
        content.next_data = [](const std::string&, std::uint64_t offset) { return offset; };
        content.all_saved = [this] { return listing_of(saved, {}, 0); };
        content.compare_saved = [this](const std::string& one, const std::string& other,
                                       std::uint64_t length) {
            EXPECT_LE(length, saved.at(one).size());
            EXPECT_LE(length, saved.at(other).size());
            if (unreadable.contains(one) || unreadable.contains(other))
                return Comparison{false, EIO};
            return Comparison{saved.at(one).compare(0, length, saved.at(other), 0, length) == 0, 0};
        };
        Listing counterparts = listing_of(saved, {}, 0);
        std::erase_if(counterparts.entries,
                      [this](const Entry& entry) { return !source.contains(entry.path); });
        actions = plan(listing_of(source, same_time, 1), counterparts, content, everything_now, thoroughness)
                      .actions;
        Lines text;
        for (const auto& action : actions) {
            std::string line = std::string(name_of(action.kind)) + " " + action.path;
            if (!action.new_path.empty())
                line += " > " + action.new_path;
            if (action.transfers())
                line += " " + std::to_string(action.from) + ".." + std::to_string(action.to);
            text.push_back(line);
        }
        return text;
    }
    std::vector<Action> actions{};

  private:
    static Listing listing_of(const std::map<std::string, std::string>& files,
                              const std::set<std::string>& unchanged, std::int64_t later) {
        Listing listing;
        for (const auto& [path, bytes] : files)
            listing.entries.push_back({path,
                                       FileType::regular,
                                       bytes.size(),
                                       bytes.size(),
                                       saved_time + (unchanged.contains(path) ? 0 : later),
                                       {}});
        return listing;
    }
};

/// What copytruncate does: the log was copied, cut, and written to again.
EverythingScene copytruncated(const std::string& saved_copy) {
    return {{{"app.log", "new line\n"}, {"app.log.1", saved_copy}},
            {{"app.log", "old line\n"}, {"app.log.1", saved_copy}},
            {"app.log.1"},
            {}};
}

TEST(PlanDrop, DropsWhatAnotherSavedFileBeginsWith) {
    auto scene = copytruncated("old line\nlast line\n");
    EXPECT_EQ(scene.plan_text(), (Lines{"drop app.log > app.log.1", "create app.log 0..9"}));
    EXPECT_EQ(scene.actions[0].from, 9U); // bytes of the dropped file
    EXPECT_EQ(scene.actions[0].bytes(), 0U);
}

TEST(PlanDrop, DropsACopyOfTheSameSize) {
    EXPECT_EQ(copytruncated("old line\n").plan_text(),
              (Lines{"drop app.log > app.log.1", "create app.log 0..9"}));
}

TEST(PlanDrop, KeepsWhatTheOtherHasOnlyAPartOf) {
    EXPECT_EQ(copytruncated("old line").plan_text(),
              (Lines{"set aside app.log > app.log" + everything_stamp, "create app.log 0..9"}));
}

TEST(PlanDrop, KeepsWhatDiffersInAnyByte) {
    const std::string old(10 * window, 'a');
    for (const std::size_t place : {std::size_t{0}, std::size_t{window}, std::size_t{5 * window},
                                    std::size_t{9 * window}, std::size_t{10 * window - 1}}) {
        auto scene = copytruncated(old + "more");
        scene.saved["app.log"] = old;
        EXPECT_EQ(scene.plan_text().front(), "drop app.log > app.log.1");
        scene.saved["app.log"][place] = 'X';
        EXPECT_EQ(scene.plan_text().front(), "set aside app.log > app.log" + everything_stamp) << place;
    }
}

TEST(PlanDrop, KeepsWhatCannotBeCompared) {
    for (const std::string unreadable : {"app.log", "app.log.1"}) {
        auto scene = copytruncated("old line\nlast line\n");
        scene.unreadable = {unreadable};
        EXPECT_EQ(scene.plan_text().front(), "set aside app.log > app.log" + everything_stamp) << unreadable;
    }
}

TEST(PlanDrop, OfTwoThatAreBothDisplacedOneStays) {
    // Were each dropped for the other's sake, nothing would be left.
    EverythingScene scene{
        {{"a.log", "x"}, {"b.log", "y"}}, {{"a.log", "line\n"}, {"b.log", "line\n"}}, {}, {}};
    EXPECT_EQ(scene.plan_text(), (Lines{"drop b.log > a.log", "set aside a.log > a.log" + everything_stamp,
                                        "create a.log 0..1", "create b.log 0..1"}));
}

TEST(PlanDrop, AFileWhoseSourceIsGoneCanBeTheProof) {
    EverythingScene scene{{{"app.log", "new"}}, {{"app.log", "old"}, {"kept.log", "old and more"}}, {}, {}};
    EXPECT_EQ(scene.plan_text(), (Lines{"drop app.log > kept.log", "create app.log 0..3"}));
}

TEST(PlanDrop, IsDoneBeforeTheRenames) {
    // "app.log.1" moves on to "app.log.2"; what proves that "app.log" can go is still called "app.log.1".
    EverythingScene scene{
        {{"app.log", "new"}, {"app.log.1", "other"}, {"app.log.2", "old line\nlast line\n"}},
        {{"app.log", "old line\n"}, {"app.log.1", "old line\nlast line\n"}},
        {},
        {}};
    EXPECT_EQ(scene.plan_text(), (Lines{"drop app.log > app.log.1", "rename app.log.1 > app.log.2",
                                        "create app.log 0..3", "create app.log.1 0..5", "retime app.log.2"}));
}

TEST(PlanDrop, IsDoneBeforeItsProofIsContinued) {
    auto scene = copytruncated("old line\n");
    scene.source["app.log.1"] = "old line\nlast line\n";
    scene.same_time = {};
    EXPECT_EQ(scene.plan_text(),
              (Lines{"drop app.log > app.log.1", "create app.log 0..9", "append app.log.1 9..19"}));
}

TEST(PlanDrop, ARenameIsBetter) {
    // "app.log" goes on as "app.log.2": that says more than that "app.log.1" begins alike.
    EverythingScene scene{{{"app.log", "x"}, {"app.log.1", "old"}, {"app.log.2", "old and more"}},
                          {{"app.log", "old"}, {"app.log.1", "old"}},
                          {"app.log.1"},
                          {}};
    EXPECT_EQ(scene.plan_text(),
              (Lines{"rename app.log > app.log.2", "create app.log 0..1", "append app.log.2 3..12"}));
}

TEST(PlanDrop, DropsSeveralForOneProof) {
    EverythingScene scene{{{"a", "x"}, {"b", "y"}, {"whole", "one two three"}},
                          {{"a", "one"}, {"b", "one two"}, {"whole", "one two three"}},
                          {"whole"},
                          {}};
    EXPECT_EQ(scene.plan_text(),
              (Lines{"drop a > whole", "drop b > whole", "create a 0..1", "create b 0..1"}));
}

TEST(PlanEverything, FindsOtherContentOfTheSameSizeAndTime) {
    std::string content(10 * window, 'a');
    for (const std::size_t place : {std::size_t{0}, std::size_t{5 * window}, content.size() - 1}) {
        EverythingScene scene{{{"app.log", content}}, {{"app.log", content}}, {"app.log"}, {}};
        scene.thoroughness = Thoroughness::everything;
        EXPECT_EQ(scene.plan_text(), Lines{});
        scene.source["app.log"][place] = 'X';
        EXPECT_EQ(scene.plan_text(),
                  (Lines{"set aside app.log > app.log" + everything_stamp, "create app.log 0..163840"}))
            << place;
    }
}

TEST(PlanEverything, FindsWhatDiffersInTheMiddleOfALargerFile) {
    const std::string content(10 * window, 'a');
    EverythingScene scene{{{"app.log", content + "more"}}, {{"app.log", content}}, {}, {}};
    scene.thoroughness = Thoroughness::everything;
    EXPECT_EQ(scene.plan_text(), Lines{"append app.log 163840..163844"});
    scene.source["app.log"][5 * window] = 'X'; // in neither window
    EXPECT_EQ(scene.plan_text(),
              (Lines{"set aside app.log > app.log" + everything_stamp, "create app.log 0..163844"}));
    scene.thoroughness = Thoroughness::changes;
    EXPECT_EQ(scene.plan_text(), Lines{"append app.log 163840..163844"}); // this is what it is for
}

TEST(PlanEverything, DoesNothingWhenAllIsSaved) {
    EverythingScene scene{{{"a", "one"}, {"b/c", "two"}, {"empty", ""}},
                          {{"a", "one"}, {"b/c", "two"}, {"empty", ""}, {"gone", "three"}},
                          {"a", "b/c", "empty"},
                          {}};
    scene.thoroughness = Thoroughness::everything;
    EXPECT_EQ(scene.plan_text(), Lines{});
}

TEST(PlanEverything, RenamesAndDropsAsEver) {
    EverythingScene scene{{{"app.log", "new"}, {"app.log.1", "old and more"}}, {{"app.log", "old"}}, {}, {}};
    scene.thoroughness = Thoroughness::everything;
    EXPECT_EQ(scene.plan_text(),
              (Lines{"rename app.log > app.log.1", "create app.log 0..3", "append app.log.1 3..12"}));
    auto copied = copytruncated("old line\nlast line\n");
    copied.thoroughness = Thoroughness::everything;
    EXPECT_EQ(copied.plan_text(), (Lines{"drop app.log > app.log.1", "create app.log 0..9"}));
}

TEST(PlanEverything, TrustsNoTimeOfARotatedFileEither) {
    // Sizes and times were swapped by whoever rotated them: each still has the other's.
    EverythingScene scene{{{"a", "one"}, {"b", "two"}}, {{"a", "two"}, {"b", "one"}}, {"a", "b"}, {}};
    scene.thoroughness = Thoroughness::everything;
    EXPECT_EQ(scene.plan_text(), (Lines{"rename a > a" + everything_stamp + "", "rename b > a",
                                        "rename a" + everything_stamp + " > b"}));
}

} // namespace
} // namespace logbackup
