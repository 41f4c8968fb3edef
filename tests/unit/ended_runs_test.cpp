// SPDX-License-Identifier: MIT
#include "program_node.hpp"

#include "in_private_mounts.hpp"

#include <gtest/gtest.h>

namespace logbackup {
namespace {

using test::expect_clean;
using test::ProgramEnd;

/// Containers that end, and what the records say of them then.
class EndedRuns : public test::ProgramNode {
  protected:
    std::string coverage() const { return record("live/job/job-1").at("coverage"); }
};

// Neither size nor time tell, nor the windows at both ends.
TEST_F(EndedRuns, ARewriteThatHidItselfIsFoundByTheLastPass) {
    const auto id = start("job", "job-1");
    std::string before;
    for (int line = 0; before.size() < 200'000; ++line)
        before += "2026-11-22 14:55:12,000 INFO line " + std::to_string(line) + "\n";
    std::string after = before;
    after.replace(100'000, 8, "REWRITTEN", 8);
    ASSERT_NE(after, before);
    write(id, "/opt/logs/a.log", before);
    expect_clean(run_once());
    const std::string log = dir.at(below(id, "/opt/logs/a.log"));
    struct stat status {};
    ASSERT_EQ(::stat(log.c_str(), &status), 0);
    write(id, "/opt/logs/a.log", after);
    const std::array<timespec, 2> times{status.st_atim, status.st_mtim};
    ASSERT_EQ(::utimensat(AT_FDCWD, log.c_str(), times.data(), 0), 0);
    expect_clean(run_once());
    EXPECT_EQ(content("job/job-1/a.log"), before); // not to be seen while it runs
    kill(id);
    const ProgramEnd last = run_once();
    expect_clean(last);
    EXPECT_EQ(content("job/job-1/a.log"), after);
    EXPECT_NE(last.out.find("1 set aside"), std::string::npos) << last.out;
    EXPECT_EQ(coverage(), "complete");
}

TEST_F(EndedRuns, OthersCanStillWriteToItsVolume) {
    kill(start("job", "job-1", {{"bind", dir.at("volume"), "/opt/logs"}}));
    dir.write("volume/a.log", "one\n");
    expect_clean(run_once());
    EXPECT_EQ(coverage(), "complete");
    dir.write("volume/a.log", "one\ntwo\n");
    expect_clean(run_once());
    EXPECT_EQ(coverage(), "live");
    EXPECT_EQ(content("job/job-1/a.log"), "one\ntwo\n");
}

TEST_F(EndedRuns, IsNotCompleteBeforeAllOfItIsSaved) {
    test::in_private_mounts([&] {
        const auto id = start("job", "job-1");
        in(id, "/opt/logs", "mkdir big; head -c 3000000 /dev/urandom > big/b.log");
        kill(id);
        expect_clean(run_once());
        EXPECT_EQ(coverage(), "complete");
        std::filesystem::remove_all(backup);

        const std::string small = dir.make_directory("small");
        test::mount_tmpfs(small, "size=1m,mode=0755");
        backup = small + "/backup";
        EXPECT_EQ(run_once().code, 3);
        EXPECT_EQ(coverage(), "live");
        ASSERT_EQ(::mount("tmpfs", small.c_str(), "tmpfs", MS_REMOUNT, "size=100m"), 0);
        expect_clean(run_once());
        EXPECT_EQ(coverage(), "live") << "saved, but not yet compared";
        expect_clean(run_once());
        EXPECT_EQ(coverage(), "complete");
        EXPECT_EQ(std::filesystem::file_size(backup + "/job/job-1/big/b.log"), 3'000'000U);
    });
}

} // namespace
} // namespace logbackup
