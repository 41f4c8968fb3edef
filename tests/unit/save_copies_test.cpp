// SPDX-License-Identifier: MIT
#include "fake_node.hpp"
#include "in_private_mounts.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace logbackup {
namespace {

namespace fs = std::filesystem;
using test::FakeNode;
using test::row_of;

/// A container whose logs are compressed; the plain copies must go from the backup, and nothing else.
class SaveCopies : public testing::Test {
  protected:
    FakeNode node;
    std::string logs;

    void SetUp() override {
        node.now = std::chrono::system_clock::now();
        logs = node.add("a", "web", "web-1");
    }
    void write(const std::string& name, const std::string& content) const {
        node.dir.write("layers/a/opt/logs/" + name, content);
    }
    void shell(const std::string& command) const {
        ASSERT_EQ(std::system(("cd '" + logs + "' && " + command).c_str()), 0);
    }
    std::size_t dropped() {
        node.now =
            std::chrono::system_clock::now() - std::chrono::seconds(60); // the time of the files counts
        return row_of(node.run(), "web-1").dropped;
    }
    [[nodiscard]] bool has(const std::string& name) const { return node.dir.has("backup/web/web-1/" + name); }
};

TEST_F(SaveCopies, APlainLogThatIsDeletedRunsAfterItWasCompressedIsDropped) {
    test::in_private_mounts([&] {
        write("app.log", "now\n");
        write("app.log.1", "one\ntwo\n");
        EXPECT_EQ(dropped(), 0U);
        shell("gzip -nc app.log.1 >app.log.1.gz");
        EXPECT_EQ(dropped(), 0U);
        fs::last_write_time(logs + "/app.log.1.gz",
                            fs::file_time_type::clock::now() - std::chrono::hours(50));
        EXPECT_EQ(dropped(), 0U);
        EXPECT_TRUE(has("app.log.1"));
        shell("rm app.log.1");
        EXPECT_EQ(dropped(), 1U);
        EXPECT_FALSE(has("app.log.1"));
        EXPECT_TRUE(has("app.log.1.gz"));
    });
}

TEST_F(SaveCopies, UnderAnotherNameItIsFoundByItsTime) {
    test::in_private_mounts([&] {
        write("app.log", "now\n");
        write("app.log.1", "one\ntwo\n");
        shell("touch -d '2020-01-01 00:00:01.5' app.log.1");
        EXPECT_EQ(dropped(), 0U);
        shell("gzip -k app.log.1 && mkdir done && mv app.log.1.gz done/4711");
        EXPECT_EQ(dropped(), 0U);
        shell("rm app.log.1");
        EXPECT_EQ(dropped(), 1U);
        EXPECT_FALSE(has("app.log.1"));
    });
}

TEST_F(SaveCopies, WhatTakesTheNameOfThePlainLogIsKnownByItsContent) {
    test::in_private_mounts([&] {
        write("app.log", "one\ntwo\n");
        EXPECT_EQ(dropped(), 0U);
        shell("gzip app.log && mv app.log.gz app.log");
        EXPECT_EQ(dropped(), 1U);
        EXPECT_TRUE(has("app.log"));
    });
}

} // namespace
} // namespace logbackup
