// SPDX-License-Identifier: MIT
#include "retention/select.hpp"

#include "in_private_mounts.hpp"
#include "ledger/inventory.hpp"
#include "ledger/ledger.hpp"
#include "ledger/links.hpp"
#include "report/prune_report.hpp"
#include "retention/delete.hpp"
#include "support.hpp"
#include "util/files.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <algorithm>

namespace logbackup {
namespace {

using namespace std::chrono_literals;
using Names = std::vector<std::string>;

const Timestamp prune_now = parse_rfc3339("2026-11-22T14:55:12Z");
constexpr auto day = 24h;

Record record_of(const std::string& service, const std::string& instance, Coverage coverage) {
    Record record;
    record.service = service;
    record.instance = instance;
    record.pod = instance.substr(0, instance.find('@'));
    record.namespace_name = "shop";
    record.containers = {service + instance};
    record.coverage = coverage;
    return record;
}

/// Every name in the backup with its content.
Names state_of(const std::string& root) {
    Names names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
        std::string line = entry.path().lexically_relative(root).string();
        if (entry.is_regular_file() && !entry.is_symlink()) {
            std::ifstream file(entry.path());
            line += " " + std::string(std::istreambuf_iterator<char>(file), {});
        }
        names.push_back(std::move(line));
    }
    std::sort(names.begin(), names.end());
    return names;
}

class Prune : public testing::Test {
  protected:
    void SetUp() override { dir.make_directory(".logbackup"); }
    void end(const std::string& service, const std::string& instance, Timestamp ended,
             std::size_t bytes = 10) {
        Record record = record_of(service, instance, Coverage::complete);
        record.ended = rfc3339(ended);
        end_record(dir.fd(), record);
        dir.write(record.directory() + "/d/app.log", std::string(bytes, 'x'));
    }
    PruneReport plan() {
        PruneReport report{false, dir.path(), prune_now, {}, {}, {}};
        plan_prune(report, dir.fd(), filter, rules, evidence);
        EXPECT_EQ(report.problems, Names{});
        return report;
    }
    static Names names_of(const PruneReport& report) {
        Names names;
        for (const auto& item : report.items)
            names.push_back(item.kind == PruneKind::missed ? item.record.service + " missed"
                                                           : item.record.directory());
        return names;
    }
    Names planned() { return names_of(plan()); }
    PruneReport prune() {
        auto report = plan();
        carry_out(report, dir.fd(), stop.get());
        EXPECT_EQ(failure_lines(report), Names{});
        return report;
    }
    std::uint64_t disk_bytes(const std::string& name) {
        return static_cast<std::uint64_t>(status_at(dir.fd(), name)->st_blocks) * 512;
    }

