// SPDX-License-Identifier: MIT
#include "../number_from.hpp"
#include "disks.hpp"
#include "logs.hpp"
#include "run_once.hpp"
#include "saved.hpp"
#include "steps.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <optional>
#include <set>

namespace logbackup::test {
namespace {

constexpr std::size_t shards = 8; ///< that can run at the same time
constexpr std::size_t default_histories = 400;

/// One log directory and its backup from the begin to the end.
class History {
  public:
    History(const Disks& disks, std::uint64_t seed)
        : disks_(disks), random_(seed), logs_(random_, disks.logs()),
          way_(random_.one_in(2) ? Way::mounted : Way::direct),
          changes_(random_.one_in(2) ? Changes::orderly : Changes::all) {}

    void live() {
        for (int step = 0; step < 8; ++step) {
            for (auto changes = random_.below(7); changes > 0; --changes)
                logs_.change(changes_);
            run(random_interference());
            if (::testing::Test::HasFailure())
                return;
        }
        settle();
        expect_all_lines();
    }

    [[nodiscard]] std::string story() const {
        std::string text;
        for (const auto& line : logs_.story())
            text += "  " + line + "\n";
        for (const auto& [path, node] : logs_.nodes())
            if (node.file)
                text += "  source " + path + ": " + std::to_string(node.file->content.size()) + "\n";
        for (const auto& [path, file] : saved())
            text += "  backup " + path + ": " + std::to_string(file.content.size()) + "\n";
        return text;
    }

  private:
    Interference random_interference();
    std::optional<RunResult> run(const Interference& interference);
    void check_result(const RunResult& result, const Saved& after);
    void settle();
    void expect_all_lines();

    [[nodiscard]] Saved saved() const { return read_saved(disks_.backup() + "/" + instance); }
    std::size_t any_step() { return 1 + random_.below(1'000'000) * most_steps_ / 1'000'000; }
    void make_scarce(const std::string& when);

