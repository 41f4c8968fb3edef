// SPDX-License-Identifier: MIT
#include "program_node.hpp"

#include "util/lock_file.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace logbackup {
namespace {

using test::expect_clean;
using test::ProgramEnd;
using test::says;

/// What list says of a backup, without an engine.
class ListRuns : public test::ProgramNode {
  protected:
    std::string start_with_log(const std::string& service, const std::string& pod) {
        const auto id = start(service, pod);
        write(id, "/opt/logs/app.log", "x\n");
        return id;
    }
    ProgramEnd list(Arguments arguments = {}) {
        arguments.insert(arguments.begin(), {"list", "--docker", no_engine});
        return run_once(arguments);
    }
    nlohmann::json instances(Arguments arguments = {}) {
        arguments.emplace_back("--json");
        const ProgramEnd result = list(arguments);
        expect_clean(result);
        return nlohmann::json::parse(result.out)["instances"];
    }
};

TEST_F(ListRuns, FiltersAsARunDoes) {
    const auto web = start_with_log("web", "web-1");
    start_with_log("db", "db-0");
    expect_clean(run_once());
    EXPECT_EQ(instances({"--service", "d*"}).size(), 1U);
    EXPECT_EQ(instances({"--container", web.substr(0, 12)})[0]["service"], "web");
    EXPECT_EQ(instances({"--coverage", "live"}).size(), 2U);
    for (const Arguments& filter :
         {Arguments{"--service", "nosuch"}, {"--namespace", "nosuch"}, {"--pod", "nosuch"}}) {
        const ProgramEnd none = list(filter);
        EXPECT_EQ(none.code, 1);
        EXPECT_EQ(none.out, "");
        EXPECT_TRUE(says(none, "no log directory matches")) << none.err;
        EXPECT_TRUE(says(none, "\nhint: ")) << none.err;
    }
    const ProgramEnd none_missed = list({"--coverage", "missed", "--coverage", "cut"});
    expect_clean(none_missed);
    EXPECT_TRUE(none_missed.out.ends_with("0 log directories\n")) << none_missed.out;
    const ProgramEnd quiet = list({"--quiet"});
    expect_clean(quiet);
    EXPECT_EQ(quiet.out, "");
}

TEST_F(ListRuns, NeedsNoLock) {
    start_with_log("web", "web-1");
    expect_clean(run_once());
    const auto lock = LockFile::try_acquire(test::open_path(backup + "/.logbackup").get(), "lock");
    ASSERT_TRUE(lock);
    EXPECT_EQ(run_once().code, 75);
    EXPECT_EQ(instances().size(), 1U);
}

TEST_F(ListRuns, WithoutABackupSaysSo) {
    const std::string said = "no backup at '" + backup + "'\nhint: ";
    const ProgramEnd none = list();
    EXPECT_EQ(none.code, 1);
    EXPECT_TRUE(says(none, said)) << none.err;
    EXPECT_FALSE(dir.has("backup"));
    dir.make_directory("backup");
    const ProgramEnd empty = list();
    EXPECT_EQ(empty.code, 1);
    EXPECT_TRUE(says(empty, said)) << empty.err;
    EXPECT_TRUE(std::filesystem::is_empty(backup));
}

TEST_F(ListRuns, ARecordThatCannotBeReadIsReported) {
    start_with_log("web", "web-1");
    expect_clean(run_once());
    dir.write("backup/.logbackup/ended/web/web-1@1", "garbage");
    const ProgramEnd result = list();
    EXPECT_EQ(result.code, 3);
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_TRUE(says(result, "cannot read the record '.logbackup/ended/web/web-1@1'")) << result.err;
    EXPECT_NE(result.out.find("1 log directory of 1 service, 1 file"), std::string::npos) << result.out;
    EXPECT_NE(result.out.find("; 1 problem\n"), std::string::npos) << result.out;
}

TEST_F(ListRuns, ADirectoryOfAnEarlierScriptIsShown) {
    dir.write("backup/web/web-1/app.log", "old");
    const auto shown = instances();
    ASSERT_EQ(shown.size(), 1U);
    EXPECT_EQ(shown[0]["coverage"], "unknown");
    EXPECT_EQ(shown[0]["bytes"], 3);
}

} // namespace
} // namespace logbackup
