// SPDX-License-Identifier: MIT
#include "locate/mounted_tree.hpp"

#include "locate/process_root.hpp"
#include "support.hpp"

#include <gtest/gtest.h>

namespace logbackup {
namespace {

using test::TempDir;
using Ended = MountedTree::Ended;
using Links = MountedTree::Links;

TEST(FileSystem, IsKnownByItsType) {
    for (const auto* type : {"nfs", "nfs4", "cifs", "smb3", "fuse", "fuse.sshfs", "fuseblk", "autofs", "9p"})
        EXPECT_EQ(file_system(type), FileSystem::may_not_answer) << type;
    for (const auto* type : {"proc", "sysfs", "cgroup2", "tracefs", "fusectl"})
        EXPECT_EQ(file_system(type), FileSystem::of_the_kernel) << type;
    for (const auto* type : {"ext4", "xfs", "btrfs", "tmpfs", "overlay", "zfs", "fusee", ""})
        EXPECT_EQ(file_system(type), FileSystem::ordinary) << type;
}

TEST(MountTable, SeesWhatCoversAPlace) {
    const MountTable table(parse_mountinfo("1 0 8:1 / / rw - ext4 a rw\n"
                                           "2 1 0:2 / /mnt/a\\040b rw shared:1 - nfs4 b rw\n"
                                           "3 1 0:3 / /auto rw - autofs c rw\n"
                                           "4 3 8:4 / /auto rw - xfs d rw\n"
                                           "5 1 0:5 / / rw - tmpfs e rw\n"
                                           "6 5 0:6 / /tmp rw - nfs f rw\n"));
    ASSERT_NE(table.covering(1, "/mnt/a b"), nullptr);
    EXPECT_EQ(table.covering(1, "/mnt/a b")->type, "nfs4");
    EXPECT_EQ(table.covering(1, "/auto")->type, "xfs") << "the uppermost";
    EXPECT_EQ(table.covering(1, "/tmp"), nullptr) << "it is on another mount than the one we are on";
    EXPECT_EQ(table.covering(1, "/mnt"), nullptr);
    EXPECT_EQ(table.first_special_below("/mnt")->id, 2);
    EXPECT_EQ(table.first_special_below("/mnt/a b"), nullptr);
    const MountTable circle({{"/x", "nfs", 1, 2}, {"/x", "nfs", 2, 1}});
    EXPECT_NE(circle.covering(1, "/x"), nullptr);
}

class InMountedTree : public ::testing::Test {
  protected:
    TempDir dir;

    MountedTree tree(const std::string& table = {}) const {
        return {test::open_path(dir.path()), 1, MountTable(parse_mountinfo(table))};
    }
};

TEST_F(InMountedTree, ResolvesLinksInTheTree) {
    dir.write("data/real/app.log", "");
    dir.link("one", "/data");
    dir.link("data/two", "../../../one/real");
    const auto place = tree().open("/data/./two/../real/app.log");
    EXPECT_EQ(place.ended, Ended::arrived);
    EXPECT_EQ(place.path, "data/real/app.log");
    EXPECT_EQ(place.links, Links::changed);
    EXPECT_EQ(tree().open("/data/real").links, Links::none);
    EXPECT_EQ(tree().open("/data/missing/x").ended, Ended::missing);
    EXPECT_EQ(tree().open("/data/real/app.log/x").ended, Ended::failed);
    dir.link("loop", "loop");
    EXPECT_NE(tree().open("/loop").reason.find("Too many levels"), std::string::npos);
}

TEST_F(InMountedTree, TellsOldLinksFromChangedOnes) {
    dir.make_directory("data");
    dir.link("link", "data");
    const auto now = std::chrono::system_clock::now();
    EXPECT_EQ(tree().open("/link", now + std::chrono::hours(1)).links, Links::old);
    EXPECT_EQ(tree().open("/link", now - std::chrono::hours(1)).links, Links::changed);
}

TEST_F(InMountedTree, TakesAYoungLinkForTheHostsWhereOnlyRootCanWrite) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "only root owns directories of the host";
    dir.make_directory("var/lib/other");
    dir.make_directory("big/docker/shared");
    for (const auto* path : {"", "var", "var/lib", "var/lib/other"})
        std::filesystem::permissions(dir.at(path), std::filesystem::perms(0755));
    dir.link("var/lib/docker", "/big/docker");
    dir.link("var/lib/other/docker", "/big/docker");
    dir.link("big/docker/link", "shared");
    const auto links_of = [&](const std::string& path) {
        return tree().open(path, std::chrono::system_clock::now() - std::chrono::hours(1)).links;
    };
    EXPECT_EQ(links_of("/var/lib/docker"), Links::old);
    EXPECT_EQ(links_of("/var/lib/docker/link"), Links::changed) << "a container may have made it";
    EXPECT_EQ(links_of("/var/lib/other/docker"), Links::changed);
    std::filesystem::permissions(dir.at("var"), std::filesystem::perms(0775));
    EXPECT_EQ(links_of("/var/lib/docker"), Links::changed);
    std::filesystem::permissions(dir.at("var"), std::filesystem::perms(0755));
    ASSERT_EQ(::chown(dir.at("var/lib").c_str(), 1000, 0), 0);
    EXPECT_EQ(links_of("/var/lib/docker"), Links::changed);
}

TEST_F(InMountedTree, TouchesNothingThatMayNotAnswer) {
    dir.make_directory("mnt/nfs/deep");
    dir.link("data", "mnt/nfs");
    const std::string table = "2 1 0:2 / /mnt/nfs rw - nfs4 server:/ rw\n3 1 0:3 / /proc rw - proc p rw\n";
    for (const auto* path : {"/mnt/nfs", "/mnt/nfs/deep", "/data/deep", "/mnt/nfs/missing"}) {
        const auto place = tree(table).open(path);
        EXPECT_EQ(place.ended, Ended::refused) << path;
        EXPECT_FALSE(place.held);
        EXPECT_NE(place.reason.find("'/mnt/nfs' (nfs4)"), std::string::npos) << place.reason;
    }
    EXPECT_EQ(tree(table).open("/mnt").ended, Ended::arrived);
    EXPECT_EQ(tree(table).open("/proc/1").ended, Ended::refused);
    EXPECT_NE(tree(table).problem_below("mnt"), "");
    EXPECT_EQ(tree(table).problem_below("mnt/nfs"), "");
}

TEST(NamesContainer, OnlyByAWholeName) {
    const std::string id(64, 'a');
    EXPECT_TRUE(names_container("0::/docker/" + id + "\n", id));
    EXPECT_TRUE(names_container("1:cpu:/kubepods.slice/docker-" + id + ".scope\n0::/\n", id));
    for (const std::string before :
         {"libpod-", "libpod-payload-", "crio-", "kubepods-pod1.slice:cri-containerd:"})
        for (const auto* after : {"", ".scope", "/nested"})
            EXPECT_TRUE(names_container("0::/machine.slice/" + before + id + after + "\n", id))
                << before << after;
    EXPECT_TRUE(names_container("0::/docker/x" + id + "-" + id + "\n", id));
    EXPECT_FALSE(names_container("0::/docker/x" + id + "\n", id));
    EXPECT_FALSE(names_container("0::/docker/" + id + "x/y\n", id));
    EXPECT_FALSE(names_container("0::/\n", id));
    EXPECT_FALSE(names_container("0::/\n", ""));
}

} // namespace
} // namespace logbackup
