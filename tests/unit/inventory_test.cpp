// SPDX-License-Identifier: MIT
#include "ledger/inventory.hpp"

#include "ledger/ledger.hpp"
#include "report/list_report.hpp"
#include "support.hpp"
#include "util/error.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace logbackup {
namespace {

using test::TempDir;

Record record_of(const std::string& service, const std::string& instance, Coverage coverage) {
    Record record;
    record.service = service;
    record.instance = instance;
    record.pod = instance.substr(0, instance.find('@'));
    record.namespace_name = "shop";
    record.containers = {service + instance};
    record.created = "2026-11-22T13:00:00Z";
    record.started = "2026-11-22T13:00:01Z";
    record.finished = "2026-11-22T14:00:00Z";
    record.coverage = coverage;
    if (coverage == Coverage::cut || coverage == Coverage::complete)
        record.saved_until = "2026-11-22T14:55:12Z";
    return record;
}

/// Writes a record where a run would.
void save(const TempDir& dir, const Record& record) {
    if (record.coverage == Coverage::live)
        save_live_record(dir.fd(), record);
    else if (record.coverage == Coverage::missed)
        save_missed_record(dir.fd(), record);
    else
        end_record(dir.fd(), record);
}

Inventory take(const TempDir& dir, const Filter& filter = {}) {
    return take_inventory(dir.fd(), dir.path(), filter);
}

/// "<service>/<instance>" of each; of a missed container "<service>/<pod> missed".
std::vector<std::string> names(const Inventory& inventory) {
    std::vector<std::string> result;
    for (const auto& [record, has_record, usage, is_left_out] : inventory.instances)
        result.push_back(record.instance.empty() ? record.service + "/" + record.pod + " missed"
                                                 : record.directory());
    return result;
}
using Names = std::vector<std::string>;

/// One instance of each coverage, and one without a record.
Inventory small_inventory() {
    Inventory inventory;
    inventory.backup_root = "/u01/logbackup";
    const Timestamp saved = parse_rfc3339("2026-11-22T14:57:03Z");
    Record live = record_of("payments", "payments-7d9f", Coverage::live);
    live.image = "app:1";
    live.volume = "/srv/logs\n";
    Record unplaced = record_of("web", "", Coverage::missed);
    unplaced.pod = "web-1";
    Instance bare;
    bare.has_record = false;
    bare.record.service = "web";
    bare.record.instance = bare.record.pod = "web-9";
    bare.usage.files = 1;
    Record complete = record_of("web", "web-1", Coverage::complete);
    complete.started.clear();
    inventory.instances = {{live, true, {12, 20000, 1234567, saved}},
                           {complete, true, {2, 100, 8192, saved}},
                           {record_of("web", "web-1@1", Coverage::cut), true, {0, 0, 0, {}}},
                           {unplaced, true, {}},
                           bare};
    return inventory;
}

TEST(TakeInventory, ListsFurtherLogDirectoriesByThemselves) {
    const TempDir dir;
    dir.write("svc/pod/a.log", "12345");
    dir.write("svc/pod+var+log/b.log", "123");
    dir.write("svc/pod@1+var+log/b.log", "1");
    dir.write("svc/pod+x/a.log", "1");
    for (const char* instance : {"pod", "pod+var+log", "pod@1+var+log"}) {
        Record record = record_of("svc", instance, Coverage::live);
        record.pod = "pod";
        save(dir, record);
    }
    const auto inventory = take(dir);
    EXPECT_EQ(names(inventory), (Names{"svc/pod+x", "svc/pod@1+var+log", "svc/pod", "svc/pod+var+log"}));
    EXPECT_TRUE(inventory.problems.empty());
    EXPECT_EQ(inventory.instances[2].usage.bytes, 5U);
    EXPECT_EQ(inventory.instances[3].usage.bytes, 3U);
}

TEST(InventoryTable, IsWhatPeopleRead) {
    EXPECT_EQ(
        table(small_inventory(), Colour::no, InventoryDetail::lines),
        "SERVICE   INSTANCE       NAMESPACE  STARTED (UTC)     ENDED             FILES     SIZE  SAVED       "
        "      COVERAGE\n"
        "payments  payments-7d9f  shop       2026-11-22 13:00  -                    12  1.2 MiB  2026-11-22 "
        "14:57  live\n"
        "web       web-1          shop       -                 2026-11-22 14:00      2  8.0 KiB  2026-11-22 "
        "14:57  complete\n"
        "web       web-1@1        shop       2026-11-22 13:00  2026-11-22 14:00      0      0 B  -           "
        "      cut at 2026-11-22 14:55\n"
        "web       web-1          shop       2026-11-22 13:00  2026-11-22 14:00      -        -  -           "
        "      missed\n"
        "web       web-9          -          -                 -                     1      0 B  -           "
        "      -\n"
        "4 log directories of 2 services, 15 files, 1.2 MiB; 1 live, 1 complete, 1 cut, 1 without a record; "
        "1 container missed\n");
}

TEST(InventoryTable, MarksWhatIsNotWhole) {
    const auto text = table(small_inventory(), Colour::yes, InventoryDetail::lines);
    for (const char* part :
         {"\033[1mSERVICE", "\033[32mlive\033[0m\n", "  complete\n",
          "\033[33mcut at 2026-11-22 14:55\033[0m\n", "\n\033[31mweb ", "missed\033[0m\n", "\n\033[2mweb "})
        EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}

TEST(InventoryTable, ShowsPathsOnRequest) {
    const auto text = table(small_inventory(), Colour::no, InventoryDetail::paths);
    EXPECT_NE(text.find("live\n"
                        "    path       /u01/logbackup/payments/payments-7d9f\n"
                        "    volume     /srv/logs\\x0a\n"
                        "    image      app:1\n"
                        "    container  paymentspayments-7d9f\n"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("missed\n    container  web\nweb "), std::string::npos) << text;
}

TEST(InventoryTable, SaysWhereAPartIsSavedThatIsElsewhere) {
    Inventory inventory = small_inventory();
    inventory.instances[0].record.elsewhere = {{"archive\n", "web/web-1+opt+logs+archive"}};
    const auto text = table(inventory, Colour::no, InventoryDetail::paths);
    EXPECT_NE(text.find("\n    elsewhere  archive\\x0a is saved as web/web-1+opt+logs+archive\n"),
              std::string::npos)
        << text;
    const auto document = nlohmann::json::parse(json(inventory));
    EXPECT_EQ(document["instances"][0]["elsewhere"][0]["saved_as"], "web/web-1+opt+logs+archive");
}

TEST(InventoryTable, EscapesEveryName) {
    Inventory inventory = small_inventory();
    for (auto& [record, has_record, usage, is_left_out] : inventory.instances)
        for (auto* name : {&record.service, &record.pod, &record.namespace_name, &record.instance,
                           &record.image, &record.volume, &record.started, &record.saved_until})
            *name = "\033[2J\n\xff";
    const auto text = table(inventory, Colour::no, InventoryDetail::paths);
    EXPECT_EQ(text.find('\033'), std::string::npos) << text;
    EXPECT_EQ(text.find('\xff'), std::string::npos) << text;
    EXPECT_NE(text.find("\\x1b[2J\\x0a\\xff"), std::string::npos) << text;
}

TEST(InventorySummary, CountsInOneLine) {
    EXPECT_EQ(summary({}), "0 log directories");
    Inventory inventory;
    inventory.instances.push_back({record_of("web", "web-1", Coverage::live), true, {1, 5, 512, {}}});
    EXPECT_EQ(summary(inventory), "1 log directory of 1 service, 1 file, 512 B; 1 live");
    inventory.instances = {{record_of("web", "", Coverage::missed), true, {}}};
    EXPECT_EQ(summary(inventory), "0 log directories; 1 container missed");
    inventory.problems = {"a", "b"};
    EXPECT_EQ(summary(inventory), "0 log directories; 1 container missed; 2 problems");
}

TEST(InventoryJson, HasEverything) {
    const auto document = nlohmann::json::parse(json(small_inventory()));
    EXPECT_EQ(document["backup_root"], "/u01/logbackup");
    EXPECT_EQ(document["problems"], nlohmann::json::array());
    ASSERT_EQ(document["instances"].size(), 5U);
    EXPECT_EQ(document["instances"][0], nlohmann::json::parse(R"({
        "service": "payments", "pod": "payments-7d9f", "namespace": "shop", "instance": "payments-7d9f",
        "pod_uid": "", "image": "app:1", "containers": ["paymentspayments-7d9f"], "restart_count": "",
        "created": "2026-11-22T13:00:00Z", "started": "2026-11-22T13:00:01Z",
        "finished": "2026-11-22T14:00:00Z", "first_seen": null, "coverage": "live", "saved_until": null, "limits": [], "left_out": false,
        "volume": "/srv/logs\n", "shared_by": [], "elsewhere": [], "skipped": 0, "files": 12, "bytes": 20000, "disk_bytes": 1234567,
        "last_saved": "2026-11-22T14:57:03Z"})"));
    const std::vector<std::string> coverages{"live", "complete", "cut", "missed", "unknown"};
    for (std::size_t i = 0; i < coverages.size(); ++i)
        EXPECT_EQ(document["instances"][i]["coverage"], coverages[i]);
    EXPECT_EQ(document["instances"][2]["saved_until"], "2026-11-22T14:55:12Z");
    EXPECT_EQ(document["instances"][3]["instance"], "");
    EXPECT_EQ(document["instances"][4]["last_saved"], nullptr);
}

TEST(InventoryJson, IsValidWhateverTheBytes) {
    Inventory inventory = small_inventory();
    inventory.backup_root = inventory.instances[0].record.service = "a\xff\xc3";
    inventory.instances[0].record.started = "\xff";
    inventory.problems = {"\xfe"};
    const std::string text = json(inventory);
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
    const auto document = nlohmann::json::parse(text);
    EXPECT_EQ(document["instances"][0]["service"], "a\xEF\xBF\xBD\xEF\xBF\xBD");
    EXPECT_EQ(document["instances"][0]["started"], nullptr);
}

TEST(TakeInventory, MeasuresWhatIsInADirectory) {
    const TempDir dir;
    save(dir, record_of("web", "web-1", Coverage::live));
    dir.write("web/web-1/app.log", "12345");
    dir.write("web/web-1/a/b/c/deep.log", std::string(100'000, 'x'));
    const std::string sparse = dir.write("web/web-1/sparse.log", "");
    std::filesystem::resize_file(sparse, 1U << 20U);
    // A time that is set says nothing of when the file was saved.
    const auto touched = std::filesystem::file_time_type::clock::now() + std::chrono::hours(1000);
    std::filesystem::last_write_time(dir.at("web/web-1/app.log"), touched);
    const auto inventory = take(dir);
    ASSERT_EQ(inventory.instances.size(), 1U);
    const Usage usage = inventory.instances[0].usage;
    EXPECT_EQ(usage.files, 3U);
    EXPECT_EQ(usage.bytes, 5U + 100'000U + (1U << 20U));
    Usage expected;
    for (const char* name : {"app.log", "a/b/c/deep.log", "sparse.log"}) {
        struct stat status {};
        ASSERT_EQ(::stat(dir.at(std::string("web/web-1/") + name).c_str(), &status), 0);
        expected.disk_bytes += static_cast<std::uint64_t>(status.st_blocks) * 512;
        expected.last_saved =
            std::max(expected.last_saved, Timestamp(std::chrono::seconds(status.st_ctim.tv_sec) +
                                                    std::chrono::nanoseconds(status.st_ctim.tv_nsec)));
    }
    EXPECT_EQ(usage.disk_bytes, expected.disk_bytes);
    EXPECT_EQ(usage.last_saved, expected.last_saved);
    EXPECT_TRUE(inventory.problems.empty());
}

TEST(TakeInventory, FollowsNoLinkAndOpensNothingButDirectories) {
    const TempDir elsewhere;
    elsewhere.write("web-1/secret", "secret");
    elsewhere.write("secret", "secret");
    const TempDir dir;
    save(dir, record_of("web", "web-1", Coverage::live));
    save(dir, record_of("web", "web-2", Coverage::live));
    save(dir, record_of("linked", "web-1", Coverage::live));
    dir.make_directory("web/web-1");
    dir.fifo("web/web-1/pipe");
    dir.link("web/web-1/file", elsewhere.at("secret"));
    dir.link("web/web-1/directory", elsewhere.path());
    dir.link("web/web-2", elsewhere.path());
    dir.link("linked", elsewhere.path());
    dir.link("web/web-3", elsewhere.path());
    dir.link("other", elsewhere.path());
    const auto inventory = take(dir);
    EXPECT_EQ(names(inventory), (Names{"linked/web-1", "web/web-1", "web/web-2"}));
    for (const auto& instance : inventory.instances)
        EXPECT_EQ(instance.usage.files, 0U) << instance.record.directory();
    ASSERT_EQ(inventory.problems.size(), 1U) << "the link in a directory's place";
    EXPECT_NE(inventory.problems[0].find("'web/web-2'"), std::string::npos) << inventory.problems[0];
}

TEST(TakeInventory, GoesDownNoFurtherThanAListing) {
    const TempDir dir;
    save(dir, record_of("web", "web-1", Coverage::live));
    std::string path = "web/web-1/";
    for (int depth = 0; depth < 150; ++depth)
        path += "d/";
    dir.write("web/web-1/app.log", "x");
    dir.write(path + "deep.log", "x");
    const auto inventory = take(dir);
    ASSERT_EQ(inventory.instances.size(), 1U);
    EXPECT_EQ(inventory.instances[0].usage.files, 1U);
    EXPECT_EQ(inventory.problems.size(), 1U);
}

TEST(TakeInventory, PutsWhatNeedsAttentionFirst) {
    const TempDir dir;
    dir.make_directory("x/without-record");
    save(dir, record_of("a", "a-live", Coverage::live));
    save(dir, record_of("b", "b-complete", Coverage::complete));
    Record missed = record_of("c", "", Coverage::missed);
    missed.pod = "c-1";
    save(dir, missed);
    save(dir, record_of("d", "d-cut", Coverage::cut));
    Record failing = record_of("e", "e-failing", Coverage::live);
    failing.saved_until = "2026-11-22T14:55:12Z";
    save(dir, failing);
    Record incomplete = record_of("f", "f-incomplete", Coverage::live);
    incomplete.limits = {Limit::depth, Limit::file_size};
    save(dir, incomplete);
    const auto inventory = take(dir);
    EXPECT_EQ(names(inventory), (Names{"e/e-failing", "d/d-cut", "c/c-1 missed", "f/f-incomplete",
                                       "x/without-record", "a/a-live", "b/b-complete"}));
    const auto text = table(inventory, Colour::no, InventoryDetail::lines);
    EXPECT_NE(text.find("failing since 2026-11-22 14:55\n"), std::string::npos) << text;
    EXPECT_NE(text.find("live, incomplete: depth, file_size\n"), std::string::npos) << text;
    EXPECT_NE(text.find("3 live, 1 complete, 1 cut, 1 without a record, 1 failing, 1 incomplete; 1 container "
                        "missed"),
              std::string::npos)
        << text;
}

TEST(TakeInventory, SortsByServicePodAndCreation) {
    const TempDir dir;
    auto created = [](Record record, const char* time) {
        record.created = time;
        return record;
    };
    save(dir, created(record_of("web", "web-1", Coverage::live), "2026-11-22T13:00:03Z"));
    save(dir, created(record_of("web", "web-1@1", Coverage::complete), "2026-11-22T13:00:01Z"));
    Record missed = created(record_of("web", "", Coverage::missed), "2026-11-22T13:00:02Z");
    missed.pod = "web-1";
    save(dir, missed);
    save(dir, record_of("web", "web-0", Coverage::complete));
    save(dir, record_of("db", "db-0", Coverage::live));
    for (const char* instance : {"web-2", "web-2@1"}) // within a second
        save(dir, created(record_of("web", instance, Coverage::live), "2026-11-22T13:00:04Z"));
    dir.make_directory("web/web-00");
    dir.make_directory("web/web-1@3");
    EXPECT_EQ(names(take(dir)), (Names{"web/web-1 missed", "web/web-00", "web/web-1@3", "db/db-0",
                                       "web/web-0", "web/web-1@1", "web/web-1", "web/web-2@1", "web/web-2"}));
}

TEST(TakeInventory, ShowsDirectoriesWithoutARecord) {
    const TempDir dir;
    save(dir, record_of("web", "web-1", Coverage::live));
    dir.write("web/web-1/app.log", "x");
    dir.write("web/web-0@2/app.log", "old");
    dir.write("web/README", "no directory");
    dir.write("notes.txt", "no directory");
    dir.make_directory("lost+found");
    dir.write("web/.hidden/app.log", "x");
    const auto inventory = take(dir);
    ASSERT_EQ(names(inventory), (Names{"web/web-0@2", "web/web-1"}));
    EXPECT_FALSE(inventory.instances[0].has_record);
    EXPECT_EQ(inventory.instances[0].record.pod, "web-0");
    EXPECT_EQ(inventory.instances[0].usage.bytes, 3U);
    EXPECT_TRUE(inventory.instances[1].has_record);
    EXPECT_TRUE(inventory.problems.empty());
}

TEST(TakeInventory, ShowsARecordThatWasBeingEndedOnce) {
    const TempDir dir;
    save(dir, record_of("web", "web-1", Coverage::cut));
    save(dir, record_of("web", "web-1", Coverage::live));
    const auto inventory = take(dir);
    ASSERT_EQ(names(inventory), Names{"web/web-1"});
    EXPECT_EQ(inventory.instances[0].record.coverage, Coverage::cut);
}

TEST(TakeInventory, AppliesEveryFilter) {
    const TempDir dir;
    save(dir, record_of("web", "web-1", Coverage::live));
    save(dir, record_of("web", "web-1@1", Coverage::cut));
    save(dir, record_of("web", "web-2", Coverage::complete));
    Record database = record_of("db", "db-0", Coverage::live);
    database.namespace_name = "data";
    save(dir, database);
    Record missed = record_of("web", "", Coverage::missed);
    missed.pod = "web-7";
    save(dir, missed);
    dir.make_directory("web/web-3");
    const auto with = [&](auto set) {
        Filter filter;
        set(filter);
        return names(take(dir, filter));
    };
    EXPECT_EQ(with([](Filter& o) { o.services = {"d*"}; }), Names{"db/db-0"});
    EXPECT_EQ(with([](Filter& o) {
                  o.pods = {"web-1", "web-3"};
              }),
              (Names{"web/web-1@1", "web/web-3", "web/web-1"}));
    EXPECT_EQ(with([](Filter& o) { o.namespaces = {"data"}; }), Names{"db/db-0"});
    EXPECT_EQ(with([](Filter& o) { o.containers = {"webweb-2"}; }), Names{"web/web-2"});
    EXPECT_EQ(with([](Filter& o) { o.coverages = {Coverage::cut}; }), Names{"web/web-1@1"});
    EXPECT_EQ(with([](Filter& o) {
                  o.coverages = {Coverage::complete, Coverage::missed};
              }),
              (Names{"web/web-7 missed", "web/web-2"}));
    EXPECT_EQ(with([](Filter& o) { o.services = {"none"}; }), Names{});
}

TEST(TakeInventory, NamesRecordsThatCannotBeRead) {
    const TempDir dir;
    save(dir, record_of("web", "web-1", Coverage::live));
    dir.write(".logbackup/live/web/web-2", "garbage");
    dir.write(".logbackup/ended/web/web-3\n", "");
    dir.write("web/web-2/app.log", "x");
    const auto inventory = take(dir);
    EXPECT_EQ(names(inventory), (Names{"web/web-2", "web/web-1"})) << "what is there is shown";
    ASSERT_EQ(inventory.problems.size(), 2U);
    EXPECT_NE(inventory.problems[0].find("'.logbackup/ended/web/web-3\\x0a'"), std::string::npos);
    EXPECT_NE(inventory.problems[1].find("'.logbackup/live/web/web-2'"), std::string::npos);
}

TEST(TakeInventory, RefusesToGoOnWithoutTheRightToReadTheRecords) {
    if (!test::is_root())
        GTEST_SKIP() << "only root can become another user";
    const TempDir dir;
    save(dir, record_of("web", "web-1", Coverage::live));
    ::chmod(dir.at(".logbackup").c_str(), 0700);
    ::chmod(dir.path().c_str(), 0755);
    EXPECT_EQ(test::in_child([&] {
                  if (::setuid(65534) != 0)
                      return 98;
                  try {
                      (void)take(dir);
                  } catch (const Error& error) {
                      return std::string(error.what()).find("Permission denied") == std::string::npos ? 2 : 0;
                  }
                  return 1;
              }),
              0);
}

TEST(TakeInventory, IsEmptyWithoutRecordsAndDirectories) {
    const TempDir dir;
    EXPECT_TRUE(take(dir).instances.empty());
    dir.make_directory(".logbackup");
    EXPECT_TRUE(take(dir).instances.empty());
    EXPECT_TRUE(take(dir).problems.empty());
}

TEST(TakeInventory, TakesTenThousandRecords) {
    // Everything is a link to one of three files: a disk that is busy would take minutes to make that many.
    const TempDir dir;
    dir.write(".source/log", "four");
    dir.write(".source/live", record_text(record_of("", "pod", Coverage::live)));
    dir.write(".source/ended", record_text(record_of("", "pod", Coverage::cut)));
    auto link = [&](const std::string& source, const std::string& path) {
        ASSERT_EQ(::linkat(dir.fd(), (".source/" + source).c_str(), dir.fd(), path.c_str(), 0), 0) << path;
    };
    for (int service = 0; service < 20; ++service) {
        const std::string name = "svc-" + std::to_string(service);
        dir.make_directory(name);
        for (const std::string kind : {"live", "ended"})
            dir.make_directory(".logbackup/" + kind + "/" + name);
        for (int pod = 0; pod < 500; ++pod) {
            const std::string directory = name + "/pod-" + std::to_string(pod);
            const std::string kind = pod % 4 == 0 ? "live" : "ended";
            link(kind, ".logbackup/" + kind + "/" + directory);
            ASSERT_EQ(::mkdirat(dir.fd(), directory.c_str(), 0750), 0);
            for (const char* file : {"/app.log", "/error.log", "/app.log~20261122T145512Z"})
                link("log", directory + file);
        }
    }
    const auto inventory = take(dir);
    EXPECT_TRUE(inventory.problems.empty());
    ASSERT_EQ(inventory.instances.size(), 10'000U);
    for (const auto& instance : inventory.instances) {
        EXPECT_TRUE(instance.has_record);
        EXPECT_EQ(instance.usage.files, 3U);
        EXPECT_EQ(instance.usage.bytes, 12U);
    }
    const std::string line = summary(inventory);
    EXPECT_TRUE(line.starts_with("10000 log directories of 20 services, 30000 files, ")) << line;
    EXPECT_TRUE(line.ends_with("; 2500 live, 7500 cut")) << line;
}

} // namespace
} // namespace logbackup
