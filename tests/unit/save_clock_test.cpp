// SPDX-License-Identifier: MIT
#include "commands/commands.hpp"

#include "fake_node.hpp"

#include <gtest/gtest.h>

/// Whole saves while the clock goes wrong.
namespace logbackup::save_clock_test {
namespace {

using test::FakeNode;

TEST(WholeSave, AClockThatIsSetBackHidesNothingOfWhatWasMissed) {
    FakeNode node;
    node.add("a", "web", "web-1");
    node.dir.write("layers/a/opt/logs/app.log", "one\n");
    (void)node.run();
    const Timestamp first = node.now;
    constexpr std::chrono::hours ahead{24 * 365};
    node.now += ahead;
    (void)node.run();
    EXPECT_EQ(node.asked_since, first);
    const Timestamp wrong = node.now;
    node.now -= ahead;
    (void)node.run();
    EXPECT_EQ(node.asked_since, first) << "the newest time that is known before the clock was ahead";
    ASSERT_EQ(node.warnings.size(), 1U);
    EXPECT_NE(node.warnings[0].find("the last run was at " + rfc3339(wrong)), std::string::npos);
    const Timestamp third = node.now;
    (void)node.run();
    EXPECT_EQ(node.asked_since, third);
    EXPECT_TRUE(node.warnings.empty()) << "it is told once";
}

} // namespace
} // namespace logbackup::save_clock_test
