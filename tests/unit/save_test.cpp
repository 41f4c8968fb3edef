// SPDX-License-Identifier: MIT
#include "commands/commands.hpp"

#include "fake_node.hpp"
#include "in_private_mounts.hpp"
#include "util/error.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace logbackup {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;
using test::FakeNode;
using test::row_of;

TEST(WholeSave, SavesWhatGrowsAndRotates) {
    test::in_private_mounts([] {
        FakeNode node;
        node.add("a", "web", "web-1");
        node.dir.write("layers/a/opt/logs/app.log", "one\n");
        auto report = node.run();
        EXPECT_FALSE(report.has_failures());
        EXPECT_EQ(row_of(report, "web-1").created, 1U);
        EXPECT_EQ(node.saved("web/web-1/app.log"), "one\n");

        fs::rename(node.dir.at("layers/a/opt/logs/app.log"), node.dir.at("layers/a/opt/logs/app.log.1"));
        node.dir.write("layers/a/opt/logs/app.log", "two\n");
        report = node.run();
        EXPECT_EQ(row_of(report, "web-1").renamed, 1U);
        EXPECT_EQ(node.saved("web/web-1/app.log.1"), "one\n");
        EXPECT_EQ(node.saved("web/web-1/app.log"), "two\n");
        EXPECT_EQ(node.record("web", "web-1").coverage, Coverage::live);
    });
}

TEST(WholeSave, ADryRunSaysWhatARunDoesAndChangesNothing) {
    test::in_private_mounts([] {
        FakeNode node;
        node.add("a", "web", "web-1");
        node.dir.write("layers/a/opt/logs/app.log", "one\n");
        const auto planned = node.run(dry_run);
        EXPECT_FALSE(node.dir.has("backup"));
        const auto done = node.run();
        EXPECT_EQ(row_of(planned, "web-1").created, 1U);
        EXPECT_EQ(row_of(planned, "web-1").bytes, row_of(done, "web-1").bytes);
        EXPECT_EQ(row_of(planned, "web-1").target, row_of(done, "web-1").target);
    });
}

TEST(WholeSave, AContainerThatEndedIsCompleteAndThenNotReadAgain) {
    test::in_private_mounts([] {
        FakeNode node;
        node.add("a", "web", "web-1");
        node.dir.write("layers/a/opt/logs/app.log", "one\n");
        (void)node.run();
        node.end("a");
        EXPECT_EQ(row_of(node.run(), "web-1").status, RowStatus::saved);
        EXPECT_EQ(node.record("web", "web-1").coverage, Coverage::complete);
        EXPECT_EQ(row_of(node.run(), "web-1").status, RowStatus::complete);
        node.add("b", "web", "web-2");
        node.remove("a");
        const auto report = node.run();
        EXPECT_TRUE(report.cut.empty());
        EXPECT_EQ(node.record("web", "web-1").ended, rfc3339(node.now));
    });
}

TEST(WholeSave, AContainerThatIsGoneIsCutButNotWhileNothingIsFoundAtAll) {
    test::in_private_mounts([] {
        FakeNode node;
        for (const auto* name : {"a", "b", "c"}) {
            node.add(name, "web", std::string("web-") + name);
            node.dir.write(std::string("layers/") + name + "/opt/logs/app.log", "one\n");
        }
        (void)node.run();
        const auto all = std::exchange(node.containers, {});
        auto report = node.run();
        EXPECT_TRUE(report.has_failures());
        EXPECT_TRUE(report.cut.empty());
        EXPECT_EQ(report.live, 3U);
        node.containers = all;
        node.remove("b");
        report = node.run();
        EXPECT_EQ(report.cut, (std::vector<std::string>{"web/web-b"}));
        EXPECT_EQ(report.live, 2U);
    });
}

TEST(WholeSave, ALayerThatIsThereWithoutItsContainerIsSaidAndKept) {
    test::in_private_mounts([] {
        FakeNode node;
        for (const auto* name : {"a", "b"})
            node.dir.write(
                node.add(name, "web", std::string("web-") + name).substr(node.dir.path().size() + 1) +
                    "/app.log",
                "one\n");
        (void)node.run();
        std::erase_if(node.containers, [](const Container& one) { return one.pod == "web-a"; });
        const auto report = node.run();
        ASSERT_EQ(report.problems.size(), 1U);
        EXPECT_NE(report.problems[0].find("no runtime lists the container of 'web/web-a'"), std::string::npos)
            << report.problems[0];
        EXPECT_TRUE(report.cut.empty());
    });
}

