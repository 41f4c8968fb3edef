// SPDX-License-Identifier: MIT
#include "commands/commands.hpp"
#include "config/selection.hpp"
#include "fake_node.hpp"
#include "in_private_mounts.hpp"
#include "ledger/inventory.hpp"
#include "report/list_report.hpp"
#include "report/save_report.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace logbackup {
namespace {

namespace fs = std::filesystem;
using test::FakeNode;
using test::row_of;

/// A container with a log directory on a volume and another one of its own.
class LeftOutVolumes : public testing::Test {
  protected:
    FakeNode node;

    void SetUp() override {
        node.add("a", "web", "web-1");
        node.options.log_directories = {"/opt/logs", "/var/log/app"};
        node.dir.write("layers/a/var/log/app/own.log", "own\n");
    }
    void mount(const std::string& destination, const std::string& name = {}) {
        node["a"].mounts.push_back(
            {"bind", node.dir.at("disk/volume"), destination, MountAccess::read_write, name});
    }
    [[nodiscard]] const Row* row_at(const Report& report, const std::string& log_directory) const {
        for (const auto& row : report.rows)
            if (row.log_directory == log_directory)
                return &row;
        ADD_FAILURE() << "no row of " << log_directory;
        return nullptr;
    }
    void expect_left_out(const Report& report) const {
        EXPECT_FALSE(report.has_failures());
        if (const Row* row = row_at(report, "/opt/logs")) {
            EXPECT_EQ(row->status, RowStatus::left_out);
        }
        if (const Row* row = row_at(report, "/var/log/app")) {
            EXPECT_EQ(row->status, RowStatus::saved);
        }
    }
};

TEST_F(LeftOutVolumes, TheOtherLogDirectoryGoesOn) {
    test::in_private_mounts([&] {
        mount("/opt/logs"); // it does not exist: to open it fails
        EXPECT_TRUE(node.run().has_failures());
        node.options.skip_volumes = {node.dir.at("disk")};
        expect_left_out(node.run(dry_run));
        EXPECT_NE(table(node.run(dry_run), Colour::no, Detail::containers).find("left out (--skip-volume)"),
                  std::string::npos);
        expect_left_out(node.run());
        EXPECT_EQ(node.saved("web/web-1+var+log+app/own.log"), "own\n");
        expect_left_out(node.run(verify));
        node.end("a");
        node["a"].upper.clear(); // as with images that containerd keeps
        node["a"].lowers.clear();
        const auto report = node.run();
        if (const Row* row = row_at(report, "/opt/logs")) {
            EXPECT_EQ(row->status, RowStatus::left_out);
        }
    });
}

TEST_F(LeftOutVolumes, AVolumeIsKnownByItsNameWhereverItLies) {
    test::in_private_mounts([&] {
        mount("/opt", "nfs-logs");
        node.options.skip_volumes = {"nfs-*"};
        expect_left_out(node.run());
    });
}

TEST(IsLeftOut, AGlobWithoutASlashIsForNamesOnly) {
    Options options;
    options.skip_volumes = {"*", ""};
    EXPECT_FALSE(is_left_out(options, "/var/lib/kubelet/pods/u/volumes/kubernetes.io~empty-dir/logs", ""));
    EXPECT_TRUE(is_left_out(options, "/var/lib/docker/volumes/named/_data", ""));
    EXPECT_TRUE(is_left_out(options, "/mnt/disk", "named"));
    options.skip_volumes = {"/mnt//archive/"};
    EXPECT_TRUE(is_left_out(options, "/mnt/archive", ""));
    EXPECT_FALSE(is_left_out(options, "/mnt/other", ""));
}

TEST_F(LeftOutVolumes, WhatWasSavedStaysAndEndsAndGoesOn) {
    test::in_private_mounts([&] {
        mount("/opt/logs");
        node.dir.write("disk/volume/app.log", "one\n");
        EXPECT_FALSE(node.run().has_failures());
        node.options.skip_volumes = {node.dir.at("disk/vol*")};
        expect_left_out(node.run());
        EXPECT_EQ(node.record("web", "web-1").coverage, Coverage::cut);
        EXPECT_EQ(node.saved("web/web-1/app.log"), "one\n");
        node.options.skip_volumes.clear();
        node.dir.write("disk/volume/app.log", "one\ntwo\n");
        EXPECT_FALSE(node.run().has_failures());
        EXPECT_EQ(node.record("web", "web-1").coverage, Coverage::live);
        EXPECT_EQ(node.saved("web/web-1/app.log"), "one\ntwo\n") << "it goes on where it was";
    });
}

TEST_F(LeftOutVolumes, TheVolumeOfARemovedContainerEndsWithoutALook) {
    test::in_private_mounts([&] {
        mount("/opt/logs");
        node.dir.write("disk/volume/app.log", "one\n");
        node.add("b", "web", "web-2");
        node.dir.write("layers/b/opt/logs/app.log", "one\n");
        EXPECT_FALSE(node.run().has_failures());
        node.remove("a");
        node.options.skip_volumes = {node.dir.at("disk/*")};
        EXPECT_FALSE(node.run().has_failures());
        EXPECT_EQ(node.record("web", "web-1").coverage, Coverage::cut) << "although the volume is there";
    });
}

TEST_F(LeftOutVolumes, APartOfALogDirectoryIsLeftOutAndTheRestIsComplete) {
    test::in_private_mounts([&] {
        mount("/opt/logs/archive");
        node.dir.write("disk/volume/old.log", "old\n");
        node.dir.write("layers/a/opt/logs/app.log", "one\n");
        node.dir.write("layers/a/opt/logs/archive/hidden.log", "of the image\n");
        EXPECT_FALSE(node.run().has_failures());
        EXPECT_EQ(node.saved("web/web-1/archive/old.log"), "old\n");
        fs::remove_all(node.dir.at("disk"));
        node.options.skip_volumes = {node.dir.at("disk/volume")};
        node.end("a");
        const auto report = node.run();
        EXPECT_FALSE(report.has_failures());
        const Row* row = row_at(report, "/opt/logs");
        ASSERT_TRUE(row != nullptr && row->skipped.size() == 1);
        EXPECT_EQ(row->skipped[0].path, "archive");
        EXPECT_EQ(node.record("web", "web-1").coverage, Coverage::complete);
        EXPECT_EQ(node.record("web", "web-1").skipped, 1U);
        EXPECT_EQ(node.saved("web/web-1/archive/old.log"), "old\n");
        EXPECT_FALSE(node.dir.has("backup/web/web-1/archive/hidden.log"));
        node.options.skip_volumes.clear();
        node.dir.write("disk/volume/old.log", "old\nnew\n");
        EXPECT_FALSE(node.run().has_failures());
        EXPECT_EQ(node.saved("web/web-1/archive/old.log"), "old\nnew\n");
        EXPECT_EQ(node.record("web", "web-1").coverage, Coverage::complete);
    });
}

TEST_F(LeftOutVolumes, ALinkIntoOneIsNotFollowed) {
    test::in_private_mounts([&] {
        mount("/data");
        fs::create_symlink("/data/app.log", node.dir.at("layers/a/opt/logs/data.log"));
        node.dir.write("layers/a/opt/logs/app.log", "one\n");
        node.options.skip_volumes = {node.dir.at("disk/volume")};
        node.end("a");
        EXPECT_FALSE(node.run().has_failures());
        EXPECT_EQ(node.record("web", "web-1").coverage, Coverage::complete);
    });
}

TEST(IsLeftOut, ByNameOrByPath) {
    Options options;
    EXPECT_FALSE(is_left_out(options, "/mnt/nfs", "nfs"));
    options.skip_volumes = {"nfs*", "/mnt/archive", "/var/lib/kubelet/pods/*/volumes/kubernetes.io~nfs/*"};
    EXPECT_TRUE(is_left_out(options, "/any/path", "nfs-1"));
    EXPECT_TRUE(is_left_out(options, "/var/lib/docker/volumes/nfs-1/_data"));
    EXPECT_FALSE(is_left_out(options, "/var/lib/docker/volumes/other/_data"));
    EXPECT_FALSE(is_left_out(options, "/srv/nfs"));
    EXPECT_TRUE(is_left_out(options, "/mnt/archive"));
    EXPECT_FALSE(is_left_out(options, "/mnt/archive2"));
    EXPECT_TRUE(is_left_out(options, "/var/lib/kubelet/pods/1-2/volumes/kubernetes.io~nfs/data"));
}

} // namespace
} // namespace logbackup
