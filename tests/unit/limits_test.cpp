// SPDX-License-Identifier: MIT
#include "plan/limits.hpp"

#include "plan/plan.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>

namespace logbackup {
namespace {

constexpr std::uint64_t GiB = 1ULL << 30U;

Action create(const std::string& path, std::uint64_t to, std::uint64_t data_from = 0) {
    return {ActionKind::create, path, {}, 0, data_from, to, 0, 0};
}
Action cut(Action action, std::uint64_t to) {
    action.to = to;
    action.in_part = true;
    return action;
}

TEST(LimitBytes, LeavesWhatFits) {
    DirectoryPlan plan;
    plan.actions = {create("a", 10), create("b", 0), {ActionKind::append, "c", {}, 5, 5, 15, 0, 0}};
    const auto before = plan.actions;
    limit_bytes(plan, 20);
    EXPECT_EQ(plan.actions, before);
    EXPECT_TRUE(plan.failures.empty());
}

TEST(LimitBytes, SmallFilesComeFirstAndThenAPartOfTheNext) {
    DirectoryPlan plan;
    plan.actions = {create("huge", 1000),
                    create("large", 100),
                    {ActionKind::rename, "x", "y", 0, 0, 0, 0, 0},
                    create("small", 10),
                    create("empty", 0)};
    limit_bytes(plan, 50);
    EXPECT_EQ(plan.actions, (std::vector<Action>{cut(create("large", 100), 40),
                                                 {ActionKind::rename, "x", "y", 0, 0, 0, 0, 0},
                                                 create("small", 10),
                                                 create("empty", 0)}));
    ASSERT_EQ(plan.failures.size(), 1U);
    EXPECT_EQ(plan.failures[0].path, "");
    EXPECT_EQ(plan.failures[0].limit, Limit::bytes);
    EXPECT_EQ(plan.failures[0].reason, "2 files: 1.0 KiB wait for the next run (--max-bytes)");
}

TEST(LimitBytes, NamesASingleFile) {
    DirectoryPlan plan;
    plan.actions = {{ActionKind::append, "a", {}, 100, 150, 250, 0, 0}};
    limit_bytes(plan, 30);
    EXPECT_EQ(plan.actions, (std::vector<Action>{{ActionKind::append, "a", {}, 100, 150, 180, 0, 0, true}}));
    ASSERT_EQ(plan.failures.size(), 1U);
    EXPECT_EQ(plan.failures[0].path, "a");
    EXPECT_EQ(plan.failures[0].reason, "70 B wait for the next run (--max-bytes)");
}

TEST(LimitBytes, AHoleIsMadeAlsoWhenNothingMoreFits) {
    DirectoryPlan plan;
    plan.actions = {create("hole", 1000, 900), create("none", 1000)};
    limit_bytes(plan, 0);
    EXPECT_EQ(plan.actions, (std::vector<Action>{cut(create("hole", 1000, 900), 900)}));
}

/// Files by their sizes alone: what is saved of one is a prefix of it, unless it is one of `others`.
struct Sizes {
    Listing source;
    Listing backup;
    std::vector<std::pair<std::string, std::uint64_t>> compared; ///< and how much
    std::uint64_t hole = 0;                                      ///< at the beginning of each
    std::string gone;
    std::uint64_t orphan = 0; ///< size of a file that is saved but not listed
    bool differs = false;     ///< in the middle

