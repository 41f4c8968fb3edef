// SPDX-License-Identifier: MIT
#include "fake_node.hpp"
#include "in_private_mounts.hpp"
#include "ledger/inventory.hpp"
#include "ledger/ledger.hpp"
#include "ledger/links.hpp"
#include "logbackup/filter.hpp"
#include "logbackup/retention.hpp"
#include "support.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

namespace logbackup {
namespace {

namespace fs = std::filesystem;
using test::FakeNode;
using test::row_of;
using test::TempDir;

constexpr gid_t no_group_of_ours = static_cast<gid_t>(-1);

Sharer sharer(const std::string& service, const std::string& pod, const std::string& container = "c") {
    return {service, pod, pod, "default", container};
}

Record logger() {
    Record record;
    record.service = "logger";
    record.instance = record.pod = "web-1";
    record.namespace_name = "default";
    record.containers = {"l"};
    record.log_directory = "/opt/logs";
    return record;
}

std::vector<std::string> services_of(const Record& record) {
    std::vector<std::string> services;
    for (const auto& one : record.sharers)
        services.push_back(one.service);
    return services;
}

TEST(Sharers, AreKeptOnceWithTheirNewestContainer) {
    Record record = logger();
    note_sharers(record, {sharer("logger", "web-1"), sharer("web", "web-1", "a")});
    EXPECT_EQ(services_of(record), std::vector<std::string>{"web"}) << "its own names are none";
    note_sharers(record, {sharer("web", "web-1", "b"), sharer("other", "o-1")});
    note_sharers(record, {});
    EXPECT_EQ(services_of(record), (std::vector<std::string>{"web", "other"})) << "also when they are gone";
    EXPECT_EQ(record.sharers[0].container, "b");

    for (int i = 0; i < 60; ++i)
        note_sharers(record, {sharer("many", "pod-" + std::to_string(i)), sharer("other", "o-1")});
    EXPECT_EQ(record.sharers.size(), 50U);
    EXPECT_EQ(record.sharers[0].service, "other") << "it is present";
    EXPECT_EQ(record.sharers.back().pod, "pod-59");
}

TEST(Sharers, AreFoundByEachFilterAndKeptForTheLongest) {
    Record record = logger();
    note_sharers(record, {sharer("web", "web-1", "abc"), sharer("db", "db-1", "def")});
    const auto finds = [&](const Filter& filter) { return selects(filter, record); };
    EXPECT_TRUE(finds({{"web"}, {}, {}, {}, {}}));
    EXPECT_TRUE(finds({{"db"}, {"db-*"}, {"default"}, {"de"}, {}}));
    EXPECT_FALSE(finds({{"db"}, {"web-1"}, {}, {}, {}})) << "no one container has both names";
    EXPECT_FALSE(finds({{}, {}, {}, {"x"}, {}}));

    EXPECT_TRUE(selects_all_of({}, record));
    EXPECT_TRUE(selects_all_of({{"logger", "web", "db"}, {}, {}, {}, {}}, record));
    for (const std::string one : {"logger", "web", "db"})
        EXPECT_FALSE(selects_all_of({{one}, {}, {}, {}, {}}, record)) << "it would delete that of others";

    RetentionRules rules;
    rules.keep = std::chrono::hours(1);
    rules.of_services = {{"web", std::chrono::hours(5)}, {"db", std::chrono::hours(2)}};
    EXPECT_EQ(keep_of(rules, record), std::chrono::hours(5));
}

TEST(Sharers, AreInTheTextOfARecord) {
    Record record = logger();
    record.sharers = {sharer("web", "web-1", "abc"), sharer("db", "db-1", "def")};
    EXPECT_EQ(parse_record("logger", "web-1", record_text(record)), record);
    record.sharers = {sharer("..", "web-1"), sharer("web", "../../etc"), sharer("", "p"), sharer("web", ".x"),
                      sharer("web", "web-1")};
    EXPECT_EQ(parse_record("logger", "web-1", record_text(record)).sharers.size(), 1U);
}

class SharersLinks : public ::testing::Test {
  protected:
    TempDir dir;
    Record record = logger();

