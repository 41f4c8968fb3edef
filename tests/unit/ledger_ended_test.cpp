// SPDX-License-Identifier: MIT
#include "ledger/ledger.hpp"

#include "support.hpp"
#include "util/error.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace logbackup {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;
using test::TempDir;
using Names = std::vector<std::string>;

constexpr Timestamp death{seconds(1795359312)};

Record missed(const std::string& service, const std::string& id, Timestamp died = death) {
    Record record;
    record.service = service;
    record.pod = "pod";
    record.image = "logs:1";
    record.containers = {id};
    record.created = "2026-11-22T14:55:01Z";
    record.started = "2026-11-22T14:55:02Z";
    record.finished = rfc3339(died);
    record.coverage = Coverage::missed;
    return record;
}

std::vector<Record> load_missed(const TempDir& dir) {
    Names problems;
    auto records = load_missed_records(dir.fd(), problems);
    EXPECT_EQ(problems, Names{});
    return records;
}

std::vector<Record> load_ended(const TempDir& dir) {
    Names problems;
    auto records = load_ended_records(dir.fd(), problems);
    EXPECT_EQ(problems, Names{});
    return records;
}

TEST(RecordText, KeepsWhatItSaysOfHowMuchIsSaved) {
    Record record;
    record.service = "svc";
    record.instance = "pod";
    record.containers = {"aaa", "bbb"};
    record.saved_until = "2026-11-22T14:57:00Z";
    record.last_passes = {{"aaa", "2026-11-22T14:55:12.248335762Z"},
                          {"bbb", "2026-11-22T14:56:12.000000000Z"}};
    record.seen_places = {{"/data/\xff logs", "/mnt/disk1/\n"}};
    for (const auto coverage : {Coverage::live, Coverage::complete, Coverage::cut, Coverage::missed})
        for (const bool below : {false, true}) {
            record.coverage = coverage;
            record.volumes_below = below;
            EXPECT_EQ(parse_record("svc", "pod", record_text(record)), record) << name_of(coverage) << below;
        }
    record.last_passes.clear();
    record.seen_places.clear();
    EXPECT_EQ(parse_record("svc", "pod", record_text(record)), record);
}

TEST(RecordText, NamesTheCoverage) {
    Record record;
    for (const auto& [coverage, name] :
         {std::pair{Coverage::live, "live"}, std::pair{Coverage::complete, "complete"},
          std::pair{Coverage::cut, "cut"}, std::pair{Coverage::missed, "missed"}}) {
        record.coverage = coverage;
        EXPECT_EQ(nlohmann::json::parse(record_text(record))["coverage"], name);
    }
}

TEST(ParseRecord, ClaimsNoMoreThanItUnderstands) {
    for (const std::string coverage : {"\"whole\"", "\"Complete\"", "\"\"", "null", "7", "[\"complete\"]"})
        EXPECT_EQ(parse_record("s", "p", R"({"version": 1, "coverage": )" + coverage + "}").coverage,
                  Coverage::cut)
            << coverage;
    EXPECT_EQ(parse_record("s", "p", R"({"version": 1})").coverage, Coverage::cut);
    for (const std::string passes : {"null", "[]", "\"a\"", R"({"a": 7, "b": null, "c": {}})"})
        EXPECT_TRUE(
            parse_record("s", "p", R"({"version": 1, "last_passes": )" + passes + "}").last_passes.empty())
            << passes;
    for (const std::string below : {"null", "1", "\"true\"", "false", "[true]"})
        EXPECT_FALSE(
            parse_record("s", "p", R"({"version": 1, "volumes_below": )" + below + "}").volumes_below)
            << below;
    EXPECT_TRUE(parse_record("s", "p", R"({"version": 1, "volumes_below": true})").volumes_below);
}

TEST(LedgerEnded, LoadsThoseThatHaveEndedOnly) {
    const TempDir dir;
    std::vector<Record> records;
    for (const std::string instance : {"pod-a", "pod-b", "pod-c"}) {
        Record record;
        record.service = "svc";
        record.instance = instance;
        record.containers = {instance};
        record.coverage = instance == "pod-a" ? Coverage::complete : Coverage::cut;
        record.saved_until = "2026-11-22T14:57:00Z";
        save_live_record(dir.fd(), record);
        records.push_back(record);
    }
    EXPECT_TRUE(load_ended(dir).empty());
    end_record(dir.fd(), records[1]);
    end_record(dir.fd(), records[0]);
    EXPECT_EQ(load_ended(dir), (std::vector<Record>{records[0], records[1]}));
    Names problems;
    EXPECT_EQ(load_live_records(dir.fd(), problems), std::vector<Record>{records[2]});
    EXPECT_TRUE(load_missed(dir).empty());
}

TEST(LedgerEnded, KnowsAMissedContainerWheneverItIsSaidToHaveDied) {
    const TempDir dir;
    const std::string id(64, 'a');
    EXPECT_FALSE(has_missed_record(dir.fd(), missed("svc", id)));
    save_missed_record(dir.fd(), missed("svc", id));
    EXPECT_TRUE(has_missed_record(dir.fd(), missed("svc", id)));
    EXPECT_TRUE(has_missed_record(dir.fd(), missed("svc", id, death + std::chrono::hours(1))));
    EXPECT_FALSE(has_missed_record(dir.fd(), missed("svc", std::string(64, 'b'))));
    EXPECT_FALSE(has_missed_record(dir.fd(), missed("other", id)));
}

