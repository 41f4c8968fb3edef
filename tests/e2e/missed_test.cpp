// SPDX-License-Identifier: MIT
#include "support.hpp"

#include <nlohmann/json.hpp>

using namespace e2e;
using Json = nlohmann::json;

/// Containers that no run sees.
class MissedContainers : public Test {
  protected:
    void SetUp() override {
        engine.start({"web", "web-1"}); // so that there is always one
        expect_clean(run_once());
    }
    /// Lives and is removed before anybody looks; gives its id.
    std::string live_shortly(const Pod& pod) {
        const auto id = engine.start(pod);
        engine.wait(id);
        engine.remove(id);
        return id;
    }
};

TEST_F(MissedContainers, AreReportedAndWrittenDownOnce) {
    const auto id = live_shortly({"job", "job-1", {}, "echo x > /opt/logs/a.log"});
    const auto dry = run_once({"--dry-run"});
    EXPECT_NE(dry.out.find("missed: 'job/job-1' lived from 20"), std::string::npos) << dry.out;
    EXPECT_FALSE(fs::exists(backup / ".logbackup/missed"));

    const auto log = (scratch.path() / "log").string();
    const auto first = run_once({"--json", "--log-file", log});
    expect_clean(first);
    const auto missed = Json::parse(first.out).at("missed");
    ASSERT_EQ(missed.size(), 1U);
    EXPECT_EQ(missed[0].at("container"), id);
    EXPECT_EQ(missed[0].at("pod"), "job-1");
    EXPECT_NE(read_file(log).find("missed: 'job/job-1'"), std::string::npos);
    const auto records = tree_of(backup / ".logbackup/missed");
    ASSERT_EQ(records.size(), 2U);
    const auto record = Json::parse(records.rbegin()->second);
    EXPECT_EQ(record.at("coverage"), "missed");
    EXPECT_EQ(record.at("containers").at(0), id);

    const auto second = run_once();
    expect_clean(second);
    EXPECT_EQ(second.out.find("missed"), std::string::npos) << second.out;
}

TEST_F(MissedContainers, AreNotThoseThatARunSawOrThatAreNotOurs) {
    live_shortly({"", "", {}, "exit 0"});
    live_shortly({"job", "job-1", {"--label", "io.kubernetes.docker.type=podsandbox"}, "exit 0"});
    engine.wait(engine.start({"job", "job-2", {}, "echo there > /opt/logs/a.log"})); // not removed
    const auto first = run_once();
    expect_clean(first);
    EXPECT_EQ(first.out.find("missed"), std::string::npos) << first.out;
    engine.remove_all();
    const auto second = run_once();
    expect_clean(second);
    EXPECT_EQ(second.out.find("missed"), std::string::npos) << second.out;
}

TEST_F(MissedContainers, AFilteredRunLeavesThemToTheNextFullOne) {
    live_shortly({"job", "job-1", {}, "exit 0"});
    EXPECT_EQ(run_once({"--service", "web"}).out.find("missed"), std::string::npos);
    EXPECT_NE(run_once().out.find("1 container missed"), std::string::npos);
}

// The engine keeps 256 events.
TEST_F(MissedContainers, AHistoryWithAGapIsSaid) {
    live_shortly({"job", "job-1", {}, "exit 0"});
    const auto id = engine.start({"web", "web-2"});
    for (int i = 0; i < 130; ++i) {
        engine.docker({"pause", id});
        engine.docker({"unpause", id});
    }
    const auto result = run_once();
    EXPECT_EQ(result.code, 0);
    EXPECT_NE(result.err.find("docker remembers only what happened since 20"), std::string::npos)
        << result.err;
    EXPECT_EQ(run_once({"--quiet"}).err, "");
}
