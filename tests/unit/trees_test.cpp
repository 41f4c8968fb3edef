// SPDX-License-Identifier: MIT
#include "util/trees.hpp"

#include "in_private_mounts.hpp"
#include "support.hpp"

#include <gtest/gtest.h>

#include <sys/mount.h>

#include <set>

namespace logbackup {
namespace {

using test::TempDir;

/// A tree "tree" with everything that can stand in one, and "outside", to which links in it lead.
void fill(const TempDir& dir) {
    dir.write("tree/a.log", std::string(5000, 'x'));
    dir.write("tree/d/e/b.log", "y");
    dir.write("tree/d/\n", "z");
    dir.fifo("tree/d/fifo");
    dir.write("outside/precious", "precious");
    dir.link("tree/link", dir.at("outside"));
    dir.link("tree/d/link", "../../outside/precious");
    dir.link("tree/dangling", "nowhere");
}

TEST(Trees, AreMeasured) {
    const TempDir dir;
    fill(dir);
    const auto size = size_of_tree(dir.fd(), "tree");
    ASSERT_TRUE(size);
    EXPECT_EQ(size->files, 3U);
    std::uint64_t blocks = 0;
    for (const char* name : {"tree/a.log", "tree/d/e/b.log", "tree/d/\n"}) {
        struct stat status {};
        ASSERT_EQ(::lstat(dir.at(name).c_str(), &status), 0);
        blocks += static_cast<std::uint64_t>(status.st_blocks);
    }
    EXPECT_EQ(size->disk_bytes, blocks * 512);
    EXPECT_FALSE(size_of_tree(dir.fd(), "none"));
    EXPECT_EQ(errno, ENOENT);
    const auto link = size_of_tree(test::open_path(dir.at("tree")).get(), "link");
    EXPECT_EQ(link ? link->files : 99, 0U);
}

TEST(Trees, ShowEachRegularFile) {
    const TempDir dir;
    fill(dir);
    std::set<std::string> seen;
    for_each_file(test::open_path(dir.at("tree")).get(),
                  [&](const std::string& path, const struct statx&) { seen.insert(path); });
    EXPECT_EQ(seen, (std::set<std::string>{"a.log", "d/\n", "d/e/b.log"}));
}

TEST(Trees, AreRemovedWithoutFollowingLinks) {
    const TempDir dir;
    fill(dir);
    test::Stop stop;
    EXPECT_EQ(remove_tree(dir.fd(), "tree", stop.get()), 0);
    EXPECT_FALSE(dir.has("tree"));
    EXPECT_EQ(dir.read("outside/precious"), "precious");
    EXPECT_EQ(remove_tree(dir.fd(), "tree", stop.get()), 0) << "it is gone already";
    dir.link("link", dir.at("outside"));
    EXPECT_EQ(remove_tree(dir.fd(), "link", stop.get()), 0);
    EXPECT_FALSE(dir.has("link"));
    EXPECT_EQ(dir.read("outside/precious"), "precious");
}

TEST(Trees, AreLeftWhereTheRunIsStopped) {
    const TempDir dir;
    fill(dir);
    test::Stop stop;
    ::kill(::getpid(), SIGTERM);
    EXPECT_EQ(remove_tree(dir.fd(), "tree", stop.get()), ECANCELED);
    EXPECT_TRUE(dir.has("tree"));
}

/// A file system of its own, and a directory of the same one.
class TreesWithMount : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(, TreesWithMount, testing::Bool());

TEST_P(TreesWithMount, AreNotEnteredThere) {
    const TempDir dir;
    fill(dir);
    dir.make_directory("tree/d/mounted");
    dir.write("other/kept", "kept");
    test::in_private_mounts([&] {
        if (GetParam())
            test::mount_tmpfs(dir.at("tree/d/mounted"), "");
        else
            test::bind_mount(dir.at("other"), dir.at("tree/d/mounted"));
        dir.write("tree/d/mounted/kept", "kept");
        test::Stop stop;
        const UniqueFd held = test::open_path(dir.path());
        EXPECT_FALSE(size_of_tree(held.get(), "tree"));
        EXPECT_EQ(errno, EXDEV);
        EXPECT_EQ(remove_tree(held.get(), "tree", stop.get()), EXDEV);
        EXPECT_EQ(dir.read("tree/d/mounted/kept"), "kept");
        EXPECT_FALSE(dir.has("tree/a.log"));
        const UniqueFd above = test::open_path(dir.at("tree/d"));
        EXPECT_FALSE(size_of_tree(above.get(), "mounted"));
        EXPECT_EQ(remove_tree(above.get(), "mounted", stop.get()), EXDEV);
    });
}

} // namespace
} // namespace logbackup
