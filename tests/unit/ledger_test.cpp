// SPDX-License-Identifier: MIT
#include "ledger/ledger.hpp"

#include "in_private_mounts.hpp"
#include "support.hpp"
#include "util/error.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace logbackup {
namespace {

using test::TempDir;

Record full_record() {
    Record record;
    record.service = "svc";
    record.instance = "pod@2";
    record.pod = "pod";
    record.namespace_name = "shop";
    record.pod_uid = "1234-5678";
    record.volume = "/srv/logs \"quoted\" \\ ä\n";
    record.containers = {"aaa", "bbb"};
    record.image = "registry/app:1";
    record.restart_count = "7";
    record.created = "2026-11-22T14:55:12Z";
    record.started = "2026-11-22T14:55:13Z";
    record.finished = "2026-11-22T14:55:14Z";
    record.log_directory = "/opt/logs";
    record.first_seen = "2026-11-22T14:56:00Z";
    record.coverage = Coverage::cut;
    record.saved_until = "2026-11-22T14:57:00Z";
    record.has_writer = true;
    record.limits = {Limit::files, Limit::file_size};
    record.elsewhere = {{"archive", "svc/pod+opt+logs+archive"}, {"a\xff/b", "other/pod/x"}};
    return record;
}

Record record_of(const std::string& service, const std::string& instance, const std::string& id) {
    Record record;
    record.service = service;
    record.instance = instance;
    record.pod = instance.substr(0, instance.find('@'));
    record.containers = {id};
    return record;
}

std::vector<Record> load(const TempDir& dir) {
    std::vector<std::string> problems;
    auto records = load_live_records(dir.fd(), problems);
    for (const auto& problem : problems)
        ADD_FAILURE() << problem;
    return records;
}

TEST(RecordText, KeepsEveryField) {
    const Record record = full_record();
    EXPECT_EQ(parse_record("svc", "pod@2", record_text(record)), record);
    Record live;
    live.service = "svc";
    live.instance = "pod";
    EXPECT_EQ(parse_record("svc", "pod", record_text(live)), live);
}

TEST(RecordText, HasAVersion) {
    const auto json = nlohmann::json::parse(record_text(full_record()));
    EXPECT_EQ(json["version"], 1);
    EXPECT_EQ(json["coverage"], "cut");
}

TEST(RecordText, DoesNotThrowOnBytesThatAreNotUtf8) {
    Record record = full_record();
    record.image = "a\xff\xc3";
    record.containers = {"\xfe"};
    const auto parsed = parse_record("svc", "pod@2", record_text(record));
    EXPECT_EQ(parsed.pod_uid, record.pod_uid);
    EXPECT_EQ(parsed.containers.size(), 1U);
}

TEST(RecordText, KeepsAVolumeWhosePathIsNotUtf8) {
    // By this path the volume is found again; were it lost, each run would take the volume for a new one.
    Record record = full_record();
    record.volume = "/srv/\xff\xfe/logs";
    EXPECT_EQ(parse_record("svc", "pod@2", record_text(record)).volume, record.volume);
}

TEST(ParseRecord, ThrowsOnWhatIsNoRecord) {
    for (const std::string text :
         {"", " ", "garbage", "null", "[]", "7", "\"text\"", "{}", "{\"version\": 2}", "{\"version\": \"1\"}",
          "{\"version\": null}", "{\"version\": 1", "{\"version\": 1} x", "[{\"version\": 1}]", "\xff"})
        EXPECT_THROW((void)parse_record("svc", "pod", text), Error) << text;
}

TEST(ParseRecord, TakesMembersOfAnotherTypeForEmpty) {
    const auto record =
        parse_record("svc", "pod", R"({"version": 1, "coverage": "live", "pod": 7, "volume": null,
        "containers": ["a", 1, null, "b"], "image": {}, "created": [], "unknown": true})");
    EXPECT_EQ(record.coverage, Coverage::live);
    EXPECT_EQ(record.pod, "");
    EXPECT_EQ(record.volume, "");
    EXPECT_EQ(record.containers, (std::vector<std::string>{"a", "b"}));
    EXPECT_TRUE(parse_record("s", "p", R"({"version": 1, "containers": "a"})").containers.empty());
}

