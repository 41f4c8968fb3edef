// SPDX-License-Identifier: MIT
#include "util/mount_table.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace logbackup {
namespace {

std::string text_of(const std::vector<MountInfo>& mounts) {
    std::string text;
    for (const auto& mount : mounts)
        text += std::to_string(mount.id) + " " + std::to_string(mount.parent) + " " + mount.point + " " +
                mount.type + "\n";
    return text;
}

TEST(ParseMountinfo, ReadsWhatTheKernelPrints) {
    EXPECT_EQ(text_of(parse_mountinfo(
                  "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
                  "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n"
                  "40 22 0:35 / /dev/shm rw,nosuid shared:3 master:7 propagate_from:2 - tmpfs tmpfs rw\n")),
              "22 1 / ext4\n36 35 /mnt2 ext3\n40 22 /dev/shm tmpfs\n");
}

TEST(ParseMountinfo, UnescapesNames) {
    const auto point_of = [](const char* line) { return parse_mountinfo(line).at(0).point; };
    EXPECT_EQ(point_of(R"(1 1 8:1 / /a\040b\134c rw - ext4 /dev/a rw)"), "/a b\\c");
    EXPECT_EQ(point_of(R"(1 1 8:1 / /tab\011line\012hash\043\040 rw - ext4 /dev/a rw)"),
              "/tab\tline\nhash# ");
    EXPECT_EQ(point_of(R"(1 1 8:1 / /\303\244 rw - x x x)"), "/ä");
    EXPECT_EQ(point_of(R"(1 1 8:1 / /\134040 rw - x x x)"), "/\\040"); // once only
}

TEST(ParseMountinfo, PassesOverLinesThatAreNone) {
    EXPECT_EQ(text_of(parse_mountinfo("\ngarbage\n1 2 3 4\n1 1 8:1 / /x rw\n\n")), "1 1 /x \n");
    EXPECT_TRUE(parse_mountinfo("").empty());
    EXPECT_EQ(text_of(parse_mountinfo(R"(1 1 8:1 / /cut\04)")), "1 1 /cut\\04 \n");
}

} // namespace
} // namespace logbackup
