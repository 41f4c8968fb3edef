// SPDX-License-Identifier: MIT
#include "fake_node.hpp"
#include "in_private_mounts.hpp"

#include <gtest/gtest.h>

#include <sys/statvfs.h>

#include <string>

/// What a run leaves free on the file system of the backup.
namespace logbackup {
namespace {

using test::FakeNode;
using test::row_of;

constexpr std::uint64_t reserved = 20; // 1 % of the inodes

std::uint64_t free_inodes(const FakeNode& node) {
    struct statvfs status {};
    EXPECT_EQ(::statvfs(node.options.backup_root.c_str(), &status), 0);
    return status.f_favail;
}

/// Makes the backup a small file system with room for a few files.
void prepare(FakeNode& node, std::uint64_t inodes_left) {
    test::mount_tmpfs(node.dir.make_directory("backup"), "size=64m,nr_inodes=2000,mode=755");
    node.options.min_free = {1, 0};
    node.add("a", "web", "web-1");
    node.dir.write("layers/a/opt/logs/app.log", "one\n");
    EXPECT_FALSE(node.run().has_failures());
    for (int i = 0; free_inodes(node) > inodes_left; ++i)
        node.dir.write("backup/.others/" + std::to_string(i), "");
}

TEST(SaveWithoutRoom, DirectoriesCountAmongTheInodes) {
    FakeNode node; // outside, so that it is removed when nothing is mounted in it
    test::in_private_mounts([&node] {
        prepare(node, reserved + 40);
        for (int i = 0; i < 30; ++i)
            node.dir.write("layers/a/opt/logs/" + std::to_string(i) + "/app.log", "x\n");
        const auto report = node.run();
        EXPECT_TRUE(report.has_failures());
        EXPECT_GT(row_of(report, "web-1").created, 5U);
        EXPECT_GE(free_inodes(node), reserved);
    });
}

TEST(SaveWithoutRoom, ANewRecordDoesNotTakeTheReserve) {
    FakeNode node; // outside, so that it is removed when nothing is mounted in it
    test::in_private_mounts([&node] {
        prepare(node, reserved);
        const auto before = free_inodes(node);
        for (const auto* name : {"b", "c", "d"}) {
            node.add(name, "new", std::string("new-") + name);
            node.dir.write(std::string("layers/") + name + "/opt/logs/app.log", "x\n");
        }
        const auto report = node.run();
        EXPECT_TRUE(report.has_failures());
        ASSERT_EQ(row_of(report, "new-b").failures.size(), 1U);
        EXPECT_TRUE(row_of(report, "new-b").failures[0].reason.starts_with("no room for its record: "))
            << row_of(report, "new-b").failures[0].reason;
        EXPECT_FALSE(node.dir.has("backup/.logbackup/live/new"));
        EXPECT_GE(free_inodes(node) + 2, before) << "but for the list of what is not saved";
    });
}

} // namespace
} // namespace logbackup