    void SetUp() override {
        dir.write("logger/web-1/app.log", "line\n");
        note_sharers(record, {sharer("web", "web-1"), sharer("logger", "web-9")});
        save_live_record(dir.fd(), record);
    }
    void update(const Record& former = {}) { update_links(dir.fd(), former, record, no_group_of_ours); }
    [[nodiscard]] std::string link(const std::string& path) const {
        std::error_code none;
        return fs::read_symlink(dir.at(path), none).string();
    }
};

TEST_F(SharersLinks, LeadToTheInstanceDirectoryUnderEachName) {
    update();
    update();
    EXPECT_EQ(link("web/web-1"), "../logger/web-1");
    EXPECT_EQ(link("logger/web-9"), "web-1");
    EXPECT_EQ(dir.read("web/web-1/app.log"), "line\n");
    EXPECT_TRUE(look_up_service(dir.fd(), "web").present.empty()) << "they take no name";
    EXPECT_EQ(look_up_service(dir.fd(), "logger").present, std::set<std::string>{"web-1"});
    const auto inventory = take_inventory(dir.fd(), dir.path(), {{"web"}, {}, {}, {}, {}});
    ASSERT_EQ(inventory.instances.size(), 1U);
    EXPECT_EQ(inventory.instances[0].record.directory(), "logger/web-1");
    EXPECT_EQ(inventory.instances[0].usage.files, 1U) << "counted once";
}

TEST_F(SharersLinks, AreMadeOnlyWhereNothingElseStands) {
    dir.write("web/web-1/own.log", "own\n");
    Record own = logger();
    own.instance = "web-9";
    save_live_record(dir.fd(), own); // nothing is saved of it yet
    update();
    EXPECT_TRUE(fs::is_directory(fs::symlink_status(dir.at("web/web-1"))));
    EXPECT_FALSE(dir.has("logger/web-9"));
    fs::remove_all(dir.at("logger/web-1"));
    fs::remove_all(dir.at("web"));
    update();
    EXPECT_FALSE(dir.has("web")) << "it would lead nowhere";
}

TEST_F(SharersLinks, OfOthersAreNotOurs) {
    update();
    fs::create_directory_symlink("/etc", dir.at("web/etc"));
    fs::create_directory_symlink("../logger/web-1", dir.at("web/of-the-operator"));
    fs::create_directory_symlink("../logger/./web-1", dir.at("web/web-2"));
    const std::set<std::string> others{"etc", "of-the-operator", "web-2"};
    EXPECT_EQ(look_up_service(dir.fd(), "web").present, others);
    for (const auto& name : others)
        remove_link_at(dir.fd(), "web/" + name);
    remove_links(dir.fd(), record);
    EXPECT_FALSE(dir.has("web/web-1"));
    for (const auto& name : others)
        EXPECT_TRUE(dir.has("web/" + name)) << name;
}

TEST_F(SharersLinks, GoWithTheSharerAndWithTheName) {
    update();
    const Record former = record;
    record.sharers.erase(record.sharers.begin());
    update(former);
    EXPECT_FALSE(dir.has("web/web-1"));
    EXPECT_EQ(link("logger/web-9"), "web-1");
    // What moves into the place of a link replaces it; those to the old name are removed.
    move_instance(dir.fd(), {"logger", "web-1", "web-9", RecordId{}, {}});
    EXPECT_EQ(dir.read("logger/web-9/app.log"), "line\n");
    EXPECT_TRUE(fs::is_directory(fs::symlink_status(dir.at("logger/web-9"))));
}

TEST_F(SharersLinks, AMoveToAnotherServiceTakesTheRecordAlong) {
    update();
    move_instance(dir.fd(), {"logger", "web-1", "web-1", RecordId{}, "web"});
    EXPECT_EQ(dir.read("web/web-1/app.log"), "line\n");
    EXPECT_TRUE(fs::is_directory(fs::symlink_status(dir.at("web/web-1"))));
    std::vector<std::string> problems;
    const auto live = load_live_records(dir.fd(), problems);
    ASSERT_EQ(live.size(), 1U);
    EXPECT_EQ(live[0].directory(), "web/web-1");
    // The same again after a crash before the first step.
    dir.write(".logbackup/move",
              R"({"service":"web","from":"web-1","to_service":"new","to":"n-1","live":true})");
    EXPECT_EQ(finish_move(dir.fd()), "");
    EXPECT_EQ(dir.read("new/n-1/app.log"), "line\n");
    EXPECT_TRUE(find_record(dir.fd(), "new", "n-1"));
}

TEST_F(SharersLinks, OfAnEndedOneFollowItsMove) {
    record.coverage = Coverage::cut;
    end_record(dir.fd(), record);
    update();
    move_instance(dir.fd(), {"logger", "web-1", "web-1@1", std::nullopt, {}});
    EXPECT_EQ(link("web/web-1"), "../logger/web-1@1");
    EXPECT_EQ(link("logger/web-9"), "web-1@1");
}

/// Two containers of one pod that have one volume.
class SharedVolume : public ::testing::Test {
  protected:
    FakeNode node;
    std::string volume = node.dir.make_directory("volume");

