// SPDX-License-Identifier: MIT
#include "ledger/clock.hpp"

#include "support.hpp"

#include <gtest/gtest.h>

namespace logbackup {
namespace {

using namespace std::chrono_literals;

const Timestamp start = parse_rfc3339("2026-11-22T14:55:12Z");
constexpr auto year = 365 * 24h;

TEST(ClockRule, BelievesATimeNearTheLastRun) {
    const ClockHistory history{start, {}};
    for (const std::chrono::nanoseconds later : {-60s, -1s, 0s, 60s, 24 * 3600s})
        EXPECT_EQ(doubt_about_clock(history, start + later), "") << later.count();
}

TEST(ClockRule, DoubtsAClockThatWasSetBack) {
    const ClockHistory history{start, {}};
    EXPECT_EQ(doubt_about_clock(history, start - 61s),
              "nothing is deleted in this run: the clock says 2026-11-22T14:54:11Z, and the last run was at "
              "2026-11-22T14:55:12Z, which is later");
    EXPECT_NE(doubt_about_clock(history, start - year), "");
    EXPECT_NE(doubt_about_clock(history, Timestamp{} + 60s), "");
}

TEST(ClockRule, TheNewestTimeOfTheRecordsIsNotInTheFuture) {
    EXPECT_EQ(newest_time({}, start), Timestamp{});
    Record one;
    one.first_seen = "2026-11-22T14:50:00Z";
    one.created = "2026-11-22T14:49:00Z";
    Record other;
    other.first_seen = "2027-11-22T14:50:00Z"; // when the clock was ahead
    other.saved_until = "2026-11-22T14:55:13Z";
    EXPECT_EQ(newest_time({one, other}, start), parse_rfc3339(one.first_seen));
    EXPECT_EQ(newest_time({one, other}, start + 1s), parse_rfc3339(other.saved_until));
    EXPECT_EQ(newest_time({other}, start), Timestamp{});
}

TEST(ClockRule, TheTimesOfContainersAreNotThoseOfRuns) {
    Record record;
    record.first_seen = "2026-11-22T14:50:00Z";
    record.created = record.started = "2026-11-22T14:51:00Z";
    record.finished = "2026-11-22T14:52:00Z";
    EXPECT_EQ(newest_time({record}, start), parse_rfc3339(record.first_seen));
}

TEST(ClockRule, DoubtsAClockThatWentADayAhead) {
    const ClockHistory history{start, {}};
    EXPECT_EQ(doubt_about_clock(history, start + 24h + 1s),
              "nothing is deleted in this run: the clock says 2026-11-23T14:55:13Z, and the last run was at "
              "2026-11-22T14:55:12Z, more than a day ago");
    EXPECT_NE(doubt_about_clock(history, start + 10 * year), "");
}

TEST(ClockRule, DoubtsWhatTheFirstRunSees) {
    EXPECT_EQ(
        doubt_about_clock({}, start),
        "nothing is deleted in this run: no earlier run is known that the clock could be compared with");
}

TEST(ClockRule, PrunesOnceAnHour) {
    EXPECT_TRUE(is_time_to_prune({start, {}}, start));
    const ClockHistory history{start, start};
    EXPECT_FALSE(is_time_to_prune(history, start));
    EXPECT_FALSE(is_time_to_prune(history, start + 59min));
    EXPECT_TRUE(is_time_to_prune(history, start + 60min));
    EXPECT_TRUE(is_time_to_prune(history, start - year)) << "the clock was wrong for a while";
}

class ClockFile : public testing::Test {
  protected:
    void SetUp() override { dir.make_directory(".logbackup"); }
    struct stat status() const {
        struct stat result {};
        EXPECT_EQ(::stat(dir.at(".logbackup/clock").c_str(), &result), 0);
        return result;
    }
    test::TempDir dir;
};

TEST_F(ClockFile, IsReadBack) {
    EXPECT_EQ(load_clock(dir.fd()).last_run, Timestamp{});
    note_run(dir.fd(), start + 3ns);
    EXPECT_EQ(load_clock(dir.fd()).last_run, start + 3ns);
    EXPECT_EQ(load_clock(dir.fd()).last_prune, Timestamp{});
    note_prune(dir.fd(), start + 5ns);
    EXPECT_EQ(load_clock(dir.fd()).last_run, start + 5ns);
    EXPECT_EQ(load_clock(dir.fd()).last_prune, start + 5ns);
    EXPECT_EQ(status().st_mode & 07777U, 0600U);
}

TEST_F(ClockFile, IsNotWrittenAnewByEachRun) {
    note_prune(dir.fd(), start);
    const auto before = status();
    note_run(dir.fd(), start + 1min);
    EXPECT_EQ(load_clock(dir.fd()).last_run, start + 1min);
    EXPECT_EQ(load_clock(dir.fd()).last_prune, start);
    EXPECT_EQ(status().st_ino, before.st_ino);
}

TEST_F(ClockFile, WithoutATimeInItSaysThatNothingWasPruned) {
    for (const char* text : {"", "garbage", "[]", "\n", "soon\n"}) {
        dir.write(".logbackup/clock", text);
        EXPECT_EQ(load_clock(dir.fd()).last_prune, Timestamp{}) << text;
    }
}

TEST_F(ClockFile, ThatIsALinkIsNotFollowedButReplaced) {
    const auto outside = dir.write("outside", "2020-01-01T00:00:00Z\n");
    dir.link(".logbackup/clock", outside);
    EXPECT_EQ(load_clock(dir.fd()).last_run, Timestamp{});
    EXPECT_EQ(load_clock(dir.fd()).last_prune, Timestamp{});
    note_run(dir.fd(), start);
    EXPECT_EQ(load_clock(dir.fd()).last_run, start);
    EXPECT_FALSE(std::filesystem::is_symlink(dir.at(".logbackup/clock")));
}

} // namespace
} // namespace logbackup