TEST(Ledger, LoadsWhatWasSaved) {
    const TempDir dir;
    Record record = full_record();
    record.coverage = Coverage::live;
    save_live_record(dir.fd(), record);
    EXPECT_EQ(load(dir), std::vector<Record>{record});
    record.image = "registry/app:2";
    save_live_record(dir.fd(), record);
    EXPECT_EQ(load(dir), std::vector<Record>{record});
}

TEST(Ledger, KeepsItsRecordsBesideTheLogs) {
    const TempDir dir;
    save_live_record(dir.fd(), record_of("svc", "pod", "a"));
    EXPECT_TRUE(dir.has(".logbackup/live/svc/pod"));
    EXPECT_FALSE(dir.has("svc"));
    struct stat status {};
    ASSERT_EQ(::stat(dir.at(".logbackup/live/svc/pod").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0600U);
}

TEST(Ledger, LoadsManySortedByServiceAndInstance) {
    const TempDir dir;
    for (int i = 199; i >= 0; --i)
        save_live_record(dir.fd(), record_of("svc" + std::to_string(i % 7), "pod-" + std::to_string(i), "c"));
    const auto records = load(dir);
    ASSERT_EQ(records.size(), 200U);
    EXPECT_TRUE(std::is_sorted(records.begin(), records.end(), [](const Record& a, const Record& b) {
        return std::tie(a.service, a.instance) < std::tie(b.service, b.instance);
    }));
}

TEST(Ledger, HasNothingInAnEmptyBackup) {
    const TempDir dir;
    EXPECT_TRUE(load(dir).empty());
    EXPECT_EQ(finish_move(dir.fd()), "");
    const auto service = look_up_service(dir.fd(), "svc");
    EXPECT_TRUE(service.present.empty() && service.ended.empty());
}

TEST(Ledger, ReportsGarbageAndLoadsTheOthers) {
    const TempDir dir;
    save_live_record(dir.fd(), record_of("svc", "pod-a", "a"));
    save_live_record(dir.fd(), record_of("svc", "pod-z", "z"));
    dir.write(".logbackup/live/svc/pod-b", "garbage");
    dir.write(".logbackup/live/svc/pod-c", "");
    dir.link(".logbackup/live/svc/pod-d", "pod-a");
    dir.fifo(".logbackup/live/svc/pod-e");
    dir.write(".logbackup/live/svc/pod-f", std::string(2U << 20U, ' '));
    dir.make_directory(".logbackup/live/svc/pod-g");
    dir.write(".logbackup/live/svc/.new", "half");
    std::vector<std::string> problems;
    const auto records = load_live_records(dir.fd(), problems);
    ASSERT_EQ(records.size(), 2U);
    EXPECT_EQ(records[0].instance, "pod-a");
    EXPECT_EQ(records[1].instance, "pod-z");
    ASSERT_EQ(problems.size(), 6U);
    for (std::size_t i = 0; i < problems.size(); ++i)
        EXPECT_NE(problems[i].find(std::string("pod-") + "bcdefg"[i]), std::string::npos) << problems[i];
}

TEST(Ledger, TellsWhatToDoAboutARecordThatCannotBeRead) {
    const TempDir dir;
    dir.write(".logbackup/live/svc/pod@3", "{\"version\": 2}");
    std::vector<std::string> problems;
    EXPECT_TRUE(load_live_records(dir.fd(), problems).empty());
    EXPECT_EQ(problems,
              std::vector<std::string>{
                  "cannot read the record '.logbackup/live/svc/pod@3': it is of version 2, which a newer "
                  "logbackup made; nothing is saved in 'svc/pod@3' until that file is restored from a copy, "
                  "or 'svc/pod@3' is renamed (to 'svc/pod@900' or the like) and then the file removed"});
    EXPECT_EQ(look_up_service(dir.fd(), "svc").live, std::set<std::string>{"pod@3"});
}

TEST(Ledger, ReportsDirectoriesThatCannotBeRead) {
    for (const std::string place : {"svc", ".logbackup/live/svc", ".logbackup/ended/svc"}) {
        const TempDir dir;
        save_live_record(dir.fd(), record_of("abc", "pod", "a"));
        dir.write(place, "in the way");
        const std::string problem = "cannot read the directory '" + place + "': Not a directory";
        EXPECT_EQ(look_up_service(dir.fd(), "svc").problem, problem);
        EXPECT_EQ(look_up_service(dir.fd(), "abc").problem, "");
        std::vector<std::string> problems;
        EXPECT_EQ(load_live_records(dir.fd(), problems).size(), 1U);
        EXPECT_EQ(problems,
                  place == ".logbackup/live/svc" ? std::vector{problem} : std::vector<std::string>());
    }
    const TempDir dir;
    dir.write(".logbackup/live", "in the way");
    std::vector<std::string> problems;
    EXPECT_TRUE(load_live_records(dir.fd(), problems).empty());
    EXPECT_EQ(problems.size(), 1U);
    EXPECT_NE(look_up_service(dir.fd(), "svc").problem, "");
}

TEST(Ledger, WritesNoRecordThatCouldNotBeRead) {
    const TempDir dir;
    Record record = record_of("svc", "pod", "a");
    save_live_record(dir.fd(), record);
    record.image = std::string(1U << 20U, 'x');
    for (const auto& write : {save_live_record, end_record, reopen_record})
        try {
            write(dir.fd(), record);
            FAIL();
        } catch (const Error& error) {
            EXPECT_NE(std::string(error.what()).find("svc/pod': File too large"), std::string::npos)
                << error.what();
        }
    EXPECT_EQ(load(dir), std::vector<Record>{record_of("svc", "pod", "a")});
    EXPECT_FALSE(dir.has(".logbackup/ended/svc/pod"));
    record.image.resize(record.image.size() - 200);
    save_live_record(dir.fd(), record);
    EXPECT_EQ(load(dir), std::vector<Record>{record});
}

TEST(NotePlaces, KeepsThoseOfBeforeAndTakesOverThoseOfNow) {
    Record record;
    record.seen_places = {{"/a", "/1"}, {"/b", "/2"}};
    note_places(record, {{{"/b", "/3"}}, {{"/c", "/4"}}});
    EXPECT_EQ(record.seen_places,
              (std::map<std::string, std::string>{{"/a", "/1"}, {"/b", "/3"}, {"/c", "/4"}}));
}

TEST(NotePlaces, KeepsTheOwnOnesWhereOthersTakeMoreThanThereIsRoomFor) {
    const std::string most(65536 - 4, 'x');
    Record record;
    record.seen_places = {{"/a", "/1"}};
    note_places(record, {{{"/b", "/2"}}, {{"/c", most}, {"/d", "/3"}}});
    EXPECT_EQ(record.seen_places, (std::map<std::string, std::string>{{"/b", "/2"}, {"/d", "/3"}}));
    note_places(record, {{{"/b", "/2"}}, {{"/c", most.substr(2)}}});
    EXPECT_EQ(record.seen_places, (std::map<std::string, std::string>{{"/b", "/2"}, {"/c", most.substr(2)}}));
    record.volume = std::string(4096, '\xff');
    EXPECT_LT(record_text(record).size(), 1U << 20U);
}

TEST(Ledger, LooksUpWhatIsPresentAndWhatHasEnded) {
    const TempDir dir;
    dir.make_directory("svc/pod");
    dir.make_directory("svc/pod@1");
    dir.make_directory("other/pod-x");
    Record ended = record_of("svc", "pod@1", "a");
    save_live_record(dir.fd(), ended);
    end_record(dir.fd(), ended);
    const auto service = look_up_service(dir.fd(), "svc");
    EXPECT_EQ(service.present, (std::set<std::string>{"pod", "pod@1"}));
    EXPECT_EQ(service.ended, std::set<std::string>{"pod@1"});
}

TEST(Ledger, EndsARecord) {
    const TempDir dir;
    Record record = record_of("svc", "pod", "a");
    save_live_record(dir.fd(), record);
    record.coverage = Coverage::cut;
    record.saved_until = "2026-11-22T14:57:00Z";
    end_record(dir.fd(), record);
    EXPECT_TRUE(load(dir).empty());
    EXPECT_EQ(parse_record("svc", "pod", dir.read(".logbackup/ended/svc/pod")), record);
    end_record(dir.fd(), record); // again, after a crash between its two steps
    EXPECT_TRUE(load(dir).empty());
}

TEST(Ledger, ThrowsWhenARecordCannotBeWritten) {
    const TempDir dir;
    dir.write(".logbackup/live", "in the way");
    EXPECT_THROW(save_live_record(dir.fd(), record_of("svc", "pod", "a")), Error);
    const TempDir linked;
    linked.make_directory("outside");
    linked.make_directory(".logbackup");
    linked.link(".logbackup/live", "../outside");
    EXPECT_THROW(save_live_record(linked.fd(), record_of("svc", "pod", "a")), Error);
    EXPECT_TRUE(std::filesystem::is_empty(linked.at("outside")));
}

/// A backup with one log directory "svc/pod", and what must be there once it is moved to "svc/pod@1".
class LedgerMove : public ::testing::Test {
  protected:
    static constexpr const char* old_record = ".logbackup/live/svc/pod";
    const Move move{"svc", "pod", "pod@1", RecordId{0}};
    const Move move_ended{"svc", "pod", "pod@1", std::nullopt};
    TempDir dir;
    Record record = record_of("svc", "pod", "a");

    void SetUp() override {
        dir.write("svc/pod/app.log", "line\n");
        save_live_record(dir.fd(), record);
    }
    void end() {
        record.coverage = Coverage::cut;
        end_record(dir.fd(), record);
    }
    /// As the next run does.
    void recover() { EXPECT_EQ(finish_move(dir.fd()), ""); }

    void expect_moved() {
        EXPECT_FALSE(dir.has("svc/pod"));
        EXPECT_EQ(dir.read("svc/pod@1/app.log"), "line\n");
        const auto records = load(dir);
        ASSERT_EQ(records.size(), 1U);
        EXPECT_EQ(records[0].instance, "pod@1");
        EXPECT_EQ(records[0].containers, record.containers);
        EXPECT_FALSE(dir.has(old_record));
        EXPECT_FALSE(dir.has(".logbackup/move"));
    }
    void expect_ended_moved() {
        EXPECT_FALSE(dir.has("svc/pod"));
        EXPECT_EQ(dir.read("svc/pod@1/app.log"), "line\n");
        const auto service = look_up_service(dir.fd(), "svc");
        EXPECT_EQ(service.present, std::set<std::string>{"pod@1"});
        EXPECT_EQ(service.ended, std::set<std::string>{"pod@1"});
    }
};

TEST_F(LedgerMove, RenamesDirectoryAndRecord) {
    move_instance(dir.fd(), move);
    expect_moved();
    recover();
    expect_moved();
}

TEST_F(LedgerMove, MovesAnEndedOne) {
    end();
    move_instance(dir.fd(), move_ended);
    expect_ended_moved();
    recover();
    expect_ended_moved();
}

/// The states that a crash can leave, with the journal written.
class LedgerMoveInterrupted : public LedgerMove, public ::testing::WithParamInterface<bool> {
  protected:
    void SetUp() override {
        LedgerMove::SetUp();
        if (!live())
            end();
        dir.write(".logbackup/move", std::string(R"({"service":"svc","from":"pod","to":"pod@1","live":)") +
                                         (live() ? "true" : "false") + "}");
    }
    [[nodiscard]] bool live() const { return GetParam(); }
    void rename_record() {
        const std::string records = live() ? ".logbackup/live/svc/" : ".logbackup/ended/svc/";
        std::filesystem::rename(dir.at(records + "pod"), dir.at(records + "pod@1"));
    }
    void rename_directory() { std::filesystem::rename(dir.at("svc/pod"), dir.at("svc/pod@1")); }
    void expect_recovered() {
        recover();
        live() ? expect_moved() : expect_ended_moved();
        recover();
        live() ? expect_moved() : expect_ended_moved();
    }
};
INSTANTIATE_TEST_SUITE_P(, LedgerMoveInterrupted, ::testing::Bool(),
                         [](const ::testing::TestParamInfo<bool>& each) {
                             return each.param ? "Live" : "Ended";
                         });

TEST_P(LedgerMoveInterrupted, BeforeTheFirstStep) {
    expect_recovered();
}

TEST_P(LedgerMoveInterrupted, AfterTheRecord) {
    rename_record();
    expect_recovered();
}

TEST_P(LedgerMoveInterrupted, AfterTheDirectory) {
    rename_record();
    rename_directory();
    expect_recovered();
}

TEST_F(LedgerMove, WithAJournalThatIsGarbageNothingIsTouched) {
    dir.write(".logbackup/move", "garbage");
    EXPECT_NE(finish_move(dir.fd()).find("interrupted move"), std::string::npos);
    recover();
    EXPECT_EQ(dir.read(".logbackup/move.damaged"), "garbage");
    EXPECT_EQ(dir.read("svc/pod/app.log"), "line\n");
    EXPECT_TRUE(dir.has(old_record));
}

TEST_F(LedgerMove, WorksForARecordWithoutADirectory) {
    std::filesystem::remove_all(dir.at("svc/pod"));
    move_instance(dir.fd(), move);
    const auto records = load(dir);
    ASSERT_EQ(records.size(), 1U);
    EXPECT_EQ(records[0].instance, "pod@1");
}

TEST_F(LedgerMove, NeverOverwritesADirectory) {
    dir.write("svc/pod@1/app.log", "another one's\n");
    EXPECT_THROW(move_instance(dir.fd(), move), Error);
    EXPECT_EQ(dir.read("svc/pod/app.log"), "line\n");
    EXPECT_EQ(dir.read("svc/pod@1/app.log"), "another one's\n");
    EXPECT_TRUE(dir.has(old_record));
    EXPECT_FALSE(dir.has(".logbackup/move"));
}

TEST_F(LedgerMove, IsNotFinishedAgainWithTheNextHolderOfTheName) {
    move_instance(dir.fd(), move);
    save_live_record(dir.fd(), record_of("svc", "pod", "b"));
    dir.write("svc/pod/app.log", "the newer one's\n");
    std::filesystem::remove_all(dir.at("svc/pod@1")); // by the operator
    recover();
    EXPECT_EQ(dir.read("svc/pod/app.log"), "the newer one's\n");
    EXPECT_TRUE(dir.has(old_record));
    EXPECT_FALSE(dir.has("svc/pod@1"));
}

TEST_F(LedgerMove, KeepsBothRecordsOfTwoLogDirectories) {
    move_instance(dir.fd(), move);
    save_live_record(dir.fd(), record_of("svc", "pod", "b"));
    EXPECT_EQ(load(dir).size(), 2U);
}

TEST(FurtherRecords, HaveTheNamesOfTheirDirectories) {
    const TempDir dir;
    Record record = record_of("svc", "pod", "a");
    record.instance = "pod@1+opt+100%25+%2B";
    save_live_record(dir.fd(), record);
    EXPECT_TRUE(dir.has(".logbackup/live/svc/" + record.instance));
    std::vector<std::string> problems;
    ASSERT_EQ(load_live_records(dir.fd(), problems).size(), 1U);
    EXPECT_EQ(load_live_records(dir.fd(), problems).front().instance, record.instance);
    EXPECT_EQ(look_up_service(dir.fd(), "svc").live, std::set<std::string>{record.instance});
    end_record(dir.fd(), record);
    EXPECT_TRUE(load_live_records(dir.fd(), problems).empty());
    EXPECT_TRUE(load_ended_record(dir.fd(), "svc", record.instance, problems));
    EXPECT_EQ(look_up_service(dir.fd(), "svc").ended, std::set<std::string>{record.instance});
    EXPECT_TRUE(problems.empty());
}

TEST(FurtherRecords, CanBeGivenAFreeNumber) {
    const std::vector<std::pair<std::string, std::string>> free_names{
        {"pod+opt", "pod+opt@900"}, {"pod@1+opt", "pod@900+opt"}, {"pod@12", "pod@900"}};
    for (const auto& [name, free] : free_names) {
        const TempDir dir;
        dir.write(".logbackup/live/svc/" + name, "{}");
        std::vector<std::string> problems;
        (void)load_live_records(dir.fd(), problems);
        ASSERT_EQ(problems.size(), 1U);
        EXPECT_NE(problems.front().find("(to 'svc/" + free + "' or the like)"), std::string::npos)
            << problems.front();
    }
}

TEST(FurtherRecords, MoveAlone) {
    const TempDir dir;
    dir.make_directory(".logbackup");
    dir.write("svc/pod/app.log", "first");
    dir.write("svc/pod+var+log/app.log", "second");
    Record record = record_of("svc", "pod", "a");
    record.instance = "pod+var+log";
    save_live_record(dir.fd(), record);
    move_instance(dir.fd(), {"svc", "pod+var+log", "pod@1+var+log", RecordId{0}});
    EXPECT_EQ(dir.read("svc/pod/app.log"), "first");
    EXPECT_EQ(dir.read("svc/pod@1+var+log/app.log"), "second");
    EXPECT_FALSE(dir.has("svc/pod+var+log"));
    std::vector<std::string> problems;
    EXPECT_EQ(load_live_records(dir.fd(), problems).front().instance, "pod@1+var+log");
}

} // namespace
} // namespace logbackup
