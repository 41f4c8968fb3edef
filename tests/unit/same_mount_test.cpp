// SPDX-License-Identifier: MIT
#include "util/same_mount.hpp"

#include "in_private_mounts.hpp"
#include "support.hpp"
#include "util/files.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace logbackup {
namespace {

using test::bind_mount;
using test::in_private_mounts;
using test::mount_tmpfs;
using test::open_path;
using test::TempDir;

std::string text_of(const std::vector<MountInfo>& mounts) {
    std::string text;
    for (const auto& mount : mounts)
        text.append(mount.device).append(" ").append(mount.root).append(" ").append(mount.point).append("\n");
    return text;
}

/// "<mount>: <first>, <second>", or "none".
std::string common(const std::vector<MountInfo>& mounts, const std::string& first,
                   const std::string& second) {
    const auto all = find_common_mounts(mounts, first, second);
    const auto found = all.empty() ? CommonMount{} : all.front();
    return found.point.empty() ? "none" : found.point + ": " + found.first + ", " + found.second;
}

TEST(ParseMountinfo, ReadsWhatTheKernelPrints) {
    EXPECT_EQ(text_of(parse_mountinfo(
                  "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
                  "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n"
                  "40 22 0:35 / /dev/shm rw,nosuid shared:3 master:7 propagate_from:2 - tmpfs tmpfs rw\n")),
              "254:0 / /\n98:0 /mnt1 /mnt2\n0:35 / /dev/shm\n");
}

TEST(ParseMountinfo, UnescapesNames) {
    const auto mounts =
        parse_mountinfo(R"(1 1 8:1 /a\040b\134c /tab\011line\012hash\043\040 rw - ext4 /dev/a rw)"
                        "\n");
    ASSERT_EQ(mounts.size(), 1U);
    EXPECT_EQ(mounts[0].root, "/a b\\c");
    EXPECT_EQ(mounts[0].point, "/tab\tline\nhash# ");
    EXPECT_EQ(parse_mountinfo(R"(1 1 8:1 /\303\244 /\134040 rw - x x x)")[0].root, "/ä");
    EXPECT_EQ(parse_mountinfo(R"(1 1 8:1 /\303\244 /\134040 rw - x x x)")[0].point, "/\\040"); // once only
}

TEST(ParseMountinfo, PassesOverLinesThatAreNone) {
    EXPECT_EQ(text_of(parse_mountinfo("\ngarbage\n1 2 3 4\n1 1 8:1 / /x rw\n\n")), "8:1 / /x\n");
    EXPECT_TRUE(parse_mountinfo("").empty());
    EXPECT_EQ(text_of(parse_mountinfo(R"(1 1 8:1 / /cut\04)")), "8:1 / /cut\\04\n");
}

TEST(FindCommonMount, IsTheOneBothAreOn) {
    const std::vector<MountInfo> mounts{{"8:1", "/", "/"}, {"0:5", "/", "/proc"}};
    EXPECT_EQ(common(mounts, "/var/a", "/srv/b"), "/: var/a, srv/b");
    EXPECT_EQ(common(mounts, "/var", "/"), "/: var, ");
    const std::vector<MountInfo> below{{"8:1", "/", "/"}, {"8:2", "/", "/srv"}};
    EXPECT_EQ(common(below, "/srv/a/b", "/srv/c"), "/srv: a/b, c");
    EXPECT_EQ(common(below, "/srv", "/srv/c"), "/srv: , c");
}

TEST(FindCommonMount, IsNoneAcrossFileSystems) {
    const std::vector<MountInfo> mounts{{"8:1", "/", "/"}, {"8:2", "/", "/srv"}, {"8:3", "/", "/srv/deep"}};
    EXPECT_EQ(common(mounts, "/var/a", "/srv/b"), "none");
    EXPECT_EQ(common(mounts, "/srv/b", "/var/a"), "none");
    EXPECT_EQ(common(mounts, "/srv/b", "/srv/deep/b"), "none");
    EXPECT_EQ(common(mounts, "/srv/b", "/srv/deeper"), "/srv: b, deeper"); // a name that only begins alike
    EXPECT_EQ(common(mounts, "/srvs", "/var"), "/: srvs, var");
}

TEST(FindCommonMount, IsNoneWithoutMountsOrPaths) {
    EXPECT_EQ(common({}, "/a", "/b"), "none");
    EXPECT_EQ(common({{"8:2", "/", "/srv"}}, "/srv/a", "/b"), "none");
    EXPECT_EQ(common({{"8:2", "/", "/srv"}}, "", "/srv/a"), "none");
}

TEST(FindCommonMount, SeesThroughBindMountsOfSubdirectories) {
    const std::vector<MountInfo> mounts{
        {"8:1", "/", "/"}, {"8:1", "/var/lib/docker", "/docker"}, {"8:1", "/backup", "/mnt/b"}};
    EXPECT_EQ(common(mounts, "/docker/overlay2/x", "/srv"), "/: var/lib/docker/overlay2/x, srv");
    EXPECT_EQ(common(mounts, "/docker", "/mnt/b"), "/: var/lib/docker, backup");
    EXPECT_EQ(common(mounts, "/docker/x", "/mnt/b/y"), "/: var/lib/docker/x, backup/y");
}

TEST(FindCommonMount, CanBeAThirdMount) {
    const std::vector<MountInfo> apart{
        {"8:9", "/", "/"}, {"8:1", "/a", "/one"}, {"8:1", "/b", "/two"}, {"8:1", "/ab", "/three"}};
    EXPECT_EQ(common(apart, "/one/x", "/two/y"), "none");
    EXPECT_EQ(common(apart, "/one/x", "/three"), "none"); // "/a" does not show "/ab"
    auto whole = apart;
    whole.push_back({"8:1", "/", "/whole"});
    EXPECT_EQ(common(whole, "/one/x", "/two/y"), "/whole: a/x, b/y");
    EXPECT_EQ(common(whole, "/one", "/two"), "/whole: a, b");
}

TEST(FindCommonMount, AMountCoversTheOneBeforeOnItsPlace) {
    const std::vector<MountInfo> mounts{{"8:1", "/", "/"},
                                        {"8:2", "/", "/m"},
                                        {"8:3", "/", "/m"},
                                        {"8:2", "/", "/two"},
                                        {"8:3", "/", "/three"}};
    EXPECT_EQ(common(mounts, "/m/x", "/two/y"), "none");
    EXPECT_EQ(common(mounts, "/m/x", "/three/y"), "/m: x, y");
}

TEST(FindCommonMount, NothingIsReachedThroughAMountOverTheRoot) {
    const std::vector<MountInfo> mounts{
        {"8:1", "/", "/"}, {"8:2", "/", "/"}, {"8:1", "/", "/one"}, {"8:2", "/", "/two"}};
    EXPECT_EQ(common(mounts, "/x", "/one/y"), "/: x, y");
    EXPECT_EQ(common(mounts, "/x", "/two/y"), "none");
}

std::size_t count_mounts() {
    std::ifstream file("/proc/self/mountinfo");
    std::string line;
    std::size_t count = 0;
    while (std::getline(file, line))
        ++count;
    return count;
}

/// Whether link(2) and rename(2) work from one directory to the other.
bool link_and_rename_work(int from, int to) {
    return ::linkat(from, "file", to, "linked", 0) == 0 && ::renameat(from, "file", to, "renamed") == 0;
}

TEST(OnOneMount, LinksAcrossABindMount) {
    const TempDir dir;
    dir.write("a/deep/file", "text");
    dir.make_directory("b/deep");
    dir.make_directory("bound");
    in_private_mounts([&] {
        bind_mount(dir.at("a"), dir.at("bound"));
        const auto first = open_path(dir.at("bound/deep"));
        const auto second = open_path(dir.at("b/deep"));
        ASSERT_FALSE(link_and_rename_work(first.get(), second.get()));
        ASSERT_EQ(errno, EXDEV);
        const auto before = count_mounts();
        const auto [one, other] = on_one_mount(first.get(), second.get());
        ASSERT_TRUE(one && other);
        EXPECT_EQ(count_mounts(), before); // nobody sees the clone
        EXPECT_EQ(status_of(one.get())->st_ino, status_of(first.get())->st_ino);
        EXPECT_EQ(status_of(other.get())->st_ino, status_of(second.get())->st_ino);
        EXPECT_TRUE(link_and_rename_work(one.get(), other.get()));
        EXPECT_EQ(dir.read("b/deep/linked"), "text");
        EXPECT_FALSE(dir.has("a/deep/file"));
    });
}

TEST(OnOneMount, WorksForTheMountPointItselfAndForNamesThatMountinfoEscapes) {
    const TempDir dir;
    const std::string odd = "a b\\c\td\ne#\\040";
    dir.make_directory(odd);
    dir.make_directory("bound");
    in_private_mounts([&] {
        mount_tmpfs(dir.at(odd), "size=1m");
        ASSERT_EQ(::mkdir(dir.at(odd + "/sub dir").c_str(), 0700), 0);
        dir.write(odd + "/sub dir/file", "text");
        bind_mount(dir.at(odd + "/sub dir"), dir.at("bound"));
        const auto [one, other] =
            on_one_mount(open_path(dir.at("bound")).get(), open_path(dir.at(odd)).get());
        ASSERT_TRUE(one && other);
        EXPECT_TRUE(link_and_rename_work(one.get(), other.get()));
        EXPECT_EQ(dir.read(odd + "/renamed"), "text");
    });
}

TEST(OnOneMount, GivesNoOtherDirectoryThanTheOneThatIsHeld) {
    const TempDir dir;
    for (const std::string name : {"from", "to", "elsewhere"})
        dir.make_directory(name);
    in_private_mounts([&] {
        const auto first = open_path(dir.at("from"));
        const auto second = open_path(dir.at("to"));
        bind_mount(dir.at("elsewhere"), dir.at("to")); // by its path it is another one now
        const auto [one, other] = on_one_mount(first.get(), second.get());
        EXPECT_FALSE(one || other);
        EXPECT_EQ(errno, EXDEV);
    });
}

TEST(OnOneMount, LooksFurtherWhenAMountThatWouldServeIsCovered) {
    const TempDir dir;
    for (const std::string name : {"covered", "whole", "one"})
        dir.make_directory(name);
    in_private_mounts([&] {
        mount_tmpfs(dir.at("covered"), "size=1m");
        dir.make_directory("covered/a");
        dir.make_directory("covered/b");
        bind_mount(dir.at("covered"), dir.at("whole"));
        bind_mount(dir.at("covered/a"), dir.at("one"));
        mount_tmpfs(dir.at("covered"), "size=1m");
        const auto [one, other] =
            on_one_mount(open_path(dir.at("one")).get(), open_path(dir.at("whole/b")).get());
        EXPECT_TRUE(one && other);
    });
}

TEST(OnOneMount, IsNothingAcrossFileSystems) {
    const TempDir dir;
    dir.make_directory("a");
    dir.make_directory("other");
    in_private_mounts([&] {
        mount_tmpfs(dir.at("other"), "size=1m");
        errno = 0;
        const auto first = open_path(dir.at("a"));
        const auto second = open_path(dir.at("other"));
        const auto [one, other] = on_one_mount(first.get(), second.get());
        EXPECT_FALSE(one || other);
        EXPECT_EQ(errno, EXDEV);
    });
}

TEST(OnOneMount, IsNothingWhereNoMountShowsBoth) {
    const TempDir dir;
    for (const std::string name : {"fs", "one", "two"})
        dir.make_directory(name);
    in_private_mounts([&] {
        mount_tmpfs(dir.at("fs"), "size=1m");
        dir.make_directory("fs/a");
        dir.make_directory("fs/b");
        bind_mount(dir.at("fs/a"), dir.at("one"));
        bind_mount(dir.at("fs/b"), dir.at("two"));
        ASSERT_EQ(::umount(dir.at("fs").c_str()), 0);
        const auto first = open_path(dir.at("one"));
        const auto second = open_path(dir.at("two"));
        const auto [one, other] = on_one_mount(first.get(), second.get());
        EXPECT_FALSE(one || other);
        EXPECT_EQ(errno, EXDEV);
    });
}

TEST(OnOneMount, IsNothingForADirectoryThatWasRemoved) {
    const TempDir dir;
    dir.make_directory("a");
    dir.make_directory("b");
    in_private_mounts([&] {
        const auto first = open_path(dir.at("a"));
        const auto second = open_path(dir.at("b"));
        ASSERT_EQ(::rmdir(dir.at("a").c_str()), 0);
        const auto [one, other] = on_one_mount(first.get(), second.get());
        EXPECT_FALSE(one || other);
        EXPECT_EQ(errno, EXDEV);
    });
}

} // namespace
} // namespace logbackup
