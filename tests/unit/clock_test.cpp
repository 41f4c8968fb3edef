// SPDX-License-Identifier: MIT
#include "ledger/clock.hpp"

#include "support.hpp"

#include <gtest/gtest.h>

namespace logbackup {
namespace {

using namespace std::chrono_literals;

const Timestamp start = parse_rfc3339("2026-11-22T14:55:12Z");
constexpr auto year = 365 * 24h;

/// Runs each minute from one time to another.
Clock watch(Clock clock, Timestamp from, Timestamp until) {
    for (; from <= until; from += 1min)
        clock = seen_at(clock, from);
    return clock;
}

TEST(ClockRule, IsSteadyAfterADay) {
    const auto day = watch({}, start, start + 24h - 1min);
    EXPECT_FALSE(is_steady(day));
    EXPECT_TRUE(is_steady(seen_at(day, start + 24h)));
    EXPECT_FALSE(is_steady({}));
    EXPECT_FALSE(is_steady(seen_at({}, start)));
}

TEST(ClockRule, AJumpAheadBeginsADayAnew) {
    const auto before = watch({}, start, start + 48h);
    ASSERT_TRUE(is_steady(before));
    const Timestamp then = start + 10 * year;
    auto clock = seen_at(before, then);
    EXPECT_FALSE(is_steady(clock)) << "nor in the run that sees it";
    clock = watch(clock, then, then + 23h);
    EXPECT_FALSE(is_steady(clock));
    EXPECT_FALSE(is_steady(seen_at(clock, start + 72h))) << "and neither does the way back";
    EXPECT_TRUE(is_steady(watch(clock, then + 23h, then + 24h)));
}

TEST(ClockRule, AJumpBackBeginsADayAnew) {
    const auto before = watch({}, start, start + 48h);
    EXPECT_FALSE(is_steady(seen_at(before, start + 47h)));
    EXPECT_FALSE(is_steady(seen_at(before, start - year)));
    EXPECT_FALSE(is_steady(seen_at(before, Timestamp{} + 60s)));
    EXPECT_TRUE(is_steady(seen_at(before, start + 48h - 30s))) << "what corrects a clock is no jump";
}

TEST(ClockRule, APauseOfMoreThanADayIsAJump) {
    const auto before = watch({}, start, start + 48h);
    EXPECT_TRUE(is_steady(seen_at(before, start + 72h)));
    EXPECT_FALSE(is_steady(seen_at(before, start + 72h + 1s)));
}

TEST(ClockRule, TicksPruneOnceAnHour) {
    Clock clock = watch({}, start, start + 48h);
    EXPECT_TRUE(is_time_to_prune(clock));
    clock.pruned = clock.seen;
    EXPECT_FALSE(is_time_to_prune(clock));
    EXPECT_FALSE(is_time_to_prune(seen_at(clock, clock.pruned + 59min)));
    EXPECT_TRUE(is_time_to_prune(seen_at(clock, clock.pruned + 60min)));
    clock.pruned = clock.seen + year; // as the clock went wrong for a while
    EXPECT_TRUE(is_time_to_prune(clock));
}

TEST(ClockText, SaysSinceWhen) {
    EXPECT_EQ(unsteady_text(seen_at({}, start)),
              "nothing is deleted yet: runs have seen the clock go without a jump only since "
              "2026-11-22T14:55:12Z, which must be a day");
}

class ClockFile : public testing::Test {
  protected:
    void SetUp() override { dir.make_directory(".logbackup"); }
    Clock noted(const Clock& before, const Clock& clock) const {
        save_clock(dir.fd(), before, clock);
        return load_clock(dir.fd());
    }
    test::TempDir dir;
};

TEST_F(ClockFile, IsReadBack) {
    EXPECT_EQ(load_clock(dir.fd()).seen, Timestamp{});
    const Clock clock{start + 3ns, start - 30h + 5ns, start - 10min};
    const auto read = noted({}, clock);
    EXPECT_EQ(read.seen, clock.seen);
    EXPECT_EQ(read.steady, clock.steady);
    EXPECT_EQ(read.pruned, clock.pruned);
    struct stat status {};
    ASSERT_EQ(::stat(dir.at(".logbackup/clock").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0600U);
}

TEST_F(ClockFile, IsNotWrittenAnewWhileNothingHappens) {
    const Clock first = noted({}, seen_at({}, start));
    struct stat before {};
    ASSERT_EQ(::stat(dir.at(".logbackup/clock").c_str(), &before), 0);
    const auto read = noted(first, seen_at(first, start + 1min));
    EXPECT_EQ(read.seen, start + 1min);
    EXPECT_EQ(read.steady, start);
    struct stat after {};
    ASSERT_EQ(::stat(dir.at(".logbackup/clock").c_str(), &after), 0);
    EXPECT_EQ(before.st_ino, after.st_ino);
}

TEST_F(ClockFile, ThatIsNoneMeansThatNothingIsKnown) {
    for (const char* text :
         {"", "garbage", "[]", "{}", "{\"steady_since\":7}", "{\"steady_since\":\"soon\"}"}) {
        dir.write(".logbackup/clock", text);
        EXPECT_FALSE(is_steady(seen_at(load_clock(dir.fd()), std::chrono::system_clock::now()))) << text;
    }
    std::filesystem::remove(dir.at(".logbackup/clock"));
    const auto outside = dir.write("outside", "{\"steady_since\":\"2020-01-01T00:00:00Z\"}");
    dir.link(".logbackup/clock", outside);
    EXPECT_EQ(load_clock(dir.fd()).steady, Timestamp{}) << "no link is followed";
}

} // namespace
} // namespace logbackup
