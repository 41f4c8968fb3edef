// SPDX-License-Identifier: MIT
#include "plan/plan.hpp"

#include <gtest/gtest.h>

#include <map>

namespace logbackup {
namespace {

constexpr Timestamp rename_now{std::chrono::seconds(1'700'000'000)};
const std::string rename_stamp = "~20231114T221320Z";

using Contents = std::map<std::string, std::string>;

/// Plans with every file of the source younger than what is saved.
class RenameScene {
  public:
    RenameScene(Contents source, Contents saved) : source_(std::move(source)), saved_(std::move(saved)) {}

    /// Actions as text, one each.
    std::vector<std::string> plan_text() {
        Content content;
        content.compare = [this](const std::string& source, const std::string& saved, std::uint64_t offset,
                                 std::uint64_t length) {
            return Comparison{
                source_.at(source).compare(offset, length, saved_.at(saved), offset, length) == 0, 0};
        };
        content.next_data = [](const std::string&, std::uint64_t offset) { return offset; };
        content.all_saved = [this] {
            ++full_listings;
            return listing_of(saved_, 1);
        };
        Listing counterparts;
        for (const auto& entry : listing_of(saved_, 1).entries)
            if (source_.contains(entry.path))
                counterparts.entries.push_back(entry);
        std::vector<std::string> text;
        for (const auto& action : plan(listing_of(source_, 2), counterparts, content, rename_now).actions) {
            std::string line = std::string(name_of(action.kind)) + " " + action.path;
            if (!action.new_path.empty())
                line += " > " + action.new_path;
            if (action.transfers())
                line += " " + std::to_string(action.from) + ".." + std::to_string(action.to);
            text.push_back(line);
        }
        return text;
    }

    int full_listings = 0;

  private:
    static Listing listing_of(const Contents& files, std::int64_t mtime) {
        Listing listing;
        for (const auto& [path, bytes] : files)
            listing.entries.push_back(
                {path, FileType::regular, bytes.size(), bytes.size(), mtime * 1'000'000'001, {}});
        return listing;
    }
    Contents source_;
    Contents saved_;
};

using Lines = std::vector<std::string>;

TEST(PlanRename, ARotatedFileIsRenamedAndContinued) {
    RenameScene scene({{"app.log", "new"}, {"app.log.1", "old line\nlast line\n"}},
                      {{"app.log", "old line\n"}});
    EXPECT_EQ(scene.plan_text(),
              (Lines{"rename app.log > app.log.1", "create app.log 0..3", "append app.log.1 9..19"}));
}

TEST(PlanRename, AnIndexThatShiftsIsAChain) {
    RenameScene scene({{"l", "d"}, {"l.1", "cc"}, {"l.2", "bbb"}, {"l.3", "aaaa"}},
                      {{"l", "cc"}, {"l.1", "bbb"}, {"l.2", "aaaa"}, {"l.3", "gone"}});
    EXPECT_EQ(scene.plan_text(),
              (Lines{"set aside l.3 > l.3" + rename_stamp, "rename l.2 > l.3", "rename l.1 > l.2",
                     "rename l > l.1", "create l 0..1", "retime l.1", "retime l.2", "retime l.3"}));
}

TEST(PlanRename, ASwapGoesThroughANameAside) {
    RenameScene scene({{"a", "second, longer"}, {"b", "first"}}, {{"a", "first"}, {"b", "second, longer"}});
    EXPECT_EQ(scene.plan_text(), (Lines{"rename a > a" + rename_stamp + "", "rename b > a",
                                        "rename a" + rename_stamp + " > b", "retime a", "retime b"}));
}

TEST(PlanRename, ACycleOfThree) {
    RenameScene scene({{"a", "c"}, {"b", "a"}, {"c", "b"}}, {{"a", "a"}, {"b", "b"}, {"c", "c"}});
    EXPECT_EQ(scene.plan_text(),
              (Lines{"rename a > a" + rename_stamp + "", "rename c > a", "rename b > c",
                     "rename a" + rename_stamp + " > b", "retime a", "retime b", "retime c"}));
}

TEST(PlanRename, TheCopyOfACopytruncateTakesOverWhatIsSaved) {
    RenameScene scene({{"app.log", "x"}, {"app.log.1", "all of it and more"}}, {{"app.log", "all of it"}});
    EXPECT_EQ(scene.plan_text(),
              (Lines{"rename app.log > app.log.1", "create app.log 0..1", "append app.log.1 9..18"}));
}

TEST(PlanRename, IntoAndOutOfSubdirectories) {
    RenameScene scene({{"old/app-1.log", "one"}, {"app-2.log", "two"}},
                      {{"app.log", "one"}, {"tmp/app.log", "two"}});
    EXPECT_EQ(scene.plan_text(), (Lines{"rename app.log > old/app-1.log", "rename tmp/app.log > app-2.log",
                                        "retime app-2.log", "retime old/app-1.log"}));
}

TEST(PlanRename, WhatWasSetAsideIsFoundAgain) {
    RenameScene scene({{"app.log", "new"}, {"app.log.1", "old line\n"}},
                      {{"app.log", "new"}, {"app.log~20231114T221319Z", "old line\n"}});
    EXPECT_EQ(scene.plan_text(),
              (Lines{"rename app.log~20231114T221319Z > app.log.1", "retime app.log", "retime app.log.1"}));
}

TEST(PlanRename, TheLongestPrefixIsTaken) {
    RenameScene scene({{"new", "a long common text"}}, {{"x", "a"}, {"y", "a long common"}, {"z", "a long"}});
    EXPECT_EQ(scene.plan_text(), (Lines{"rename y > new", "append new 13..18"}));
}

TEST(PlanRename, APrefixIsComparedInFull) {
    std::string bytes(10 * window, 'x');
    std::string other = bytes;
    other[5 * window] = 'y'; // outside the windows
    RenameScene scene({{"new", bytes + "more"}}, {{"old", other}});
    EXPECT_EQ(scene.plan_text(), Lines{"create new 0..163844"});
}

TEST(PlanRename, WhatItsOwnSourceStillContinuesStays) {
    RenameScene scene({{"app.log", "line\nline\n"}, {"copy.log", "line\nline\n"}}, {{"app.log", "line\n"}});
    EXPECT_EQ(scene.plan_text(), (Lines{"append app.log 5..10", "create copy.log 0..10"}));
}

TEST(PlanRename, EmptyFilesMatchNothing) {
    RenameScene scene({{"new", "x"}, {"new-empty", ""}}, {{"old", ""}});
    EXPECT_EQ(scene.plan_text(), (Lines{"create new 0..1", "create new-empty 0..0"}));
}

TEST(PlanRename, TheInstanceDirectoryIsListedOnlyWhenAFileIsNew) {
    RenameScene grown({{"app.log", "line\nline\n"}}, {{"app.log", "line\n"}});
    EXPECT_EQ(grown.plan_text(), Lines{"append app.log 5..10"});
    EXPECT_EQ(grown.full_listings, 0);
}

} // namespace
} // namespace logbackup
