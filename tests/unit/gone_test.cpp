// SPDX-License-Identifier: MIT
#include "commands/gone.hpp"

#include "support.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

namespace logbackup {
namespace {

std::uint64_t inode_of(const std::string& path) {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
    return status.st_ino;
}

TEST(Gone, ALayerIsGoneOnlyWhenItsPathIsNotThere) {
    const test::TempDir dir;
    dir.make_directory("overlay2/a/diff");
    dir.write("overlay2/file", "");
    EXPECT_EQ(layer_state(dir.at("overlay2/a/diff")), LayerState::exists);
    EXPECT_EQ(layer_state(dir.at("overlay2/b/diff")), LayerState::gone);
    EXPECT_EQ(layer_state(dir.at("overlay2/file/diff")), LayerState::gone);
    EXPECT_EQ(layer_state(""), LayerState::gone) << "of a record that knows none";
    EXPECT_EQ(layer_state(dir.at("overlay2/" + std::string(300, 'x'))), LayerState::unknown);
}

TEST(Gone, ARecordExistsWhileItsLayerOrItsVolumeDoes) {
    const test::TempDir dir;
    dir.make_directory("layer");
    dir.make_directory("volume");
    HostPaths host;
    Record record;
    EXPECT_FALSE(may_exist(record, host));
    record.layer = dir.at("layer");
    EXPECT_TRUE(may_exist(record, host));
    record.layer = dir.at("removed");
    EXPECT_FALSE(may_exist(record, host));
    record.volume = dir.at("volume");
    EXPECT_TRUE(may_exist(record, host));
    record.volume_inode = inode_of(record.volume);
    EXPECT_TRUE(may_exist(record, host));
    ++record.volume_inode;
    EXPECT_FALSE(may_exist(record, host)) << "another directory is there by now";
    record.volume = dir.at("removed");
    EXPECT_FALSE(may_exist(record, host));
}

TEST(Gone, SomeRunsThatFindNothingAreDoubtful) {
    std::uint64_t runs = empty_runs_after(0, false, false);
    EXPECT_FALSE(is_doubtful(runs)) << "nothing was there before";
    for (std::uint64_t run = 0; run < most_doubtful_runs; ++run) {
        runs = empty_runs_after(runs, false, true);
        EXPECT_TRUE(is_doubtful(runs)) << run;
    }
    EXPECT_EQ(empty_runs_after(runs, true, true), 0U);
    for (int run = 0; run < 3; ++run) {
        runs = empty_runs_after(runs, false, true);
        EXPECT_FALSE(is_doubtful(runs)) << "then it is believed";
    }
    EXPECT_EQ(empty_runs_after(runs, true, true), 0U);
    EXPECT_FALSE(is_doubtful(0));
}

TEST(Gone, CountsEmptyRuns) {
    const test::TempDir dir;
    dir.make_directory(".logbackup");
    EXPECT_EQ(load_empty_runs(dir.fd()), 0U);
    EXPECT_TRUE(save_empty_runs(dir.fd(), 0, 3));
    EXPECT_EQ(load_empty_runs(dir.fd()), 3U);
    EXPECT_TRUE(save_empty_runs(dir.fd(), 3, 0));
    EXPECT_FALSE(dir.has(".logbackup/empty-runs"));
    dir.write(".logbackup/empty-runs", "garbage");
    EXPECT_EQ(load_empty_runs(dir.fd()), 0U);
}

TEST(Gone, NotAllEndAtOnce) {
    EXPECT_FALSE(are_too_many_to_end(0, 0));
    EXPECT_TRUE(are_too_many_to_end(1, 1));
    EXPECT_FALSE(are_too_many_to_end(1, 2));
    EXPECT_FALSE(are_too_many_to_end(3, 4));
    EXPECT_TRUE(are_too_many_to_end(4, 10));
    EXPECT_TRUE(are_too_many_to_end(3, 3));
    EXPECT_FALSE(are_too_many_to_end(25, 100));
    EXPECT_TRUE(are_too_many_to_end(26, 100));
}

} // namespace
} // namespace logbackup
