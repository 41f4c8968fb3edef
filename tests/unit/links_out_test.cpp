// SPDX-License-Identifier: MIT
#include "fake_node.hpp"
#include "in_private_mounts.hpp"
#include "ledger/inventory.hpp"
#include "report/list_report.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>

namespace logbackup {
namespace {

namespace fs = std::filesystem;
using test::FakeNode;
using test::row_of;

/// A container whose log directory has links.
class LinksOut : public ::testing::Test {
  protected:
    FakeNode node;

    void SetUp() override { node.add("a", "web", "web-1"); }
    void write(const std::string& path, const std::string& content) const {
        node.dir.write("layers/a" + path, content);
    }
    void link(const std::string& target, const std::string& name) const {
        fs::create_symlink(target, node.dir.at("layers/a/opt/logs/" + name));
    }
    [[nodiscard]] bool has(const std::string& path) const { return node.dir.has("backup/web/web-1/" + path); }
    [[nodiscard]] std::string saved(const std::string& path) const { return node.saved("web/web-1/" + path); }
    [[nodiscard]] Record record() const { return node.record("web", "web-1"); }
    [[nodiscard]] std::string list() const {
        const auto root = test::open_path(node.options.backup_root);
        return table(take_inventory(root.get(), node.options.backup_root, {}), Colour::no,
                     InventoryDetail::lines);
    }
    /// Ends the container and saves what is left.
    void end() {
        node.end("a");
        EXPECT_FALSE(node.run().has_failures());
    }
};

TEST_F(LinksOut, AFileElsewhereInTheContainerIsSavedUnderTheLinksName) {
    test::in_private_mounts([&] {
        write("/var/log/app/app.log", "one\n");
        link("/var/log/app/app.log", "app.log");
        link("../../var/log/app/app.log", "again.log");
        const auto report = node.run();
        EXPECT_FALSE(report.has_failures());
        EXPECT_TRUE(row_of(report, "web-1").skipped.empty());
        EXPECT_EQ(saved("app.log"), "one\n");
        EXPECT_EQ(saved("again.log"), "one\n");
        EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(node.dir.at("backup/web/web-1/app.log"))));
        write("/var/log/app/app.log", "one\ntwo\n");
        EXPECT_EQ(row_of(node.run(), "web-1").changed, 2U);
        EXPECT_EQ(saved("app.log"), "one\ntwo\n");
        EXPECT_FALSE(node.run(verify).has_failures());
        end();
        EXPECT_EQ(record().coverage, Coverage::complete);
        EXPECT_EQ(record().skipped, 0U);
    });
}

TEST_F(LinksOut, ADirectoryElsewhereIsSavedAndNotLeft) {
    test::in_private_mounts([&] {
        write("/var/log/app/app.log", "one\n");
        write("/var/log/app/day/old.log", "old\n");
        write("/var/log/secret.log", "not linked\n");
        fs::create_symlink("app.log", node.dir.at("layers/a/var/log/app/current.log"));
        fs::create_symlink("../secret.log", node.dir.at("layers/a/var/log/app/out.log"));
        link("/var/log/app", "app");
        EXPECT_FALSE(node.run().has_failures());
        write("/var/log/app/app.log", "one\ntwo\n");
        const auto report = node.run();
        EXPECT_FALSE(report.has_failures());
        EXPECT_EQ(saved("app/app.log"), "one\ntwo\n");
        EXPECT_EQ(saved("app/day/old.log"), "old\n");
        EXPECT_EQ(fs::read_symlink(node.dir.at("backup/web/web-1/app/current.log")), "app.log");
        EXPECT_FALSE(has("app/out.log"));
        EXPECT_EQ(row_of(report, "web-1").skipped.size(), 1U);
    });
}

