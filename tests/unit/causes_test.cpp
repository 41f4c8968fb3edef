// SPDX-License-Identifier: MIT
#include "ledger/causes.hpp"
#include "report/cause_lines.hpp"
#include "report/save_report.hpp"

#include "support.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace logbackup {
namespace {

using namespace std::chrono_literals;

Row row(const std::string& pod, const std::vector<Problem>& failures) {
    Row row;
    row.service = "web";
    row.pod = pod;
    row.status = RowStatus::failed;
    row.failures = failures;
    return row;
}

std::vector<std::string> lines_of(const Report& report) {
    std::vector<std::string> lines;
    for (const auto& cause : cause_lines(report))
        lines.push_back(cause.line);
    return lines;
}

TEST(CauseOf, LeavesOutWhatDiffersFromFileToFile) {
    EXPECT_EQ(cause_of("no room: 12.5 KiB are needed, 3 B are free"),
              cause_of("no room: 7 MiB are needed, 99 GiB are free"));
    EXPECT_EQ(cause_of("cannot open '/a/b': Permission denied\nhint: run as root"),
              cause_of("cannot open '/c': Permission denied"));
    EXPECT_NE(cause_of("cannot open '/a': Permission denied"), cause_of("cannot open '/a': Not a directory"));
    EXPECT_NE(cause_of("rsync exited with code 11"), cause_of("rsync was ended by signal 9"));
    EXPECT_EQ(cause_of("an open quote '"), "an open quote '…'");
    EXPECT_EQ(cause_of("container 0a1b2c3d4e5f is left out"), cause_of("container ffffffffffff is left out"));
    EXPECT_EQ(cause_of(""), "");
    EXPECT_EQ(cause_of("no room in '/a' for 7 B", Quoted::counts), "no room in '/a' for 0");
}

TEST(CauseLines, AreOneForAllThatHasTheSameCause) {
    Report report;
    for (int i = 1; i <= 113; ++i)
        report.rows.push_back(
            row("web-" + std::to_string(i), {{"app.log", "no room for " + std::to_string(i) + " B"}}));
    report.rows.push_back(row("db-0", {{"", "its volume '/v' is gone"}}));
    report.problems = {"container aaa is left out: docker inspect: timeout",
                       "rsync exited with code 12: broken pipe\nhint: is it the right rsync?",
                       "container bbb is left out: docker inspect: timeout"};
    EXPECT_EQ(lines_of(report),
              (std::vector<std::string>{
                  "container aaa is left out: docker inspect: timeout",
                  "rsync exited with code 12: broken pipe\nhint: is it the right rsync?",
                  "container bbb is left out: docker inspect: timeout",
                  "'web/web-1: app.log', 'web/web-2: app.log', 'web/web-3: app.log' and 110 others: no room "
                  "for 1 B (of the first; the others are alike)",
                  "'web/db-0': its volume '/v' is gone"}));
}

TEST(CauseLines, ThatAreAlikeSayWhatToDoOnce) {
    Report report;
    report.problems = {"container 12 is left out: it hangs\nhint: a",
                       "container 34 is left out: it hangs\nhint: a"};
    report.rows = {row("a", {{"1.log", "cannot open it\nhint: b"}, {"2.log", "cannot open it\nhint: b"}})};
    EXPECT_EQ(lines_of(report),
              (std::vector<std::string>{"container 12 is left out: it hangs; and 1 other alike\nhint: a",
                                        "'web/a: 1.log', 'web/a: 2.log': cannot open it\nhint: b"}));
}

TEST(CauseLines, CountLogDirectories) {
    Report report;
    report.rows = {row("a", {{"1.log", "no room"}, {"2.log", "no room"}}), row("b", {{"1.log", "no room"}})};
    report.problems = {"container 12 hangs", "container 34 hangs"};
    EXPECT_EQ(cause_lines(report).at(0).count, 2U);
    EXPECT_EQ(cause_lines(report).at(1).count, 2U);
}

TEST(CauseLines, NameWhatTheyAreAbout) {
    Report report;
    for (const auto* name : {"a", "b", "c", "d", "e"})
        report.problems.push_back("cannot read the record '" + std::string(name) + "': it is empty");
    EXPECT_EQ(lines_of(report),
              std::vector<std::string>{
                  "cannot read the record 'a': it is empty; alike: 'b', 'c', 'd' and 1 other"});
}

TEST(CauseLines, OfAComparisonAreOneForEachDifference) {
    Report report;
    report.kind = RunKind::verify;
    report.rows = {
        row("a", {{"1.log", "it differs from byte 7 on"}, {"2.log", "it differs from byte 9 on"}})};
    EXPECT_EQ(lines_of(report).size(), 2U);
    EXPECT_EQ(lines_of(report), failure_lines(report));
}

/// Runs that meet causes, a minute apart.
class CausesOverTime : public testing::Test {
  protected:
    Causes causes;
    Timestamp now{std::chrono::seconds(1'795'359'400)};
    std::size_t count = 1; ///< of log directories with each cause

    CauseNews run(const std::vector<std::string>& met, bool tells = true,
                  std::chrono::milliseconds repeat = 24h) {
        now += 1min;
        std::map<std::string, MetCause> all;
        for (const auto& key : met)
            all.emplace(key, MetCause{key + " of this run", count});
        CauseNews news = causes_after(causes, all, now, repeat, tells);
        causes = news.causes;
        return news;
    }
};

TEST_F(CausesOverTime, AreToldWhenTheyBeginAndOnceADay) {
    CauseNews news = run({"full"});
    EXPECT_EQ(news.fresh, std::set<std::string>{"full"});
    EXPECT_TRUE(news.silent.empty());
    for (int minute = 1; minute < 24 * 60; ++minute) {
        news = run({"full"});
        ASSERT_TRUE(news.silent.contains("full")) << minute;
        ASSERT_TRUE(news.fresh.empty() && news.over.empty()) << minute;
    }
    EXPECT_TRUE(run({"full"}).silent.empty());
    EXPECT_TRUE(run({"full"}).silent.contains("full"));
    news = run({"full", "other"});
    EXPECT_EQ(news.fresh, std::set<std::string>{"other"});
    EXPECT_EQ(news.silent, std::set<std::string>{"full"});
}

TEST_F(CausesOverTime, AreToldAgainWhenTheyConcernTwiceAsMany) {
    (void)run({"full"});
    EXPECT_TRUE(run({"full"}).silent.contains("full"));
    count = 2;
    EXPECT_TRUE(run({"full"}).silent.empty());
    EXPECT_TRUE(run({"full"}).silent.contains("full"));
    count = 3;
    EXPECT_TRUE(run({"full"}).silent.contains("full"));
    count = 1;
    EXPECT_TRUE(run({"full"}).silent.contains("full"));
    count = 4;
    EXPECT_TRUE(run({"full"}).silent.empty());
}

TEST_F(CausesOverTime, AreOverAfterFiveMinutes) {
    for (int minute = 0; minute < 40; ++minute)
        (void)run({"full"});
    for (int minute = 0; minute < 5; ++minute)
        EXPECT_TRUE(run({}).over.empty()) << "it may come back";
    const CauseNews news = run({});
    ASSERT_EQ(news.over.size(), 1U);
    EXPECT_EQ(over_line(news.over[0]), "is over, it lasted 39 min: full of this run");
    EXPECT_TRUE(news.causes.empty());
    EXPECT_TRUE(run({}).over.empty());
    EXPECT_FALSE(run({"full"}).fresh.empty()) << "it begins anew";
}

TEST_F(CausesOverTime, ThatComeAndGoAreToldOnce) {
    (void)run({"full"});
    for (int i = 0; i < 20; ++i) {
        EXPECT_TRUE(run({}).over.empty());
        const CauseNews news = run({"full"});
        EXPECT_TRUE(news.silent.contains("full") && news.fresh.empty());
    }
}

TEST_F(CausesOverTime, AreToldAgainByWhoSaysNothingElse) {
    EXPECT_TRUE(run({"full"}, false).silent.empty());
    CauseNews news = run({"full"});
    EXPECT_TRUE(news.silent.empty()) << "somebody saw it on a terminal, the mail is new";
    EXPECT_TRUE(news.fresh.empty());
    EXPECT_TRUE(run({"full"}).silent.contains("full"));
    EXPECT_TRUE(run({"full"}, true, 0ms).silent.empty());
    EXPECT_TRUE(run({"full"}, true, 30s).silent.empty());
}

TEST_F(CausesOverTime, AreNotOverWhenARunEndedBeforeItCouldMeetThem) {
    (void)run({"full"});
    for (int minute = 0; minute < 60; ++minute) {
        now += 1min;
        causes = causes_after(causes, {{"docker is away", {}}}, now, 24h, true, false).causes;
    }
    EXPECT_TRUE(run({"full"}).silent.contains("full"));
    EXPECT_TRUE(run({}).over.empty());
}

TEST_F(CausesOverTime, ThatNobodyWasToldOfSaySoWhenTheyAreOver) {
    (void)run({"full"}, false);
    now += 1h;
    const CauseNews news = run({});
    ASSERT_EQ(news.over.size(), 1U);
    EXPECT_EQ(news.over[0].told, Timestamp{});
}

TEST_F(CausesOverTime, SurviveAClockThatIsSetBack) {
    (void)run({"full"});
    now -= 48h;
    const CauseNews news = run({"full"});
    EXPECT_TRUE(news.silent.contains("full") || news.fresh.contains("full"));
    EXPECT_EQ(causes.at("full").last, now);
    now += 1min;
    EXPECT_TRUE(run({"full"}).silent.contains("full"));
}

TEST_F(CausesOverTime, AreBounded) {
    std::vector<std::string> many;
    for (int i = 0; i < 1000; ++i)
        many.push_back("cause " + std::to_string(i));
    EXPECT_EQ(run(many).causes.size(), 200U);
}

TEST(CausesFile, CanBeReadAgain) {
    test::TempDir dir;
    dir.make_directory(".logbackup");
    EXPECT_TRUE(load_causes(dir.fd()).empty());
    const Timestamp time{std::chrono::seconds(1'795'359'400)};
    const Causes causes{{"a '…'", {"a 'b\xff'", 1, time, time + 1min, {}}},
                        {"c", {"c\nhint: d", 7, time, time, time}}};
    save_causes(dir.fd(), causes);
    Causes read = load_causes(dir.fd());
    EXPECT_EQ(read.size(), 2U);
    EXPECT_EQ(read.at("c"), causes.at("c"));
    EXPECT_EQ(read.at("a '…'").last, time + 1min);
    EXPECT_EQ(read.at("a '…'").told, Timestamp{});
    for (const auto* damaged : {"", "{", "[]", "7", R"({"a": 7})", R"({"a": {"since": 7}})"}) {
        dir.write(".logbackup/causes", damaged);
        EXPECT_NO_THROW((void)load_causes(dir.fd())) << damaged;
    }
}

} // namespace
} // namespace logbackup