TEST(LedgerEnded, ReportsGarbageAndLoadsTheOthers) {
    const TempDir dir;
    save_missed_record(dir.fd(), missed("svc", "aaa"));
    dir.write(".logbackup/missed/svc/garbage", "garbage");
    dir.write(".logbackup/ended/svc/garbage", "garbage");
    Names problems;
    EXPECT_EQ(load_missed_records(dir.fd(), problems).size(), 1U);
    EXPECT_EQ(load_ended_records(dir.fd(), problems).size(), 0U);
    ASSERT_EQ(problems.size(), 2U);
    EXPECT_NE(problems[0].find("'.logbackup/missed/svc/garbage'"), std::string::npos) << problems[0];
    EXPECT_NE(problems[1].find("'.logbackup/ended/svc/garbage'"), std::string::npos) << problems[1];
    for (int i = 0; i < 2; ++i) // no news
        EXPECT_FALSE(load_ended_record(dir.fd(), "svc", "garbage", problems));
    EXPECT_EQ(problems.size(), 2U);
}

TEST(LedgerMissed, LoadsByServiceAndTimeOfDeath) {
    const TempDir dir;
    const std::vector<Record> expected{missed("a", "f00", death), missed("a", "e00", death + seconds(1)),
                                       missed("a", "d00", death + std::chrono::hours(24 * 365)),
                                       missed("b", "c00", death - seconds(1))};
    for (const std::size_t i : {2U, 3U, 1U, 0U})
        save_missed_record(dir.fd(), expected[i]);
    EXPECT_EQ(load_missed(dir), expected);
    Names problems;
    EXPECT_TRUE(load_live_records(dir.fd(), problems).empty());
    EXPECT_TRUE(load_ended(dir).empty());
    EXPECT_FALSE(dir.has("a")); // there is no directory to keep anything in
}

TEST(LedgerMissed, KeepsAContainerOnceHoweverOftenItIsSaved) {
    const TempDir dir;
    save_missed_record(dir.fd(), missed("svc", "aaa"));
    save_missed_record(dir.fd(), missed("svc", "aaa"));
    save_missed_record(dir.fd(), missed("svc", "bbb")); // of the same second
    EXPECT_EQ(load_missed(dir).size(), 2U);
}

TEST(LedgerMissed, KeepsTheNewestFiveHundredOfAService) {
    const TempDir dir;
    save_missed_record(dir.fd(), missed("other", "aaa", death - seconds(1000)));
    for (int i = 0; i < 500; ++i) // in no order
        save_missed_record(dir.fd(), missed("svc", "id", death + seconds(i * 7 % 500)));
    EXPECT_EQ(load_missed(dir).size(), 501U);
    for (int i = 500; i < 503; ++i)
        save_missed_record(dir.fd(), missed("svc", "id", death + seconds(i)));
    save_missed_record(dir.fd(), missed("svc", "id", death - seconds(1))); // older than all others
    const auto records = load_missed(dir);
    ASSERT_EQ(records.size(), 501U);
    EXPECT_EQ(records[0].service, "other");
    EXPECT_EQ(records[1].finished, rfc3339(death + seconds(3)));
    EXPECT_EQ(records[500].finished, rfc3339(death + seconds(502)));
}

TEST(LedgerMissed, ThrowsWhenItCannotBeWritten) {
    const TempDir dir;
    dir.write(".logbackup/missed", "in the way");
    EXPECT_THROW(save_missed_record(dir.fd(), missed("svc", "aaa")), Error);
}

TEST(LastCompleteRun, IsNoneAtFirst) {
    const TempDir dir;
    EXPECT_EQ(last_complete_run(dir.fd()), Timestamp{});
    dir.make_directory(".logbackup");
    EXPECT_EQ(last_complete_run(dir.fd()), Timestamp{});
}

TEST(LastCompleteRun, IsKeptToTheNanosecond) {
    const TempDir dir;
    dir.make_directory(".logbackup");
    for (const Timestamp began : {death + nanoseconds(123'456'789), death + nanoseconds(123'456'788),
                                  death + seconds(60), Timestamp{nanoseconds(1)}}) {
        note_complete_run(dir.fd(), began);
        EXPECT_EQ(last_complete_run(dir.fd()), began);
    }
    struct stat status {};
    ASSERT_EQ(::stat(dir.at(".logbackup/last-run").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0600U);
    EXPECT_EQ(status.st_size, 0);
}

TEST(LastCompleteRun, ThrowsWhenItCannotBeWritten) {
    const TempDir without;
    EXPECT_THROW(note_complete_run(without.fd(), death), Error);
    const TempDir linked;
    linked.write("outside", "");
    linked.link(".logbackup/last-run", "../outside");
    const auto before = std::filesystem::last_write_time(linked.at("outside"));
    EXPECT_THROW(note_complete_run(linked.fd(), death), Error);
    EXPECT_EQ(std::filesystem::last_write_time(linked.at("outside")), before);
}

} // namespace
} // namespace logbackup
