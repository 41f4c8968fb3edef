// SPDX-License-Identifier: MIT
#include "util/free_space.hpp"

#include "in_private_mounts.hpp"
#include "support.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>

#include <cstdint>
#include <limits>
#include <string>

namespace logbackup {
namespace {

using test::in_private_mounts;
using test::mount_tmpfs;
using test::open_path;
using test::TempDir;

constexpr std::uint64_t size = 4U << 20U;
constexpr const char* of_that_size = "size=4m,nr_inodes=5000";

FreeSpace space_of(const std::string& directory, const MinFree& min_free = {0, 0.05}) {
    const auto space = free_space(open_path(directory).get(), min_free);
    EXPECT_TRUE(space);
    return space.value_or(FreeSpace{});
}

TEST(FreeSpace, IsNothingWhereThereIsNoFileSystem) {
    EXPECT_FALSE(free_space(-1, {}));
}

TEST(FreeSpace, TellsWhatIsAvailable) {
    const TempDir dir;
    in_private_mounts([&] {
        mount_tmpfs(dir.path(), of_that_size);
        const auto before = space_of(dir.path());
        EXPECT_LE(before.bytes, size);
        EXPECT_GT(before.bytes, size - (64U << 10U)); // a tmpfs takes a little for itself
        EXPECT_LE(before.inodes, 5000U);
        EXPECT_GT(before.inodes, 4900U);
        dir.write("file", std::string(1U << 20U, 'x'));
        const auto after = space_of(dir.path());
        EXPECT_EQ(before.bytes - after.bytes, 1U << 20U);
        EXPECT_EQ(before.inodes - after.inodes, 1U);
    });
}

TEST(FreeSpace, IsThatOfTheDirectorysOwnFileSystem) {
    const TempDir dir;
    dir.make_directory("mounted");
    in_private_mounts([&] {
        mount_tmpfs(dir.path(), of_that_size);
        dir.make_directory("mounted");
        mount_tmpfs(dir.at("mounted"), "size=1m");
        EXPECT_GT(space_of(dir.path()).bytes, 1U << 20U);
        EXPECT_LE(space_of(dir.at("mounted")).bytes, 1U << 20U);
    });
}

TEST(FreeSpace, ReservesAFractionOfTheWholeSize) {
    const TempDir dir;
    in_private_mounts([&] {
        mount_tmpfs(dir.path(), of_that_size);
        EXPECT_EQ(space_of(dir.path()).reserved_bytes, size / 20);
        EXPECT_EQ(space_of(dir.path(), {0, 0.5}).reserved_bytes, size / 2);
        EXPECT_EQ(space_of(dir.path(), {0, 1}).reserved_bytes, size);
        dir.write("file", std::string(1U << 20U, 'x')); // what is taken does not count
        EXPECT_EQ(space_of(dir.path(), {0, 0.5}).reserved_bytes, size / 2);
    });
}

TEST(FreeSpace, ReservesBytesRatherThanAFraction) {
    const TempDir dir;
    EXPECT_EQ(space_of(dir.path(), {1, 0.5}).reserved_bytes, 1U);
    EXPECT_EQ(space_of(dir.path(), {1ULL << 62U, 0.5}).reserved_bytes, 1ULL << 62U); // more than there is
}

TEST(FreeSpace, ReservesInodes) {
    const TempDir dir;
    in_private_mounts([&] {
        mount_tmpfs(dir.path(), of_that_size);
        EXPECT_EQ(space_of(dir.path()).reserved_inodes, 50U);
        EXPECT_EQ(space_of(dir.path(), {1, 0}).reserved_inodes, 50U);
        mount_tmpfs(dir.path(), "size=4m,nr_inodes=100000");
        EXPECT_EQ(space_of(dir.path()).reserved_inodes, 1000U);
        mount_tmpfs(dir.path(), "size=4m,nr_inodes=300000");
        EXPECT_EQ(space_of(dir.path()).reserved_inodes, 1000U);
        mount_tmpfs(dir.path(), "size=4m,nr_inodes=99999");
        EXPECT_EQ(space_of(dir.path()).reserved_inodes, 999U);
    });
}

TEST(FreeSpace, ReservesNothingWhenNoBytesAre) {
    const TempDir dir;
    in_private_mounts([&] {
        mount_tmpfs(dir.path(), of_that_size);
        const auto space = space_of(dir.path(), {0, 0});
        EXPECT_EQ(space.reserved_bytes, 0U);
        EXPECT_EQ(space.reserved_inodes, 0U);
        EXPECT_GT(space.bytes, 0U);
    });
}

TEST(FreeSpace, KnowsFileSystemsWithoutALimitOfInodes) {
    const TempDir dir;
    in_private_mounts([&] {
        mount_tmpfs(dir.path(), "size=4m,nr_inodes=0");
        const auto space = space_of(dir.path());
        EXPECT_EQ(space.inodes, std::numeric_limits<std::uint64_t>::max());
        EXPECT_EQ(space.reserved_inodes, 0U);
        EXPECT_EQ(space.reserved_bytes, size / 20);
    });
}

TEST(FreeSpace, IsNotKnownWhereTheFileSystemDoesNotTell) {
    EXPECT_FALSE(free_space(test::open_path("/proc").get(), {0, 0.05}))
        << "as a user-space file system can be";
    const TempDir dir;
    in_private_mounts([&] {
        mount_tmpfs(dir.path(), "size=0"); // without a limit
        EXPECT_FALSE(free_space(test::open_path(dir.path()).get(), {0, 0.05}));
    });
}

TEST(FreeSpace, IsNoneOnAFullFileSystem) {
    const TempDir dir;
    in_private_mounts([&] {
        mount_tmpfs(dir.path(), of_that_size);
        dir.write("file", std::string(2 * size, 'x'));
        EXPECT_EQ(space_of(dir.path()).bytes, 0U);
        EXPECT_EQ(space_of(dir.path()).reserved_bytes, size / 20);
    });
}

} // namespace
} // namespace logbackup
