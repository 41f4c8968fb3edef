// SPDX-License-Identifier: MIT
#include "program_node.hpp"

#include <gtest/gtest.h>

namespace logbackup {
namespace {

using test::expect_clean;
using test::ProgramEnd;
using test::says;

/// What runs say, and where.
class ReportRuns : public test::ProgramNode {};

TEST_F(ReportRuns, JsonIsOneObjectWhateverTheNames) {
    const auto id = start("web", "web-1");
    write(id, "/opt/logs/a\xFF\"\nb", "one\n");
    dir.fifo(below(id, "/opt/logs/fifo"));
    const ProgramEnd result = run_once({"--json"});
    expect_clean(result);
    const auto json = nlohmann::json::parse(result.out);
    EXPECT_EQ(json["backup_root"], backup);
    EXPECT_EQ(json["containers"][0]["container"], id);
    EXPECT_EQ(json["containers"][0]["actions"][0]["path"], "a\xEF\xBF\xBD\"\nb");
    EXPECT_EQ(json["containers"][0]["bytes"], 4);
    EXPECT_EQ(json["containers"][0]["skipped"][0]["reason"], "a FIFO");
}

TEST_F(ReportRuns, NamesAreEscapedInMessages) {
    start("\033]0;owned\007", "web-1");
    // A name that is in the way: its backup cannot be made.
    write(start("web", "web-1"), "/opt/logs/a\033[2Jb", "x\n");
    const std::string broken =
        dir.write_program("rsync", "#!/bin/sh\necho \"bad '$(printf '\\033[2J')'\" >&2; exit 5\n");
    const ProgramEnd result = run_once({"--rsync", broken});
    EXPECT_EQ(result.code, 3);
    EXPECT_EQ((result.out + result.err).find('\033'), std::string::npos) << result.err;
    EXPECT_TRUE(says(result, "'\\x1b]0;owned\\x07'")) << result.err;
    EXPECT_TRUE(says(result, "'web/web-1: a\\x1b[2Jb': only 0 B of 2 B were saved")) << result.err;
    EXPECT_TRUE(says(result, "rsync exited with code 5: bad '\\x1b[2J'")) << result.err;
}

TEST_F(ReportRuns, TheLogFileGetsMessagesAndASummaryForEachRun) {
    const std::string log = dir.at("logbackup.log");
    write(start("web", "web-1"), "/opt/logs/a.log", "one\n");
    expect_clean(run_once({"--quiet", "--log-file", log}));
    start("bad_name", "web-1");
    EXPECT_EQ(run_once({"--quiet", "--log-file", log}).code, 0);
    const std::string text = dir.read("logbackup.log");
    EXPECT_NE(text.find(" info 1 container, 1 file: 1 new"), std::string::npos) << text;
    EXPECT_NE(text.find(" warning container "), std::string::npos) << text;
    EXPECT_NE(text.find(" info 1 container, 1 file: 0 new"), std::string::npos) << text;
}

TEST_F(ReportRuns, NoDirectoryIsMadeForTheLogFile) {
    const ProgramEnd result = run_once({"--log-file", dir.at("no/such/run.log")});
    EXPECT_EQ(result.code, 1);
    EXPECT_TRUE(says(result, "cannot open the log file")) << result.err;
    EXPECT_FALSE(dir.has("no"));
}

} // namespace
} // namespace logbackup