TEST(WholeSave, TwoContainersWithOneVolumeAreSavedOnce) {
    test::in_private_mounts([] {
        FakeNode node;
        const auto volume = node.dir.make_directory("volume");
        node.dir.write("volume/app.log", "one\n");
        node.add("a", "web", "web-1");
        node.add("b", "web", "web-2");
        for (auto& container : node.containers)
            container.mounts.push_back({"bind", volume, "/opt/logs", MountAccess::read_write});
        const auto report = node.run();
        EXPECT_FALSE(report.has_failures());
        EXPECT_EQ(row_of(report, "web-1").status, RowStatus::saved);
        EXPECT_EQ(row_of(report, "web-2").status, RowStatus::shared);
        EXPECT_EQ(row_of(report, "web-2").target, "web/web-1");
        EXPECT_EQ(fs::read_symlink(node.dir.at("backup/web/web-2")), "web-1");
    });
}

TEST(WholeSave, OneProblemStopsNoOtherContainer) {
    test::in_private_mounts([] {
        FakeNode node;
        node.add("a", "web", "web-1");
        node.dir.write("layers/a/opt/logs/app.log", "one\n");
        node.add("b", "web", "web-2");
        node.dir.write("layers/b/opt/logs/app.log", "one\n");
        node["a"].upper = node.dir.at("nowhere/a"); // of a disk that is not mounted
        node.also_listed = {FakeNode::id_of("c")};
        const auto report = node.run();
        EXPECT_TRUE(report.has_failures());
        EXPECT_EQ(row_of(report, "web-1").status, RowStatus::failed);
        EXPECT_EQ(row_of(report, "web-2").status, RowStatus::saved);
        EXPECT_EQ(report.problems.size(), 1U) << "the container that could not be inspected";
    });
}

TEST(WholeSave, VerifyTellsWhatIsNewFromWhatIsWrong) {
    test::in_private_mounts([] {
        FakeNode node;
        node.now = std::chrono::system_clock::now() - seconds(180);
        node.add("a", "web", "web-1");
        node.dir.write("layers/a/opt/logs/app.log", "one\n");
        node.dir.write("layers/a/opt/logs/other.log", "other\n");
        (void)node.run();
        auto report = node.run(verify);
        EXPECT_FALSE(report.has_failures());
        EXPECT_EQ(row_of(report, "web-1").files, 2U);
        EXPECT_EQ(row_of(report, "web-1").bytes, 10U);

        node.dir.write("layers/a/opt/logs/new.log", "new\n");
        node.dir.write("backup/web/web-1/other.log", "OTHER\n");
        report = node.run(verify);
        const Row& row = row_of(report, "web-1");
        ASSERT_EQ(row.unsettled.size(), 1U);
        EXPECT_EQ(row.unsettled[0].path, "new.log");
        ASSERT_EQ(row.failures.size(), 1U);
        EXPECT_EQ(row.failures[0].path, "other.log");
        EXPECT_TRUE(row.failures[0].reason.starts_with("its backup holds other bytes"));
        EXPECT_EQ(node.saved("web/web-1/other.log"), "OTHER\n") << "nothing is changed";
    });
}

TEST(WholeSave, ARunThatIsStoppedEndsNoRecord) {
    test::in_private_mounts([] {
        FakeNode node;
        for (const auto* name : {"a", "b"}) {
            node.add(name, "web", std::string("web-") + name);
            node.dir.write(std::string("layers/") + name + "/opt/logs/app.log", "one\n");
        }
        (void)node.run();
        node.remove("a");
        node.options.max_duration = std::chrono::milliseconds(0);
        test::Stop stop(node.options.max_duration);
        Session session{node.options, stop.get(), node.now};
        session.runtime.discover = [&](StopSignal&) {
            Discovery discovery;
            discovery.containers = node.containers;
            discovery.ids = {node.containers[0].id};
            return discovery;
        };
        ASSERT_EQ(open_backup(session, Access::write, [](const std::string&) {}), Opened::yes);
        const auto report = save(session);
        EXPECT_TRUE(report.cut.empty());
        EXPECT_EQ(node.record("web", "web-a").ended, "");
    });
}

} // namespace
} // namespace logbackup
