// SPDX-License-Identifier: MIT
#include "program_node.hpp"

#include <gtest/gtest.h>

namespace logbackup {
namespace {

using test::expect_clean;
using test::ProgramEnd;
using test::says;

/// What a comparison of the backup with the containers says.
class VerifyRuns : public test::ProgramNode {
  protected:
    void SetUp() override {
        ProgramNode::SetUp();
        if (IsSkipped())
            return;
        id = start("web", "web-1");
        in_logs("seq 5000 > app.log; echo old > app.log.1; mkdir d; echo x > d/x.log");
        expect_clean(run_once());
    }
    void in_logs(const std::string& script) { in(id, "/opt/logs", script); }
    ProgramEnd verify(Arguments arguments = {}) {
        arguments.insert(arguments.begin(), "verify");
        return run_once(arguments);
    }
    /// Damages a byte of the backup.
    void damage(const std::string& name, std::size_t offset) {
        std::string damaged = content("web/web-1/" + name);
        damaged.at(offset) ^= 1;
        write_saved("web/web-1/" + name, damaged);
    }
    std::string id;
};

TEST_F(VerifyRuns, ABackupThatIsTheSame) {
    const auto before = tree();
    const ProgramEnd result = verify();
    expect_clean(result);
    EXPECT_NE(result.out.find("1 container, 3 files, 23.3 KiB compared"), std::string::npos) << result.out;
    EXPECT_NE(result.out.find("no differences"), std::string::npos) << result.out;
    EXPECT_EQ(tree(), before);
    EXPECT_EQ(verify({"--quiet"}).out, "");
}

TEST_F(VerifyRuns, EveryByteCounts) {
    damage("app.log", 12'000); // neither the beginning nor the end, and the size is the same
    const ProgramEnd result = verify();
    EXPECT_EQ(result.code, 3);
    EXPECT_TRUE(says(result, "'web/web-1: app.log': its backup holds other bytes")) << result.err;
    EXPECT_NE(result.out.find("1 difference"), std::string::npos) << result.out;
    const auto json = nlohmann::json::parse(verify({"--json"}).out);
    EXPECT_EQ(json.at("command"), "verify");
    EXPECT_EQ(json.at("containers").at(0).at("failures").at(0).at("path"), "app.log");
}

TEST_F(VerifyRuns, WhatIsMissingThoughItWasThereAtTheLastRun) {
    std::filesystem::remove(backup + "/web/web-1/d/x.log");
    std::filesystem::resize_file(backup + "/web/web-1/app.log", 100);
    const ProgramEnd result = verify();
    EXPECT_EQ(result.code, 3);
    EXPECT_TRUE(says(result, "d/x.log': it is not in the backup")) << result.err;
    EXPECT_TRUE(says(result, "app.log': its last 23.2 KiB are not in the backup")) << result.err;
}

TEST_F(VerifyRuns, WhatCameAfterTheLastRunIsNoDifference) {
    in_logs("echo more >> d/x.log; echo new > new.log; mv app.log app.log.2; echo fresh > app.log; : > "
            "app.log.1");
    const ProgramEnd result = verify({"-v"});
    expect_clean(result);
    EXPECT_NE(result.out.find("5 files changed since the last run"), std::string::npos) << result.out;
    expect_clean(run_once());
    EXPECT_EQ(verify().out.find("changed"), std::string::npos);
}

TEST_F(VerifyRuns, TheOldestOfRotatedLogsIsGone) {
    in_logs("seq 7000 7300 > app.log.1; seq 8000 8200 > app.log.2");
    expect_clean(run_once());
    in_logs("mv app.log.1 app.log.2; echo more >> app.log; mv app.log app.log.1; echo fresh > app.log");
    expect_clean(verify());
    damage("app.log.1", 100); // what app.log.2 is now
    const ProgramEnd result = verify();
    EXPECT_EQ(result.code, 3);
    EXPECT_TRUE(says(result, "'web/web-1: app.log.2': its backup holds other bytes")) << result.err;
}

TEST_F(VerifyRuns, DamageToALogThatGrewIsADifference) {
    damage("app.log", 12'000);
    in_logs("echo more >> app.log");
    EXPECT_EQ(verify().code, 3);
}

TEST_F(VerifyRuns, AContainerThatHasEndedAndIsComplete) {
    kill(id);
    expect_clean(run_once());
    expect_clean(verify());
    damage("app.log", 12'000);
    EXPECT_EQ(verify().code, 3);
}

TEST_F(VerifyRuns, OfWhatIsGoneSaysSo) {
    remove(id);
    expect_clean(run_once());
    const ProgramEnd result = verify();
    EXPECT_EQ(result.code, 0);
    EXPECT_TRUE(says(result, "1 log directory of containers that are gone cannot be compared")) << result.err;
    backup = dir.at("nothing");
    EXPECT_EQ(verify().code, 1);
    EXPECT_FALSE(dir.has("nothing"));
}

// Each of them is compared with many others in vain.
TEST_F(VerifyRuns, ARotationIsToldFromADifferenceAmongManyRewrittenFiles) {
    in_logs("for i in $(seq 30); do echo $i; done > list; while read i; do echo old $i > f$i; done < list; "
            "seq 100 > y.log; seq 200 > z.log");
    expect_clean(run_once());
    in_logs(
        "while read i; do echo fresh and longer $i > f$i; done < list; mv y.log y1; mv z.log z1; echo more "
        ">> z1; echo a log that is new and longer than all the old > y.log; seq 300 900 > z.log");
    const ProgramEnd result = verify({"--json"});
    EXPECT_EQ(result.code, 3);
    const auto json = nlohmann::json::parse(result.out).at("containers").at(0);
    const auto reason_of = [&](const char* kind, const char* path) {
        for (const auto& problem : json.at(kind))
            if (problem.at("path") == path)
                return problem.at("reason").get<std::string>();
        return std::string();
    };
    for (const auto* rotated : {"y1", "z1"})
        EXPECT_EQ(reason_of("unsettled", rotated), "it was rotated");
    EXPECT_TRUE(reason_of("failures", "f7").starts_with("its backup holds other bytes"));
}

} // namespace
} // namespace logbackup