TEST_F(LinksOut, WhatLeadsToNoFileIsCountedAndNothingOfItIsLost) {
    test::in_private_mounts([&] {
        write("/opt/logs/app-1.log", "one\n");
        write("/opt/logs/day/app-2.log", "two\n");
        link("/dev/stdout", "access.log");
        link("/nowhere/app.log", "dangling.log");
        link("/opt/logs/loop.log", "loop.log");
        link("/opt/logs/app-1.log/x", "below-a-file.log");
        link("/opt/logs/app-1.log", "current.log");
        fs::create_symlink("/opt/logs/app-1.log", node.dir.at("layers/a/opt/logs/day/current.log"));
        const auto report = node.run();
        EXPECT_FALSE(report.has_failures());
        EXPECT_EQ(row_of(report, "web-1").skipped.size(), 4U);
        EXPECT_EQ(fs::read_symlink(node.dir.at("backup/web/web-1/current.log")), "app-1.log");
        EXPECT_EQ(saved("day/current.log"), "one\n") << "it leads to the saved file";
        EXPECT_NE(list().find("live, 4 skipped"), std::string::npos) << list();
        end();
        EXPECT_EQ(record().coverage, Coverage::complete);
        EXPECT_EQ(record().skipped, 4U);
    });
}

TEST_F(LinksOut, WhatCannotBeReadIsNeverComplete) {
    test::in_private_mounts([&] {
        write("/opt/logs/app.log", "one\n");
        node["a"].mounts.push_back({"bind", node.dir.at("disk/of/it"), "/data", MountAccess::read_write});
        link("/data/app.log", "data.log");
        const auto report = node.run();
        EXPECT_FALSE(report.has_failures());
        ASSERT_EQ(row_of(report, "web-1").skipped.size(), 1U);
        EXPECT_NE(row_of(report, "web-1").skipped[0].reason.find("cannot open its volume"), std::string::npos)
            << row_of(report, "web-1").skipped[0].reason;
        end();
        end();
        EXPECT_EQ(saved("app.log"), "one\n");
        EXPECT_EQ(record().coverage, Coverage::live);
        EXPECT_EQ(record().skipped, 1U);
        node.dir.write("disk/of/it/app.log", "data\n");
        end();
        EXPECT_EQ(saved("data.log"), "data\n");
    });
}

TEST_F(LinksOut, WhatCanBeReadAgainIsComplete) {
    test::in_private_mounts([&] {
        write("/opt/logs/app.log", "one\n");
        node["a"].mounts.push_back({"bind", node.dir.at("disk/of/it"), "/data", MountAccess::read_write});
        link("/data/app.log", "data.log");
        end();
        EXPECT_FALSE(node.run().has_failures());
        EXPECT_EQ(record().coverage, Coverage::live);
        node.dir.write("disk/of/it/app.log", "data\n");
        EXPECT_FALSE(node.run().has_failures());
        EXPECT_EQ(saved("data.log"), "data\n");
        EXPECT_EQ(record().coverage, Coverage::complete);
        EXPECT_EQ(record().skipped, 0U);
    });
}

TEST_F(LinksOut, ADirectoryThatHoldsTheLogDirectoryIsNotFollowed) {
    test::in_private_mounts([&] {
        write("/opt/logs/app.log", "one\n");
        write("/opt/other.log", "other\n");
        for (const char* target : {"/", "/opt", "..", "../../.."})
            link(target, "up" + std::to_string(std::string(target).size()));
        EXPECT_FALSE(node.run().has_failures());
        EXPECT_EQ(record().skipped, 4U);
        EXPECT_FALSE(has("up1") || has("up2") || has("up4") || has("up8"));
        EXPECT_EQ(saved("app.log"), "one\n");
    });
}

TEST_F(LinksOut, OnlySoManyAreFollowed) {
    test::in_private_mounts([&] {
        for (int i = 0; i < 70; ++i) {
            write("/var/log/" + std::to_string(i), "line\n");
            link("/var/log/" + std::to_string(i), "link" + std::to_string(100 + i));
        }
        EXPECT_FALSE(node.run().has_failures());
        EXPECT_EQ(saved("link163"), "line\n");
        EXPECT_FALSE(has("link164"));
        EXPECT_EQ(record().skipped, 6U);
    });
}

TEST_F(LinksOut, AreNotFollowedOutOfTheContainer) {
    test::in_private_mounts([&] {
        node.dir.write("secret/app.log", "of the host\n");
        link(node.dir.at("secret/app.log"), "absolute.log");
        link("../../../../secret/app.log", "relative.log");
        link(node.dir.at("secret"), "directory");
        EXPECT_FALSE(node.run().has_failures());
        EXPECT_FALSE(has("absolute.log") || has("relative.log") || has("directory"));
        EXPECT_EQ(record().skipped, 3U);
    });
}

} // namespace
} // namespace logbackup
