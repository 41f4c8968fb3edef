// SPDX-License-Identifier: MIT
#include "util/aside.hpp"

#include "plan/renames.hpp"

#include <gtest/gtest.h>

namespace logbackup {
namespace {

TEST(AsideName, IsReadAsItIsMade) {
    const auto name = aside_name("app.log", Timestamp{std::chrono::seconds(1'795'359'312)});
    const auto read = read_aside_name(name);
    ASSERT_TRUE(read) << name;
    EXPECT_EQ(read->of, "app.log");
    EXPECT_EQ(read->stamp, "20261122T145512Z");
    EXPECT_EQ(read->number, 0U);
    const std::string numbered = name + ".12";
    ASSERT_TRUE(read_aside_name(numbered));
    EXPECT_EQ(read_aside_name(numbered)->number, 12U);
    EXPECT_EQ(read_aside_name(numbered)->of, "app.log");
    EXPECT_EQ(read_aside_name("a~b~20261122T145512Z")->of, "a~b");
}

TEST(AsideName, IsNoOtherName) {
    for (const auto* name : {"", "~", "app.log", "app.log~", "app.log~20261122", "app.log~20261122T145512Z.",
                             "~20261122T145512Z", "app.log~20261122T145512Z.x", "app.log~20261122T145512Z1",
                             "app.log~20261122T145512Z.1234567", "app.log~2026112xT145512Z",
                             "app.log~20261122T145512Z~", "app.log~20261122 145512Z"})
        EXPECT_FALSE(read_aside_name(name)) << name;
}

} // namespace
} // namespace logbackup
