// SPDX-License-Identifier: MIT
#include "support.hpp"

#include <nlohmann/json.hpp>

using namespace e2e;

class Verify : public BothWays {
  protected:
    void SetUp() override {
        BothWays::SetUp();
        id = engine.start({"web", "web-1"});
        in_logs("seq 5000 > app.log; echo old > app.log.1; mkdir d; echo x > d/x.log");
        expect_clean(run_once());
    }
    void in_logs(const std::string& script) { engine.exec(id, "cd /opt/logs; " + script); }
    Result verify(std::vector<std::string> arguments = {}) {
        arguments.insert(arguments.begin(), "verify");
        return run_once(arguments);
    }
    /// Damages a byte of the backup.
    void damage(const std::string& name, std::size_t offset) {
        const auto path = backup / "web/web-1" / name;
        auto content = read_file(path);
        content.at(offset) ^= 1;
        write_file(path, content);
    }
    std::string id;
};
MOUNTED_ONLY(Verify);

TEST_P(Verify, ABackupThatIsTheSame) {
    const auto before = tree_of(backup);
    const auto result = verify();
    expect_clean(result);
    EXPECT_NE(result.out.find("1 container, 3 files, 23.3 KiB compared"), std::string::npos) << result.out;
    EXPECT_NE(result.out.find("no differences"), std::string::npos) << result.out;
    EXPECT_EQ(tree_of(backup), before);
    EXPECT_EQ(verify({"--quiet"}).out, "");
}

TEST_P(Verify, EveryByteCounts) {
    damage("app.log", 12'000); // neither the beginning nor the end, and the size is the same
    const auto result = verify();
    EXPECT_EQ(result.code, 3);
    EXPECT_NE(result.err.find("'web/web-1: app.log': its backup holds other bytes"), std::string::npos)
        << result.err;
    EXPECT_NE(result.out.find("1 difference"), std::string::npos) << result.out;
    const auto json = nlohmann::json::parse(verify({"--json"}).out);
    EXPECT_EQ(json.at("command") == "verify", true);
    EXPECT_EQ(json.at("containers").at(0).at("failures").at(0).at("path"), "app.log");
}

TEST_P(Verify, WhatIsMissingThoughItWasThereAtTheLastRun) {
    fs::remove(backup / "web/web-1/d/x.log");
    fs::resize_file(backup / "web/web-1/app.log", 100);
    const auto result = verify();
    EXPECT_EQ(result.code, 3);
    EXPECT_NE(result.err.find("d/x.log': it is not in the backup"), std::string::npos) << result.err;
    EXPECT_NE(result.err.find("app.log': its last 23.2 KiB are not in the backup"), std::string::npos)
        << result.err;
}

TEST_P(Verify, WhatCameAfterTheLastRunIsNoDifference) {
    in_logs("echo more >> d/x.log; echo new > new.log; mv app.log app.log.2; echo fresh > app.log; : > "
            "app.log.1");
    const auto result = verify({"-v"});
    expect_clean(result);
    EXPECT_NE(result.out.find("5 files changed since the last run"), std::string::npos) << result.out;
    expect_clean(run_once());
    EXPECT_EQ(verify().out.find("changed"), std::string::npos);
}

TEST_P(Verify, TheOldestOfRotatedLogsIsGone) {
    in_logs("seq 7000 7300 > app.log.1; seq 8000 8200 > app.log.2");
    expect_clean(run_once());
    in_logs("mv app.log.1 app.log.2; echo more >> app.log; mv app.log app.log.1; echo fresh > app.log");
    expect_clean(verify());
    damage("app.log.1", 100); // what app.log.2 is now
    const auto result = verify();
    EXPECT_EQ(result.code, 3);
    EXPECT_NE(result.err.find("'web/web-1: app.log.2': its backup holds other bytes"), std::string::npos)
        << result.err;
}

TEST_P(Verify, DamageToALogThatGrewIsADifference) {
    damage("app.log", 12'000);
    in_logs("echo more >> app.log");
    EXPECT_EQ(verify().code, 3);
}

TEST_P(Verify, AContainerThatHasEndedAndIsComplete) {
    engine.kill(id);
    expect_clean(run_once());
    expect_clean(verify());
    damage("app.log", 12'000);
    EXPECT_EQ(verify().code, 3);
}

TEST_P(Verify, OfWhatIsGoneSaysSo) {
    engine.remove(id);
    expect_clean(run_once());
    const auto result = verify();
    EXPECT_EQ(result.code, 0);
    EXPECT_NE(result.err.find("1 log directory of containers that are gone cannot be compared"),
              std::string::npos)
        << result.err;
    backup = scratch.path() / "nothing";
    EXPECT_EQ(verify().code, 1);
    EXPECT_FALSE(fs::exists(backup));
}

// Each of them is compared with many others in vain.
TEST_P(Verify, ARotationIsToldFromADifferenceAmongManyRewrittenFiles) {
    in_logs("for i in $(seq 30); do echo $i; done > list; while read i; do echo old $i > f$i; done < list; "
            "seq 100 > y.log; seq 200 > z.log");
    expect_clean(run_once());
    in_logs(
        "while read i; do echo fresh and longer $i > f$i; done < list; mv y.log y1; mv z.log z1; echo more "
        ">> z1; echo a log that is new and longer than all the old > y.log; seq 300 900 > z.log");
    const auto result = verify({"--json"});
    EXPECT_EQ(result.code, 3);
    const auto json = nlohmann::json::parse(result.out).at("containers").at(0);
    const auto names = [&](const char* kind, const char* path) {
        for (const auto& problem : json.at(kind))
            if (problem.at("path") == path)
                return problem.at("reason").get<std::string>();
        return std::string();
    };
    for (const auto* rotated : {"y1", "z1"})
        EXPECT_EQ(names("unsettled", rotated), "it was rotated");
    EXPECT_TRUE(names("failures", "f7").starts_with("its backup holds other bytes"));
}
