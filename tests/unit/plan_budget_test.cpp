// SPDX-License-Identifier: MIT
#include "plan/plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace logbackup::plan_budget_test {
namespace {

constexpr Timestamp budget_now{std::chrono::seconds(1'700'000'000)};
constexpr std::size_t size = 100'000; // more than both windows
constexpr std::uint64_t size_of_windows = 2 * window;

struct File {
    std::string bytes;
    std::int64_t mtime = 0;
};
using Files = std::map<std::string, File>;

/// A file that differs from others in its first byte.
File file(char first, std::int64_t mtime) {
    return {first + std::string(size - 1, 'x'), 1'600'000'000'000'000'000 + mtime};
}

/// A log directory, its backup, and how much a plan may compare.
struct Scene {
    Files source;
    Files saved;
    std::uint64_t budget = comparison_budget;
    std::uint64_t read = 0;
    DirectoryPlan made{};

    void plan_once() {
        read = 0;
        const auto compare = [this](const std::string& one, const std::string& other, std::uint64_t offset,
                                    std::uint64_t length) {
            const auto end = one.begin() + static_cast<std::ptrdiff_t>(offset + length);
            const auto begin = one.begin() + static_cast<std::ptrdiff_t>(offset);
            const auto differs =
                std::mismatch(begin, end, other.begin() + static_cast<std::ptrdiff_t>(offset)).first;
            const auto bytes =
                std::min<std::uint64_t>(length, static_cast<std::uint64_t>(differs - begin) + 1);
            read += bytes;
            return Comparison{differs == end, 0, bytes};
        };
        Content content;
        content.compare = [&](const std::string& path, const std::string& other, std::uint64_t offset,
                              std::uint64_t length) {
            return compare(source.at(path).bytes, saved.at(other).bytes, offset, length);
        };
        content.next_data = [](const std::string&, std::uint64_t offset) { return offset; };
        content.all_saved = [this] { return listing_of(saved); };
        content.compare_saved = [&](const std::string& one, const std::string& other, std::uint64_t length) {
            return compare(saved.at(one).bytes, saved.at(other).bytes, 0, length);
        };
        Listing counterparts = listing_of(saved);
        std::erase_if(counterparts.entries,
                      [this](const Entry& entry) { return !source.contains(entry.path); });
        PlanLimits limits;
        limits.comparisons.bytes = budget;
        made = plan(listing_of(source), counterparts, content, budget_now, Thoroughness::changes, limits);
    }

    /// Plans and does what is planned. Returns whether something is left.
    bool run_once() {
        plan_once();
        for (const auto& action : made.actions) {
            switch (action.kind) {
            case ActionKind::drop: saved.erase(action.path); break;
            case ActionKind::set_aside:
            case ActionKind::rename: {
                expect_free(action.new_path);
                auto node = saved.extract(action.path);
                node.key() = action.new_path;
                saved.insert(std::move(node));
                break;
            }
            case ActionKind::create: expect_free(action.path); [[fallthrough]];
            case ActionKind::append:
            case ActionKind::retime: saved[action.path] = source.at(action.path); break;
            case ActionKind::link: break;
            }
        }
        return !made.failures.empty();
    }

    [[nodiscard]] std::size_t count(ActionKind kind) const {
        return static_cast<std::size_t>(std::count_if(made.actions.begin(), made.actions.end(),
                                                      [&](const Action& one) { return one.kind == kind; }));
    }
    /// Whether the backup has the files of the source, and no others.
    [[nodiscard]] bool is_exact() const {
        return std::equal(source.begin(), source.end(), saved.begin(), saved.end(),
                          [](const auto& one, const auto& other) {
                              return one.first == other.first && one.second.bytes == other.second.bytes;
                          });
    }

  private:
    void expect_free(const std::string& path) const { EXPECT_FALSE(saved.contains(path)) << path; }
    static Listing listing_of(const Files& files) {
        Listing listing;
        for (const auto& [path, one] : files)
            listing.entries.push_back(
                {path, FileType::regular, one.bytes.size(), one.bytes.size(), one.mtime, {}});
        return listing;
    }
};

/// Six logs that shifted by one; `later` is added to their times, as if they had been touched.
Scene shifted(std::int64_t later) {
    Scene scene;
    for (int n = 1; n <= 6; ++n) {
        const char digit = static_cast<char>('0' + n);
        scene.saved[std::string("app.log.") + digit] = file(digit, n);
        scene.source[std::string("app.log.") + static_cast<char>(digit + 1)] = file(digit, n + later);
    }
    scene.source["app.log.1"] = {"new", 1'600'000'000'000'000'099};
    return scene;
}

TEST(PlanBudget, RotatedFilesOfTheSameSizeAndTimeAreNotReadAgain) {
    auto scene = shifted(0);
    scene.budget = 1;
    EXPECT_FALSE(scene.run_once());
    EXPECT_EQ(scene.count(ActionKind::rename), 6U);
    EXPECT_EQ(scene.count(ActionKind::create), 1U);
    EXPECT_LE(scene.read, 7 * size_of_windows);
    EXPECT_TRUE(scene.is_exact());
}

TEST(PlanBudget, OnlyWhatIsReadIsCharged) {
    auto scene = shifted(100);
    scene.budget = 6 * (size + size_of_windows) + 1000; // six of the eleven comparisons end at once
    EXPECT_FALSE(scene.run_once());
    EXPECT_TRUE(scene.is_exact());
}

TEST(PlanBudget, AChainThatIsTooLongIsRenamedAllTheSame) {
    for (const std::uint64_t budget : {std::uint64_t{1}, std::uint64_t{size}, std::uint64_t{4 * size}}) {
        auto scene = shifted(100);
        scene.budget = budget;
        int runs = 1;
        for (; scene.run_once(); ++runs) {
            EXPECT_EQ(scene.count(ActionKind::set_aside), 0U);
            EXPECT_GT(scene.count(ActionKind::rename), 0U) << "each run makes progress";
            ASSERT_LT(runs, 7);
        }
        EXPECT_EQ(scene.count(ActionKind::set_aside), 0U);
        EXPECT_TRUE(scene.is_exact()) << budget;
    }
}

TEST(PlanBudget, WhatDoesNotFitIntoARunWaitsAndOthersGoOn) {
    Scene scene;
    for (const char name : {'a', 'b', 'c'}) {
        scene.saved[std::string("old.") + name] = file(name, 1);
        scene.source[std::string("new.") + name] = file(name, 2);
    }
    scene.source["small"] = {"line\n", 3};
    scene.budget = size;
    ASSERT_TRUE(scene.run_once());
    EXPECT_EQ(scene.count(ActionKind::rename), 1U);
    EXPECT_EQ(scene.count(ActionKind::create), 1U) << "the small one";
    EXPECT_TRUE(scene.made.has_reached_limits);
    ASSERT_EQ(scene.made.failures.size(), 1U);
    EXPECT_EQ(scene.made.failures[0].reason,
              "2 files wait to be compared with what is saved; the next run goes on");
    EXPECT_EQ(scene.made.failures[0].limit, Limit::comparison) << "nobody need mend anything";
    ASSERT_TRUE(scene.run_once());
    EXPECT_EQ(scene.made.failures[0].path, "new.c");
    EXPECT_FALSE(scene.run_once());
    EXPECT_TRUE(scene.is_exact());
}

TEST(PlanBudget, OneFileThatIsLargerThanTheBudgetIsCompared) {
    Scene scene;
    scene.saved["app.log"] = file('a', 1);
    scene.source["app.log.1"] = file('a', 2);
    scene.budget = size / 2;
    EXPECT_FALSE(scene.run_once());
    EXPECT_EQ(scene.count(ActionKind::rename), 1U);
}

TEST(PlanBudget, ASwapIsMadeAsAWhole) {
    Scene scene;
    scene.saved = {{"a", file('a', 1)}, {"b", file('b', 2)}};
    scene.source = {{"a", file('b', 3)}, {"b", file('a', 4)}};
    scene.budget = size / 2;
    EXPECT_FALSE(scene.run_once());
    EXPECT_TRUE(scene.is_exact());
    EXPECT_EQ(scene.count(ActionKind::set_aside), 0U);
}

TEST(PlanBudget, WhatAnotherMayBeginWithIsNotSetAsideBeforeThatIsKnown) {
    Scene scene; // after copytruncate
    scene.saved = {{"a.log", file('a', 1)},
                   {"a.log.1", file('a', 2)},
                   {"b.log", file('b', 1)},
                   {"b.log.1", file('b', 2)}};
    scene.source = {
        {"a.log", {"new", 5}}, {"a.log.1", file('a', 2)}, {"b.log", {"new", 5}}, {"b.log.1", file('b', 2)}};
    scene.budget = size / 2;
    ASSERT_TRUE(scene.run_once());
    EXPECT_EQ(scene.count(ActionKind::drop), 1U);
    EXPECT_EQ(scene.count(ActionKind::set_aside), 0U);
    EXPECT_FALSE(scene.run_once());
    EXPECT_EQ(scene.count(ActionKind::drop), 1U);
    EXPECT_TRUE(scene.is_exact());
}

TEST(PlanBudget, FilesThatLookAlikeAreComparedInFull) {
    Scene scene; // two of one size and time, which differ in the middle
    scene.saved = {{"a", file('a', 1)}, {"b", file('a', 1)}};
    scene.saved["a"].bytes[size / 2] = 'A';
    scene.saved["b"].bytes[size / 2] = 'B';
    scene.source = {{"a.1", scene.saved["b"]}, {"b.1", scene.saved["a"]}};
    EXPECT_FALSE(scene.run_once());
    EXPECT_EQ(scene.count(ActionKind::rename), 2U);
    EXPECT_TRUE(scene.is_exact());
}

TEST(PlanBudget, OneOfTheSameSizeAndTimeThatDiffersAtAnEndIsAnotherFile) {
    Scene scene;
    scene.saved["app.log"] = file('a', 1);
    scene.source["app.log.1"] = file('a', 1);
    scene.source["app.log.1"].bytes.back() = 'y';
    EXPECT_FALSE(scene.run_once());
    EXPECT_EQ(scene.count(ActionKind::rename), 0U);
    EXPECT_EQ(scene.count(ActionKind::create), 1U);
}

} // namespace
} // namespace logbackup::plan_budget_test
