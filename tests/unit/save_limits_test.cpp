// SPDX-License-Identifier: MIT
#include "commands/commands.hpp"
#include "commands/job.hpp"

#include "fake_node.hpp"
#include "in_private_mounts.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>
#include <vector>

/// What one container brings about is told, and is not a failure of the run.
namespace logbackup {
namespace {

using test::FakeNode;
using test::row_of;
using Limits = std::set<Limit>;

TEST(SaveWithLimits, WhatALimitLeavesOutIsNoFailureAndNeverComplete) {
    test::in_private_mounts([] {
        FakeNode node;
        node.add("a", "web", "web-1");
        node.dir.write("layers/a/opt/logs/app.log", "one\n");
        node.dir.write("layers/a/opt/logs/d/e/deep.log", "deep\n");
        node.options.max_depth = 1;
        auto report = node.run();
        EXPECT_FALSE(report.has_failures());
        EXPECT_EQ(row_of(report, "web-1").status, RowStatus::incomplete);
        EXPECT_TRUE(row_of(report, "web-1").failures.empty());
        ASSERT_EQ(row_of(report, "web-1").limits.size(), 1U);
        EXPECT_EQ(row_of(report, "web-1").limits[0].limit, Limit::depth);
        EXPECT_EQ(node.saved("web/web-1/app.log"), "one\n");
        EXPECT_EQ(node.record("web", "web-1").limits, Limits{Limit::depth});
        EXPECT_EQ(node.record("web", "web-1").saved_until, "") << "it is not failing";
        EXPECT_EQ(row_of(node.run(verify), "web-1").status, RowStatus::incomplete);
        EXPECT_FALSE(node.run(verify).has_failures());

        node.end("a");
        for (int i = 0; i < 2; ++i) {
            EXPECT_FALSE(node.run().has_failures());
            EXPECT_EQ(node.record("web", "web-1").coverage, Coverage::live) << "not all of it is saved";
        }
        node.add("b", "web", "web-2");
        node.remove("a");
        report = node.run();
        EXPECT_EQ(report.cut, std::vector<std::string>{"web/web-1"});
        EXPECT_EQ(node.record("web", "web-1").limits, Limits{Limit::depth});
    });
}

TEST(SaveWithLimits, WhenTheLimitIsRaisedTheRestIsSavedAndComplete) {
    test::in_private_mounts([] {
        FakeNode node;
        node.add("a", "web", "web-1");
        node.dir.write("layers/a/opt/logs/app.log", "123456789\n");
        node.end("a");
        node.options.max_file_size = 5;
        EXPECT_FALSE(node.run().has_failures());
        EXPECT_EQ(node.saved("web/web-1/app.log"), "12345");
        EXPECT_EQ(node.record("web", "web-1").limits, Limits{Limit::file_size});
        node.options.max_file_size = UINT64_MAX;
        EXPECT_EQ(row_of(node.run(), "web-1").status, RowStatus::saved);
        EXPECT_EQ(node.saved("web/web-1/app.log"), "123456789\n");
        EXPECT_EQ(node.record("web", "web-1").limits, Limits{});
        EXPECT_EQ(node.record("web", "web-1").coverage, Coverage::complete);
    });
}

TEST(SaveWithLimits, BytesThatWaitForTheNextRunAreNoFailure) {
    test::in_private_mounts([] {
        FakeNode node;
        node.add("a", "web", "web-1");
        node.dir.write("layers/a/opt/logs/app.log", "123456789\n");
        node.options.max_bytes = 6;
        EXPECT_FALSE(node.run().has_failures());
        EXPECT_EQ(node.record("web", "web-1").limits, Limits{Limit::bytes});
        EXPECT_EQ(row_of(node.run(), "web-1").status, RowStatus::saved);
        EXPECT_EQ(node.record("web", "web-1").limits, Limits{});
        EXPECT_EQ(node.saved("web/web-1/app.log"), "123456789\n");
    });
}

TEST(SaveWithLimits, APathThatTheContainerBarsIsNoFailureAndItsLossIsNamed) {
    test::in_private_mounts([] {
        FakeNode node;
        const std::string logs = node.add("a", "web", "web-1");
        std::filesystem::remove(logs);
        node.dir.write("layers/a/opt/logs", "a file");
        node.add("b", "web", "web-2");
        node.dir.write("layers/b/opt/logs/app.log", "two\n");
        auto report = node.run();
        EXPECT_FALSE(report.has_failures());
        EXPECT_EQ(row_of(report, "web-1").status, RowStatus::incomplete);
        EXPECT_EQ(row_of(report, "web-1").limits.at(0).limit, Limit::location);
        EXPECT_EQ(node.saved("web/web-2/app.log"), "two\n");
        node.remove("a");
        report = node.run();
        ASSERT_EQ(report.missed.size(), 1U);
        EXPECT_EQ(report.missed[0].pod, "web-1");
    });
}

TEST(SaveWithLimits, LabelsThatAreNoNamesAreNoFailure) {
    test::in_private_mounts([] {
        FakeNode node;
        node.add("a", "web", "web-1");
        node.dir.write("layers/a/opt/logs/app.log", "one\n");
        node.add("b", "Not_A_Name", "web-2");
        const auto report = node.run();
        EXPECT_FALSE(report.has_failures());
        EXPECT_EQ(report.rows.size(), 1U);
        ASSERT_EQ(report.misnamed.size(), 1U);
        EXPECT_EQ(report.misnamed[0].container_id, FakeNode::id_of("b"));
        EXPECT_NE(report.misnamed[0].reason.find("'Not_A_Name'"), std::string::npos);
    });
}

TEST(AddProblem, WhatLimitsLeaveOutHidesNoFailure) {
    std::vector<Problem> problems;
    for (int i = 0; i < 300; ++i)
        add_problem(problems, {std::to_string(i), "it is too large", Limit::file_size});
    EXPECT_EQ(problems.size(), 101U);
    add_problem(problems, {"a", "Input/output error"});
    ASSERT_EQ(problems.size(), 102U);
    EXPECT_EQ(problems.back().path, "a");
    EXPECT_FALSE(problems.back().limit);
}

} // namespace
} // namespace logbackup