    const Disks& disks_;
    Random random_;
    Logs logs_;
    Way way_;
    Changes changes_; ///< all of them, during runs too; or orderly ones between runs
    Timestamp now_{std::chrono::seconds(1'700'000'000)};
    std::size_t most_steps_ = 1000; ///< of a run that came to its end
    bool scarce_ = false;           ///< the disk, in this run
    bool disturbed_ = false;        ///< the source, in this run
    std::set<unsigned> seen_twice_; ///< lines that stood in two files of the source when a run began
    std::set<unsigned> promised_;   ///< lines that stood in the source when a complete run began
};

void History::make_scarce(const std::string& when) {
    const std::size_t bytes = random_.one_in(4) ? 0 : random_.below(random_.one_in(2) ? 300'000 : 20'000);
    const std::size_t inodes = random_.one_in(3) ? random_.below(6) : 1000;
    logs_.tell(when + " only " + std::to_string(bytes) + " bytes and " + std::to_string(inodes) +
               " inodes are left");
    disks_.leave(bytes, inodes);
    scarce_ = true;
}

Interference History::random_interference() {
    Interference interference;
    if (random_.one_in(7))
        make_scarce("before the run");
    if (random_.one_in(10))
        interference.meanwhile[any_step()] = [this] { make_scarce("meanwhile"); };
    if (changes_ == Changes::all && random_.one_in(2))
        for (auto changes = 1 + random_.below(2); changes > 0; --changes)
            interference.meanwhile[any_step()] = [this] {
                logs_.tell("meanwhile:");
                disturbed_ = true;
                logs_.change();
            };
    if (random_.one_in(3))
        interference.kill_at = any_step();
    return interference;
}

std::optional<RunResult> History::run(const Interference& interference) {
    now_ += std::chrono::seconds(random_.below(3)); // several set-asides can fall into one second
    const Saved before = saved();
    const LineCounts lines = count_lines(logs_);
    for (const auto& [line, count] : lines)
        if (count > 1)
            seen_twice_.insert(line);
    logs_.forget_touched();
    logs_.tell("run");
    const RunSettings settings{disks_.logs(), disks_.backup(), disks_.layers(), way_, now_};
    const auto ended = run_in_steps([&] { return to_text(run_once(settings)); }, interference);
    logs_.tell((ended.code ? "run ended after step " : "run was killed at step ") +
               std::to_string(ended.steps));
    const Saved after = saved();
    EXPECT_EQ(find_foreign(after, logs_), "");
    EXPECT_EQ(find_lost(before, after, logs_), "");
    std::optional<RunResult> result;
    if (ended.code == 0) {
        result = from_text(ended.output);
        most_steps_ = std::max(most_steps_, ended.steps);
        check_result(*result, after);
        for (const auto& [line, count] : lines)
            if (result->failures.empty() && !disturbed_)
                promised_.insert(line);
    } else {
        EXPECT_TRUE(!ended.code || (ended.code == threw && scarce_)) << *ended.code << ": " << ended.output;
    }
    for (const auto& [step, change] : interference.meanwhile)
        if (step > ended.steps) // so that the number of steps, which varies, does not change the history
            change();
    disks_.leave_enough();
    scarce_ = disturbed_ = false;
    return result;
}

void History::check_result(const RunResult& result, const Saved& after) {
    for (const auto& action : result.actions)
        logs_.tell("    " + action);
    for (const auto& failure : result.failures)
        logs_.tell("    failed: " + failure);
    for (const auto& unsettled : result.unsettled)
        logs_.tell("    unsettled: " + unsettled);
    for (const auto& failure : result.failures)
        EXPECT_TRUE(scarce_ || disturbed_) << failure;
    if (!disturbed_) {
        EXPECT_TRUE(result.unsettled.empty()) << result.unsettled.front();
    }
    if (result.failures.empty()) {
        EXPECT_EQ(find_incomplete(after, logs_), "");
    }
}

/// Quiet runs until there is nothing to do.
void History::settle() {
    logs_.tell("quiet from here on");
    for (int n = 0; n < 3; ++n) {
        now_ += std::chrono::seconds(1);
        const auto result = run({});
        if (::testing::Test::HasFailure() || result->actions.empty())
            return;
    }
    ADD_FAILURE() << "an unchanged log directory never needs nothing";
}

void History::expect_all_lines() {
    if (::testing::Test::HasFailure())
        return;
    const LineCounts in_backup = count_lines(saved(), logs_);
    const LineCounts in_logs = count_lines(logs_);
    for (const unsigned line : promised_)
        ASSERT_TRUE(in_backup.contains(line)) << "line " << line << " is lost";
    if (changes_ != Changes::orderly)
        return; // a log that changes while it is read can be seen, and saved, under two names
    for (const auto& [line, count] : count_lines_once(saved(), logs_)) {
        const auto there = in_logs.find(line);
        if (logs_.may_repeat(line) || seen_twice_.contains(line))
            continue;
        ASSERT_LE(count, there == in_logs.end() ? 1 : there->second) << "of line " << line;
    }
}

void live_through(const Disks& disks, std::uint64_t seed) {
    SCOPED_TRACE("LOGBACKUP_HISTORY=" + std::to_string(seed) + " shows this one alone");
    disks.clear();
    History history(disks, seed);
    try {
        history.live();
    } catch (const std::exception& error) {
        ADD_FAILURE() << error.what();
    }
    if (::testing::Test::HasFailure())
        std::cout << "history " << seed << ":\n" << history.story();
}

/// The histories first, first + stride, … up to `last`; only one when the environment names it.
void live_through_all(DiskKind kind, std::size_t first, std::size_t stride, std::size_t last) {
    const Disks disks(kind);
    const std::size_t only = number_from("LOGBACKUP_HISTORY", 0);
    for (std::size_t seed = first; seed <= std::max(last, only); seed += stride) {
        if (only == 0 || seed == only)
            live_through(disks, seed);
        if (::testing::Test::HasFailure())
            return;
    }
}

class RealHistories : public ::testing::TestWithParam<std::size_t> {};

TEST_P(RealHistories, KeepThePrefixRule) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "mounting needs root";
    live_through_all(DiskKind::memory, 1 + GetParam(), shards,
                     number_from("LOGBACKUP_HISTORIES", default_histories));
}

INSTANTIATE_TEST_SUITE_P(Shard, RealHistories, ::testing::Range(std::size_t{0}, shards));

TEST(RealHistoriesOnExt4, KeepThePrefixRule) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "mounting needs root";
    live_through_all(DiskKind::ext4, 1, 1, number_from("LOGBACKUP_HISTORIES", default_histories) / 10);
}

} // namespace
} // namespace logbackup::test