    test::TempDir dir;
    Filter filter;
    RetentionRules rules;
    EndEvidence evidence{prune_now, [](const Record&) { return false; }};
    test::Stop stop;
};

TEST_F(Prune, TakesWhatEndedLongAgo) {
    end("web", "web-1", prune_now - 31 * day);
    end("web", "web-2", prune_now - 29 * day);
    end("db", "db-0", prune_now - 40 * day);
    end("future", "f-0", prune_now + 3650 * day);
    EXPECT_EQ(planned(), Names{}) << "nothing was asked for";
    rules.keep = 30 * day;
    EXPECT_EQ(planned(), (Names{"db/db-0", "web/web-1"}));
    rules.of_services = {{"d*", for_ever}, {"web", 28 * day}};
    EXPECT_EQ(planned(), (Names{"web/web-1", "web/web-2"}));
    rules.of_services.clear();
    filter.services = {"web"};
    EXPECT_EQ(planned(), Names{"web/web-1"});
}

TEST_F(Prune, NeverTakesWhatIsLive) {
    rules.keep = 1ms;
    rules.max_size = 1;
    Record live = record_of("web", "web-1", Coverage::complete); // docker still has it
    live.ended = live.finished = live.saved_until = rfc3339(prune_now - 100 * day);
    save_live_record(dir.fd(), live);
    dir.write("web/web-1/app.log", "x");
    dir.write("web/web-2/app.log", "without a record");
    Record both = record_of("web", "web-3", Coverage::cut); // it was being opened again
    both.ended = rfc3339(prune_now - 100 * day);
    end_record(dir.fd(), both);
    dir.write("web/web-3/app.log", "x");
    both.coverage = Coverage::live;
    save_live_record(dir.fd(), both);
    const auto report = plan();
    EXPECT_EQ(names_of(report), Names{});
    EXPECT_NE(report.too_large, "");
    end("web", "web-4", prune_now - 100 * day);
    dir.write(".logbackup/live/web/web-4", "garbage"); // who knows
    rules.max_size = UINT64_MAX;
    EXPECT_EQ(planned(), Names{});
}

TEST_F(Prune, GoesByTheNewestTimeThatIsKnown) {
    Record record;
    EXPECT_EQ(ended_at(record, {}), Timestamp{});
    EXPECT_EQ(ended_at(record, prune_now - 5 * day), prune_now - 5 * day)
        << "an older record: when it was written";
    record.ended = rfc3339(prune_now - 9 * day);
    EXPECT_EQ(ended_at(record, prune_now), prune_now - 9 * day);
    record.finished = rfc3339(prune_now - 8 * day);
    EXPECT_EQ(ended_at(record, prune_now), prune_now - 8 * day);
    record.saved_until = rfc3339(prune_now - 7 * day);
    EXPECT_EQ(ended_at(record, prune_now), prune_now - 7 * day);
    record = {};
    record.ended = "1970-01-01T00:03:00Z";
    EXPECT_EQ(ended_at(record, prune_now), Timestamp{}) << "a clock that was not set";
    record.ended = "garbage";
    EXPECT_EQ(ended_at(record, prune_now), Timestamp{});
}

TEST_F(Prune, KeepsWhatHasNoTime) {
    end("web", "web-1", parse_rfc3339("1970-01-01T00:03:00Z"));
    rules.keep = 1ms;
    rules.max_size = 1;
    EXPECT_EQ(planned(), Names{});
}

TEST_F(Prune, TakesRecordsOfMissedContainers) {
    for (const int age : {31, 29}) {
        Record missed = record_of("job", "job-" + std::to_string(age), Coverage::missed);
        missed.finished = rfc3339(prune_now - age * day);
        save_missed_record(dir.fd(), missed);
    }
    Record unknown = record_of("other", "other-1", Coverage::missed);
    unknown.finished = "garbage";
    save_missed_record(dir.fd(), unknown);
    rules.keep = 30 * day;
    EXPECT_EQ(planned(), Names{"job missed"});
    prune();
    Names problems;
    const auto left = load_missed_records(dir.fd(), problems);
    ASSERT_EQ(left.size(), 2U);
    EXPECT_EQ(left[0].pod, "job-29");
    rules.keep = day;
    prune();
    EXPECT_FALSE(dir.has(".logbackup/missed/job"));
}

TEST_F(Prune, TakesTheOldestUntilTheRestFits) {
    end("web", "web-1", prune_now - 2 * day, 40'000);
    end("web", "web-2", prune_now - 4 * day, 50'000);
    end("web", "web-3", prune_now - 3 * day, 60'000);
    end("web", "empty", prune_now - 9 * day);
    std::filesystem::remove_all(dir.at("web/empty"));
    save_live_record(dir.fd(), record_of("web", "live-0", Coverage::live));
    dir.write("web/live-0/app.log", std::string(70'000, 'x'));
    const auto first = disk_bytes("web/web-1/d/app.log");
    const auto third = disk_bytes("web/web-3/d/app.log");
    const auto live = disk_bytes("web/live-0/app.log");
    rules.max_size = first + third + live;
    EXPECT_EQ(planned(), Names{"web/web-2"});
    --rules.max_size;
    EXPECT_EQ(planned(), (Names{"web/web-2", "web/web-3"}));
    end("web", "old", prune_now - 50 * day, 30'000);
    rules.keep = 30 * day;
    const auto both = plan();
    EXPECT_EQ(names_of(both), (Names{"web/old", "web/web-2", "web/web-3"}));
    EXPECT_EQ(both.items[0].reason, PruneReason::keep);
    EXPECT_EQ(both.items[1].reason, PruneReason::max_size);
    EXPECT_EQ(both.items[2].disk_bytes, third);
    EXPECT_EQ(both.too_large, "");
    rules.max_size = live - 1;
    const auto none = plan();
    EXPECT_EQ(names_of(none), Names{"web/old"}) << "when all is not enough, none goes for it";
    EXPECT_EQ(none.too_large.find("the backup takes "), 0U) << none.too_large;
    rules.max_size = live;
    prune();
    EXPECT_FALSE(dir.has("web/web-1"));
    EXPECT_TRUE(dir.has("web/live-0/app.log"));
    EXPECT_EQ(planned(), Names{});
}

TEST_F(Prune, DeletesNothingOnTheDayThatItEnded) {
    end("web", "web-1", prune_now - day + 1min, 40'000);
    Record missed = record_of("job", "job-1", Coverage::missed);
    missed.finished = rfc3339(prune_now - day + 1min);
    save_missed_record(dir.fd(), missed);
    rules.keep = 1ms;
    rules.max_size = 1;
    EXPECT_EQ(planned(), Names{});
    EXPECT_NE(plan().too_large, "");
    end("web", "web-1", prune_now - day - 1min, 40'000);
    EXPECT_EQ(planned(), Names{"web/web-1"});
}

TEST_F(Prune, DeletesNothingThatOneRunFoundEnded) {
    end("web", "web-1", prune_now - 31 * day);
    rules.keep = 30 * day;
    rules.max_size = 1;
    evidence.last_complete_run =
        prune_now - 31 * day; // that run found it gone, and none came to its end since
    EXPECT_EQ(planned(), Names{});
    evidence.last_complete_run = {};
    EXPECT_EQ(planned(), Names{});
    evidence.last_complete_run = prune_now - 31 * day + 1min;
    EXPECT_EQ(planned(), Names{"web/web-1"});
}

TEST_F(Prune, DeletesNothingThatMayExist) {
    end("web", "web-1", prune_now - 31 * day);
    end("web", "web-2", prune_now - 31 * day);
    rules.keep = 30 * day;
    rules.max_size = 1;
    evidence.may_exist = [](const Record& record) { return record.pod == "web-1"; };
    EXPECT_EQ(planned(), Names{"web/web-2"});
}

PruneItem ended_item(const std::string& service, int days, std::uint64_t bytes) {
    PruneItem item;
    item.record = record_of(service, service + "-" + std::to_string(days), Coverage::complete);
    item.ended = prune_now - days * day;
    item.disk_bytes = bytes;
    return item;
}

/// The instances that are chosen, or "none".
Names chosen(const std::map<std::string, std::uint64_t>& usage, std::vector<PruneItem> ended,
             std::uint64_t most) {
    const auto items = choose_for_size(usage, std::move(ended), most);
    Names names;
    for (const auto& item : items.value_or(std::vector<PruneItem>()))
        names.push_back(item.record.instance);
    return items ? names : Names{"none"};
}

TEST(PruneForSize, TakesFromTheServiceThatTakesMost) {
    const std::vector<PruneItem> ended{ended_item("a", 2, 30), ended_item("a", 9, 30),
                                       ended_item("b", 50, 10)};
    EXPECT_EQ(chosen({{"a", 60}, {"b", 10}}, ended, 70), Names{});
    EXPECT_EQ(chosen({{"a", 60}, {"b", 10}}, ended, 69), Names{"a-9"});
    EXPECT_EQ(chosen({{"a", 60}, {"b", 10}}, ended, 39), (Names{"a-9", "a-2"}));
}

TEST(PruneForSize, LeavesEachServiceItsShare) {
    const std::vector<PruneItem> ended{ended_item("a", 9, 30), ended_item("b", 50, 10),
                                       ended_item("b", 51, 30)};
    EXPECT_EQ(chosen({{"a", 30}, {"b", 40}}, ended, 60), Names{"b-51"});
    EXPECT_EQ(chosen({{"a", 30}, {"b", 60}, {"live", 100}}, ended, 160), Names{"b-51"});
    EXPECT_EQ(chosen({{"a", 30}, {"b", 10}, {"live", 100}}, ended, 120), Names{"none"}) << "40 for each";
}

TEST(PruneForSize, TakesNoneWhenAllAreNotEnough) {
    const std::vector<PruneItem> ended{ended_item("a", 9, 30), ended_item("b", 50, 30)};
    EXPECT_EQ(chosen({{"a", 30}, {"b", 30}, {"flood", 1000}}, ended, 20), Names{"none"});
    EXPECT_EQ(chosen({{"flood", 1000}}, {}, 20), Names{"none"});
    EXPECT_EQ(chosen({}, {}, 20), Names{});
    auto failing = ended_item("a", 9, 30);
    failing.failure = "another file system is mounted there";
    EXPECT_EQ(chosen({{"a", 30}}, {failing}, 20), Names{"none"});
}

TEST_F(Prune, DeletesAllOfItAndNothingElse) {
    rules.keep = 30 * day;
    end("web", "web-1", prune_now - 31 * day);
    end("web", "web-1@1", prune_now - 32 * day);
    end("web", "web-2", prune_now - 1 * day);
    end("db", "db-0", prune_now - 31 * day);
    dir.write("outside/precious", "precious");
    dir.link("web/web-1/link", dir.at("outside"));
    dir.link("web/web-1/d/link", "../../web-2/d/app.log");
    dir.fifo("web/web-1/fifo");
    const auto before = state_of(dir.path());
    const auto dry = plan();
    EXPECT_EQ(state_of(dir.path()), before) << "a plan changes nothing";
    const auto report = prune();
    EXPECT_EQ(names_of(report), names_of(dry));
    EXPECT_EQ(dir.read("outside/precious"), "precious");
    EXPECT_EQ(dir.read("web/web-2/d/app.log"), std::string(10, 'x'));
    for (const char* name : {"web/web-1", "web/web-1@1", "db", ".logbackup/ended/web/web-1",
                             ".logbackup/ended/db", ".logbackup/pruning"})
        EXPECT_FALSE(dir.has(name)) << name;
    EXPECT_TRUE(dir.has(".logbackup/ended/web/web-2"));
}

TEST_F(Prune, DeletesTheLinksToWhatItDeletes) {
    rules.keep = 30 * day;
    end("web", "web-1", prune_now - 31 * day);
    Record record = find_record(dir.fd(), "web", "web-1").value();
    record.sharers = {{"logger", "web-1", "web-1", "", "l"}, {"web", "web-7", "web-7", "", "w"}};
    end_record(dir.fd(), record);
    update_links(dir.fd(), {}, record, static_cast<gid_t>(-1));
    dir.link("web/web-8", "web-1"); // an operator's
    EXPECT_TRUE(dir.has("logger/web-1/d/app.log"));
    EXPECT_EQ(names_of(prune()), Names{"web/web-1"});
    for (const char* name : {"web/web-1", "logger", "web/web-7"})
        EXPECT_FALSE(dir.has(name)) << name;
    EXPECT_TRUE(dir.has("web/web-8"));
}

TEST_F(Prune, DeletesAFurtherLogDirectoryAndNotTheFirst) {
    rules.keep = 30 * day;
    end("web", "web-1", prune_now - 1 * day);
    end("web", "web-1+var+log", prune_now - 31 * day);
    EXPECT_EQ(names_of(prune()), Names{"web/web-1+var+log"});
    for (const char* name : {"web/web-1+var+log", ".logbackup/ended/web/web-1+var+log", ".logbackup/pruning"})
        EXPECT_FALSE(dir.has(name)) << name;
    EXPECT_TRUE(dir.has("web/web-1/d/app.log"));
    EXPECT_TRUE(dir.has(".logbackup/ended/web/web-1"));
}

TEST_F(Prune, DoesNotFollowALinkInThePlaceOfADirectory) {
    rules.keep = 30 * day;
    dir.write("outside/app.log", "precious");
    end("web", "web-1", prune_now - 31 * day);
    std::filesystem::remove_all(dir.at("web/web-1"));
    dir.link("web/web-1", dir.at("outside"));
    prune();
    EXPECT_FALSE(dir.has("web/web-1"));
    EXPECT_EQ(dir.read("outside/app.log"), "precious");
    end("db", "db-0", prune_now - 31 * day);
    std::filesystem::rename(dir.at("db"), dir.at("outside/db"));
    dir.link("db", dir.at("outside/db"));
    auto report = plan();
    carry_out(report, dir.fd(), stop.get());
    EXPECT_EQ(failure_lines(report).size(), 1U);
    EXPECT_TRUE(dir.has("outside/db/db-0/d/app.log"));
    EXPECT_TRUE(dir.has(".logbackup/ended/db/db-0"));
}

TEST_F(Prune, LeavesWhatSomethingIsMountedIn) {
    rules.keep = 30 * day;
    end("web", "web-1", prune_now - 31 * day);
    dir.make_directory("web/web-1/mounted");
    dir.write("other/kept", "kept");
    test::in_private_mounts([&] {
        test::bind_mount(dir.at("other"), dir.at("web/web-1/mounted"));
        PruneReport report{false, dir.path(), prune_now, {}, {}, {}};
        const UniqueFd root = test::open_path(dir.path());
        plan_prune(report, root.get(), filter, rules, evidence);
        carry_out(report, root.get(), stop.get());
        ASSERT_EQ(failure_lines(report).size(), 1U);
        EXPECT_EQ(failure_lines(report)[0],
                  "cannot delete 'web/web-1': another file system is mounted there");
        EXPECT_TRUE(dir.has("web/web-1/d/app.log")) << "nothing of it";
        EXPECT_TRUE(dir.has("web/web-1/mounted/kept"));
        EXPECT_TRUE(dir.has(".logbackup/ended/web/web-1"));
    });
}

TEST_F(Prune, StopsWhereTheRunIsStopped) {
    rules.keep = 30 * day;
    end("web", "web-1", prune_now - 31 * day);
    auto report = plan();
    ::kill(::getpid(), SIGTERM);
    carry_out(report, dir.fd(), stop.get());
    EXPECT_EQ(failure_lines(report).size(), 1U);
    EXPECT_TRUE(dir.has("web/web-1/d/app.log"));
}

/// A run that was killed between two steps.
class PruneInterrupted : public Prune {
  protected:
    void go_on() {
        settle_pruning(dir.fd());
        EXPECT_EQ(finish_pruning(dir.fd(), stop.get()), Names{});
        EXPECT_FALSE(dir.has(".logbackup/pruning"));
    }
    void rename(const std::string& from, const std::string& to) {
        std::filesystem::create_directories(dir.at(parent_path(to)));
        std::filesystem::rename(dir.at(from), dir.at(to));
    }
    static constexpr const char* place = ".logbackup/pruning/web/web-1";
    const std::string files = std::string(place) + "/files";
    const std::string record = std::string(place) + "/record";
    static constexpr const char* ended = ".logbackup/ended/web/web-1";
};

TEST_F(PruneInterrupted, BeforeItBegan) {
    end("web", "web-1", prune_now);
    const auto before = state_of(dir.path());
    dir.make_directory(place);
    go_on();
    EXPECT_EQ(state_of(dir.path()), before);
}

TEST_F(PruneInterrupted, BetweenTheFilesAndTheRecord) {
    end("web", "web-1", prune_now - 2 * day);
    rename("web/web-1", files);
    EXPECT_TRUE(take_inventory(dir.fd(), dir.path(), {}).instances.empty()) << "it is not called complete";
    rules.keep = 1ms;
    EXPECT_EQ(planned(), Names{});
    go_on();
    EXPECT_EQ(state_of(dir.path()), (Names{".logbackup", ".logbackup/ended"}));
}

TEST_F(PruneInterrupted, AfterTheRecord) {
    end("web", "web-1", prune_now);
    rename("web/web-1", files);
    rename(ended, record);
    dir.write(files + "/b.log", "rest");
    // Another of that name has come, and ended, meanwhile: as when what was mounted could not be deleted.
    end("web", "web-1", prune_now, 20);
    const auto text = dir.read(ended);
    go_on();
    EXPECT_EQ(dir.read(ended), text);
    EXPECT_EQ(dir.read("web/web-1/d/app.log").size(), 20U);
}

TEST_F(PruneInterrupted, AfterTheFiles) {
    end("web", "web-1", prune_now);
    rename(ended, record);
    std::filesystem::remove_all(dir.at("web/web-1"));
    go_on();
    EXPECT_EQ(state_of(dir.path()), (Names{".logbackup", ".logbackup/ended"}));
}

TEST_F(Prune, FindsOldFilesOfALiveDirectory) {
    const Record live = record_of("web", "web-1", Coverage::live);
    save_live_record(dir.fd(), live);
    for (const char* name : {"app.log", "app.log~20260101T000000Z", "d/e/old.log"})
        dir.write(std::string("web/web-1/") + name, "x");
    dir.link("web/web-1/link", "app.log");
    // Any container can set that.
    const std::array<timespec, 2> long_ago{timespec{1'000'000'000, 0}, timespec{1'000'000'000, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, dir.at("web/web-1/app.log").c_str(), long_ago.data(), 0), 0);
    const Timestamp today = std::chrono::system_clock::now();
    const auto find = [&](Timestamp then, const Names& in_source) {
        Names found;
        for (const auto& item : old_files(dir.fd(), live, rules, then, [&](const std::string& path) {
                 return std::find(in_source.begin(), in_source.end(), path) == in_source.end();
             }))
            found.push_back(item.path);
        std::sort(found.begin(), found.end());
        return found;
    };
    EXPECT_EQ(find(today + 100 * day, {}), Names{}) << "nothing was asked for";
    rules.keep = 30 * day;
    EXPECT_EQ(find(today + 29 * day, {}), Names{}) << "what a container can set does not count";
    EXPECT_EQ(find(today + 31 * day, {"app.log"}), (Names{"app.log~20260101T000000Z", "d/e/old.log"}));

    PruneReport report{false, dir.path(), today + 31 * day, {}, {}, {}};
    report.items = old_files(dir.fd(), live, rules, report.now,
                             [](const std::string& path) { return path != "app.log"; });
    dir.write("web/web-1/app.log~20260101T000000Z", "changed meanwhile");
    carry_out(report, dir.fd(), stop.get());
    EXPECT_EQ(failure_lines(report).size(), 1U);
    EXPECT_TRUE(dir.has("web/web-1/app.log~20260101T000000Z"));
    EXPECT_FALSE(dir.has("web/web-1/d")) << "nor what is empty then";
    EXPECT_TRUE(dir.has("web/web-1/app.log"));
}

PruneReport small_prune_report() {
    PruneReport report{false, "/u01/logbackup", prune_now, {}, {}, {}};
    PruneItem directory;
    directory.record = record_of("web", "web-1@1", Coverage::cut);
    directory.ended = prune_now - 40 * day - 3h;
    directory.files = 12;
    directory.disk_bytes = 1'234'567;
    PruneItem file;
    file.kind = PruneKind::file;
    file.record = record_of("web", "web-2", Coverage::live);
    file.path = "d/app.log~\n";
    file.ended = prune_now - 7h;
    file.files = 1;
    file.disk_bytes = 4096;
    PruneItem missed;
    missed.kind = PruneKind::missed;
    missed.record = record_of("job", "", Coverage::missed);
    missed.record.pod = "job-1";
    missed.ended = prune_now - 90s;
    PruneItem failed = directory;
    failed.record.instance = "web-3";
    failed.reason = PruneReason::max_size;
    failed.failure = "Input/output error";
    report.items = {directory, file, missed, failed};
    return report;
}

TEST(PruneTable, IsWhatPeopleRead) {
    auto report = small_prune_report();
    EXPECT_EQ(
        table(report, Colour::no, InventoryDetail::lines),
        "SERVICE  INSTANCE  ENDED (UTC)       AGE  WHAT                             SIZE\n"
        "web      web-1@1   2026-10-13 11:55  40d  cut, 12 files                 1.2 MiB\n"
        "web      web-2     2026-11-22 07:55   7h  d/app.log~\\x0a                4.0 KiB\n"
        "job      job-1     2026-11-22 14:53   1m  record of a missed container        -\n"
        "web      web-3     2026-10-13 11:55  40d  cut, 12 files  KEPT           1.2 MiB\n"
        "1 ended log directory, 1 file of live ones, 1 record of missed containers deleted, 1.2 MiB freed "
        "in /u01/logbackup; 1 failure\n");
    EXPECT_NE(table(report, Colour::yes, InventoryDetail::paths).find("\033[31mweb"), std::string::npos);
    EXPECT_NE(table(report, Colour::no, InventoryDetail::paths)
                  .find("\n    path       /u01/logbackup/web/web-2/d/app.log~\\x0a\n"),
              std::string::npos);
    report.dry_run = true;
    report.items.resize(1);
    EXPECT_EQ(summary(report), "dry run: 1 ended log directory would be deleted, 1.2 MiB of /u01/logbackup");
}

TEST(PruneTable, SaysWhatWasDeletedAndWhatWasNot) {
    EXPECT_EQ(
        deleted_lines(small_prune_report()),
        (Names{"deleted: 'web/web-1@1', ended 2026-10-13T11:55:12Z, 1.2 MiB",
               "deleted: 'web/web-2/d/app.log~\\x0a', unchanged since 2026-11-22T07:55:12Z, 4.0 KiB",
               "deleted: 'job/job-1' (record of a missed container), ended 2026-11-22T14:53:42Z, 0 B"}));
    EXPECT_EQ(failure_lines(small_prune_report()), Names{"cannot delete 'web/web-3': Input/output error"});
}

TEST(PruneJson, HasAllOfIt) {
    const auto text = json(small_prune_report());
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
    const auto document = nlohmann::json::parse(text);
    EXPECT_EQ(document["dry_run"], false);
    EXPECT_EQ(document["backup_root"], "/u01/logbackup");
    EXPECT_EQ(document["disk_bytes"], 1'234'567 + 4096);
    EXPECT_EQ(document["files"], 13);
    EXPECT_EQ(document["too_large"], nullptr);
    ASSERT_EQ(document["pruned"].size(), 4U);
    const auto expected = nlohmann::json::parse(
        R"({"what":"file","service":"web","pod":"web-2","namespace":"shop","instance":"web-2",)"
        R"("path":"d/app.log~\n","coverage":"live","ended":"2026-11-22T07:55:12Z","reason":"keep",)"
        R"("files":1,"disk_bytes":4096,"failure":null})");
    EXPECT_EQ(document["pruned"][1], expected);
    EXPECT_EQ(document["pruned"][0]["what"], "log directory");
    EXPECT_EQ(document["pruned"][2]["what"], "missed");
    EXPECT_EQ(document["pruned"][3]["reason"], "max-size");
    EXPECT_EQ(document["pruned"][3]["failure"], "Input/output error");
}

} // namespace
} // namespace logbackup
