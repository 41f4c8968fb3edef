// SPDX-License-Identifier: MIT
#include "commands/commands.hpp"

#include "fake_node.hpp"
#include "in_private_mounts.hpp"
#include "report/save_report.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace logbackup {
namespace {

using test::FakeNode;

/// A node with two runtimes, each of which has a container.
class TwoRuntimes : public testing::Test {
  protected:
    FakeNode node;

    void SetUp() override {
        node.add("a", "web", "web-1");
        node.dir.write("layers/a/opt/logs/app.log", "one\n");
        node.add("b", "job", "job-1");
        node["b"].runtime = "containerd";
        node.dir.write("layers/b/opt/logs/job.log", "two\n");
        node.engines = {{"docker", {"d", "/d"}}, {"containerd", {"c", "/c"}}};
    }
    static bool tells(const Report& report, const std::string& text) {
        return std::any_of(report.problems.begin(), report.problems.end(), [&](const std::string& problem) {
            return problem.find(text) != std::string::npos;
        });
    }
    [[nodiscard]] bool is_live(const std::string& service) const {
        return node.dir.has("backup/.logbackup/live/" + service + "/" + service + "-1");
    }
};

TEST_F(TwoRuntimes, WhereNoContainerCanBeNamedThatIsSaid) {
    test::in_private_mounts([&] {
        for (const auto* id : {"a", "b"})
            node[id].has_service = node[id].has_pod = false;
        node.add("c", "web", "web-1");
        node["c"].kind = "podsandbox"; // is never saved, and does not count
        const Report report = node.run();
        EXPECT_FALSE(report.has_failures());
        const auto lines = limit_lines(report);
        ASSERT_EQ(lines.size(), 1U);
        EXPECT_EQ(lines.front().text,
                  "nothing is saved: none of 2 containers has the labels that --names reads "
                  "('logbackup check' tells more)");
        EXPECT_NE(json(report).find("nothing is saved"), std::string::npos);
        node.options.naming.service_label = "app";
        EXPECT_NE(limit_lines(node.run()).front().text.find("has the label 'app'"), std::string::npos);
        node["b"].has_service = node["b"].has_pod = true;
        EXPECT_TRUE(limit_lines(node.run()).empty());
    });
}

TEST_F(TwoRuntimes, AreSavedTogetherAndTheRecordsKnowWhichIsWhose) {
    test::in_private_mounts([&] {
        EXPECT_FALSE(node.run().has_failures());
        EXPECT_EQ(node.record("web", "web-1").runtime, "docker");
        EXPECT_EQ(node.record("job", "job-1").runtime, "containerd");
        node.remove("b"); // it has gone while its runtime answers
        const Report report = node.run();
        EXPECT_TRUE(report.problems.empty()) << report.problems.front();
        EXPECT_FALSE(is_live("job"));
    });
}

TEST_F(TwoRuntimes, OneIdIsOneContainerThoughItIsDescribedTwice) {
    test::in_private_mounts([&] {
        node.add("c", "web", "web-2");
        node.dir.write("layers/c/opt/logs/other.log", "three\n");
        node.containers.back().id = FakeNode::id_of("a");
        const Report report = node.run();
        EXPECT_TRUE(report.has_failures());
        EXPECT_TRUE(tells(report, "is described twice"));
        EXPECT_EQ(node.saved("web/web-1/app.log"), "one\n");
        EXPECT_EQ(node.saved("job/job-1/job.log"), "two\n");
        EXPECT_FALSE(node.dir.has("backup/web/web-2"));
    });
}

TEST_F(TwoRuntimes, TheContainersOfOneThatDoesNotAnswerStay) {
    test::in_private_mounts([&] {
        (void)node.run();
        const Container job = node["b"];
        std::erase_if(node.containers, [&](const Container& one) { return one.id == job.id; });
        node.engines.erase("containerd");
        node.failures = {Error("containerd is left out: it does not answer")};
        for (int i = 0; i < 3; ++i) {
            const Report report = node.run();
            EXPECT_TRUE(report.has_failures());
            EXPECT_TRUE(tells(report, "it does not answer"));
            EXPECT_TRUE(tells(report, "1 live log directory is of containerd"));
            EXPECT_TRUE(is_live("job"));
        }
        node.dir.write("layers/a/opt/logs/app.log", "one\nmore\n");
        (void)node.run();
        EXPECT_EQ(node.saved("web/web-1/app.log"), "one\nmore\n") << "the other one goes on";
        node.containers.push_back(job);
        node.engines["containerd"] = {"c", "/c"};
        node.failures.clear();
        const Report back = node.run();
        EXPECT_FALSE(back.has_failures());
        EXPECT_TRUE(is_live("job"));
    });
}

TEST_F(TwoRuntimes, TheOnlyContainerOfOneThatAnswersIsGoneThoughTheOtherDoesNot) {
    test::in_private_mounts([&] {
        (void)node.run();
        node.remove("a");
        std::erase_if(node.containers, [](const Container& one) { return one.runtime == "containerd"; });
        node.engines.erase("containerd");
        for (int i = 0; i < 3; ++i)
            (void)node.run();
        EXPECT_TRUE(is_live("job"));
    });
}

TEST_F(TwoRuntimes, RestartsThatNoRunSawAreMissedWhereNobodyRemembers) {
    test::in_private_mounts([&] {
        node["b"].pod_uid = "uid-1";
        node["b"].restart_count = "0";
        (void)node.run();
        node.end("b");
        (void)node.run();
        node.remove("b");
        node.add("c", "job", "job-1");
        node["c"].runtime = "containerd";
        node["c"].pod_uid = "uid-1";
        node["c"].restart_count = "2";
        node["c"].created = node["c"].started = node.now + std::chrono::seconds(30);
        node.dir.write("layers/c/opt/logs/job.log", "third\n");
        const Report report = node.run();
        ASSERT_EQ(report.missed.size(), 1U);
        EXPECT_EQ(report.missed[0].service, "job");
        EXPECT_TRUE(node.run().missed.empty()) << "it is said once";
    });
}

TEST_F(TwoRuntimes, OneThatIsGoneForGoodIsLetGoByHand) {
    test::in_private_mounts([&] {
        (void)node.run();
        node.remove("b");
        node.engines.erase("containerd");
        EXPECT_TRUE(node.run().has_failures());
        EXPECT_TRUE(is_live("job"));
        node.options.adopt = true;
        EXPECT_FALSE(node.run().has_failures());
        EXPECT_FALSE(is_live("job"));
        EXPECT_EQ(node.saved("job/job-1/job.log"), "two\n");
    });
}

} // namespace
} // namespace logbackup