    void add(const std::string& name, const std::string& service, const std::string& pod) {
        node.add(name, service, pod);
        node[name].created = node[name].started = node.now;
        node[name].mounts.push_back({"bind", volume, "/opt/logs", MountAccess::read_write});
    }
    [[nodiscard]] bool is_link(const std::string& path) const {
        return fs::is_symlink(fs::symlink_status(node.dir.at("backup/" + path)));
    }
};

TEST_F(SharedVolume, IsFoundUnderTheApplicationAfterItsInitContainer) {
    test::in_private_mounts([&] {
        add("i", "init-permissions", "web-1");
        node.dir.write("volume/init.log", "prepared\n");
        (void)node.run();
        EXPECT_EQ(node.saved("init-permissions/web-1/init.log"), "prepared\n");
        node.end("i");
        node.now += std::chrono::seconds(1);
        add("w", "web", "web-1");
        node.dir.write("volume/web.log", "line\n");
        const auto planned = node.run(dry_run);
        const auto row = std::find_if(planned.rows.begin(), planned.rows.end(),
                                      [](const Row& one) { return one.service == "web"; });
        ASSERT_NE(row, planned.rows.end());
        EXPECT_EQ(row->target, "web/web-1");
        EXPECT_EQ(row->created, 1U) << "one file is new";
        const auto report = node.run();
        EXPECT_FALSE(report.has_failures());
        EXPECT_EQ(node.saved("web/web-1/init.log"), "prepared\n");
        EXPECT_EQ(node.saved("web/web-1/web.log"), "line\n");
        EXPECT_TRUE(is_link("init-permissions/web-1"));
        EXPECT_EQ(node.record("web", "web-1").coverage, Coverage::live);
        node.remove("i");
        node.dir.write("volume/web.log", "line\nmore\n");
        EXPECT_FALSE(node.run().has_failures());
        EXPECT_EQ(node.saved("web/web-1/web.log"), "line\nmore\n");
        EXPECT_EQ(node.saved("init-permissions/web-1/web.log"), "line\nmore\n");
        EXPECT_FALSE(node.run(verify).has_failures());
    });
}

TEST_F(SharedVolume, IsFoundUnderBothServicesAndIsNotCompleteWhileOneWrites) {
    test::in_private_mounts([&] {
        add("a", "a", "a-1");
        add("b", "b", "b-1");
        node.dir.write("volume/app.log", "line\n");
        node.options.filter.services = {"b"};
        EXPECT_EQ(row_of(node.run(), "b-1").target, "a/a-1");
        node.options.filter.services = {};
        EXPECT_TRUE(is_link("b/b-1"));
        EXPECT_EQ(node.saved("b/b-1/app.log"), "line\n");
        node.end("a");
        (void)node.run();
        EXPECT_EQ(node.record("a", "a-1").coverage, Coverage::live);
        node.end("b");
        (void)node.run();
        EXPECT_EQ(node.record("a", "a-1").coverage, Coverage::complete);
        ASSERT_EQ(node.record("a", "a-1").sharers.size(), 1U);
        EXPECT_EQ(node.record("a", "a-1").sharers[0].container, FakeNode::id_of("b"));
    });
}

TEST_F(SharedVolume, ALinkGivesWayToALogDirectoryOfThatName) {
    test::in_private_mounts([&] {
        add("a", "a", "a-1");
        add("b", "b", "b-1");
        node.dir.write("volume/app.log", "shared\n");
        (void)node.run();
        ASSERT_TRUE(is_link("b/b-1"));
        node.remove("b");
        node.add("c", "b", "b-1");
        node.dir.write("layers/c/opt/logs/app.log", "own\n");
        for (int run = 0; run < 2; ++run) {
            EXPECT_FALSE(node.run().has_failures());
            EXPECT_FALSE(is_link("b/b-1"));
            EXPECT_EQ(node.saved("b/b-1/app.log"), "own\n");
            EXPECT_EQ(node.saved("a/a-1/app.log"), "shared\n");
        }
    });
}

} // namespace
} // namespace logbackup