    static Entry& add(Listing& listing, const std::string& path, std::uint64_t size, std::int64_t mtime) {
        Entry entry;
        entry.path = path;
        entry.size = size;
        entry.mtime = mtime * 1'000'000'000 + 1;
        return listing.entries.emplace_back(entry);
    }
    DirectoryPlan make(Thoroughness thoroughness, const PlanLimits& limits = {}) {
        compared.clear();
        Content content;
        content.compare = [this](const std::string& path, const std::string&, std::uint64_t,
                                 std::uint64_t length) {
            if (compared.empty() || compared.back().first != path)
                compared.emplace_back(path, 0);
            compared.back().second += length;
            return Comparison{!differs || length == window, 0, length};
        };
        content.next_data = [this](const std::string&, std::uint64_t offset) {
            return std::max(offset, hole);
        };
        content.all_saved = [this] {
            Listing all = backup;
            if (orphan > 0)
                add(all, "orphan", orphan, 1);
            return all;
        };
        content.has_gone = [this](const std::string& path) { return path == gone; };
        return plan(source, backup, content, Timestamp{}, thoroughness, limits);
    }
};

TEST(FileSize, OfALargeFileOnlyTheBeginningIsSaved) {
    Sizes files;
    Sizes::add(files.source, "new", 100, 1).allocated = 100;
    Sizes::add(files.source, "small", 10, 1);
    auto plan = files.make(Thoroughness::changes, {30, {}});
    EXPECT_EQ(plan.actions.at(0).to, 30U);
    EXPECT_TRUE(plan.actions.at(0).in_part);
    EXPECT_EQ(plan.actions.at(1).to, 10U);
    EXPECT_FALSE(plan.actions.at(1).in_part);
    ASSERT_EQ(plan.failures.size(), 1U);
    EXPECT_EQ(plan.failures[0].path, "new");
    EXPECT_EQ(plan.failures[0].limit, Limit::file_size);

    Sizes::add(files.backup, "new", 30, 2);
    plan = files.make(Thoroughness::changes, {30, {}});
    EXPECT_EQ(plan.actions.size(), 1U) << "there is no more to do";
    EXPECT_EQ(plan.failures.size(), 1U) << "but it is still told";
}

TEST(FileSize, AHoleAtTheBeginningDoesNotCount) {
    Sizes files;
    files.hole = 70;
    Sizes::add(files.source, "new", 100, 1).allocated = 30;
    auto plan = files.make(Thoroughness::changes, {30, {}});
    EXPECT_EQ(plan.actions.at(0).to, 100U);
    EXPECT_TRUE(plan.failures.empty());
    plan = files.make(Thoroughness::changes, {29, {}});
    EXPECT_EQ(plan.actions.at(0).to, 99U);
    EXPECT_EQ(plan.failures.size(), 1U);
    files.hole = 100;
    EXPECT_EQ(files.make(Thoroughness::changes, {29, {}}).actions.at(0).to, 100U);
}

TEST(IncompleteListing, WhatIsNotListedIsTakenOnlyWhenItHasGone) {
    Sizes files;
    files.orphan = 100;
    Sizes::add(files.source, "new", 200, 1);
    const auto renames = [&] {
        return files.make(Thoroughness::changes).actions.at(0).kind == ActionKind::rename;
    };
    EXPECT_TRUE(renames());
    files.source.complete = false;
    EXPECT_FALSE(renames());
    files.gone = "orphan";
    EXPECT_TRUE(renames());
}

TEST(ComparisonBudget, FilesThatAreOnlyTouchedAreComparedInFullUpToIt) {
    Sizes files;
    for (const auto* name : {"a", "b"}) {
        Sizes::add(files.source, name, 3 * GiB, 2);
        Sizes::add(files.backup, name, 3 * GiB, 1);
    }
    const auto plan = files.make(Thoroughness::changes);
    EXPECT_EQ(files.compared,
              (std::vector<std::pair<std::string, std::uint64_t>>{{"a", 3 * GiB}, {"b", 2 * window}}));
    ASSERT_EQ(plan.actions.size(), 1U) << "the other one is looked at again";
    EXPECT_EQ(plan.actions[0].path, "a");
}

TEST(ComparisonBudget, ALastPassComparesEverythingInOneRun) {
    Sizes files;
    for (const auto* name : {"a", "b", "c"}) {
        Sizes::add(files.source, name, 3 * GiB, name[0]);
        Sizes::add(files.backup, name, 3 * GiB, name[0]);
    }
    const auto plan = files.make(Thoroughness::everything);
    EXPECT_TRUE(plan.actions.empty());
    EXPECT_FALSE(plan.has_reached_limits);
    EXPECT_EQ(files.compared, (std::vector<std::pair<std::string, std::uint64_t>>{
                                  {"a", 3 * GiB}, {"b", 3 * GiB}, {"c", 3 * GiB}}));
}

TEST(ComparisonBudget, WhatIsTooLargeToCompareIsNotLookedAtWithoutEnd) {
    Sizes files; // each could be each of those that are saved but have no source any longer
    for (int i = 0; i < 300; ++i)
        Sizes::add(files.source, "new" + std::to_string(i), 6 * GiB, 2);
    files.orphan = 5 * GiB;
    files.differs = true;
    PlanLimits limits;
    limits.comparisons.searches = 100;
    const auto plan = files.make(Thoroughness::changes, limits);
    EXPECT_TRUE(plan.has_reached_limits);
    EXPECT_EQ(files.compared.size(), 100U);
    EXPECT_EQ(files.compared[0].second, 5 * GiB + 2 * window) << "one in full";
    EXPECT_EQ(files.compared[1].second, 2 * window) << "the others wait";
    EXPECT_EQ(plan.actions.size(), 201U) << "the first, and those that are not searched for";
}

TEST(ComparisonBudget, ThePlanTellsWhetherThereWasMore) {
    Sizes files;
    Sizes::add(files.source, "a", 100, 2);
    Sizes::add(files.backup, "a", 100, 1);
    PlanLimits limits;
    limits.comparisons.bytes = 100;
    EXPECT_FALSE(files.make(Thoroughness::changes, limits).has_reached_limits);
    limits.comparisons.bytes = 99;
    EXPECT_TRUE(files.make(Thoroughness::changes, limits).has_reached_limits);
}

TEST(PlanLimits, AStoppedRunPlansNothingAndSaysSo) {
    Sizes files;
    for (int i = 0; i < 10'000; ++i) {
        Sizes::add(files.source, std::to_string(i), 100, 2);
        Sizes::add(files.backup, std::to_string(i), 100, 1);
    }
    std::size_t asked = 0;
    PlanLimits limits;
    limits.is_stopped = [&] { return ++asked == 3; };
    const auto plan = files.make(Thoroughness::changes, limits);
    EXPECT_EQ(asked, 3U);
    EXPECT_LT(files.compared.size(), 1000U) << "it goes on with the others";
    EXPECT_TRUE(plan.actions.empty());
    ASSERT_EQ(plan.failures.size(), 1U);
    EXPECT_EQ(plan.failures[0].reason, "the run was stopped before all of it was planned");
}

/// Files that were all written anew, with names that begin with the same bytes, more than a name aside keeps.
TEST(PlanLimits, ManyNamesAsideAreAllDifferent) {
    Sizes files;
    for (int i = 0; i < 20'000; ++i) {
        const std::string name = std::string(240, 'x') + std::to_string(i);
        Sizes::add(files.source, name, 1, 2);
        Sizes::add(files.backup, name, 2, 1);
    }
    std::set<std::string> names;
    for (const auto& action : files.make(Thoroughness::changes).actions)
        if (action.kind == ActionKind::set_aside)
            names.insert(action.new_path);
    EXPECT_EQ(names.size(), 20'000U);
    for (const auto& name : names)
        EXPECT_LE(name.size(), 255U);
}

} // namespace
} // namespace logbackup
