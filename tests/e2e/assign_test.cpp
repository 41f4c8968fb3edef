// SPDX-License-Identifier: MIT
#include "support.hpp"

#include <nlohmann/json.hpp>

using namespace e2e;

namespace {
nlohmann::json record(const fs::path& backup, const std::string& which) {
    return nlohmann::json::parse(read_file(backup / ".logbackup" / which));
}
} // namespace

class Assign : public BothWays {};
MOUNTED_ONLY(Assign);

TEST_P(Assign, ARestartedContainerGetsThePlainNameAndTheOlderOnesAreNumbered) {
    const auto first = engine.start({"web", "web-1", {}, "echo first > /opt/logs/app.log"});
    engine.wait(first);
    expect_clean(run_once());
    const ino_t saved = inode_of(backup / "web/web-1/app.log");

    const auto second = engine.start({"web", "web-1", {}, "echo second > /opt/logs/app.log"});
    engine.wait(second);
    expect_clean(run_once());
    EXPECT_EQ(tree_of(backup), (Tree{{"web", "dir"},
                                     {"web/web-1", "dir"},
                                     {"web/web-1/app.log", "second\n"},
                                     {"web/web-1@1", "dir"},
                                     {"web/web-1@1/app.log", "first\n"}}));
    EXPECT_EQ(inode_of(backup / "web/web-1@1/app.log"), saved) << "moved, not copied";

    engine.remove(first);
    const auto third = engine.start({"web", "web-1"});
    engine.exec(third, "echo third > /opt/logs/app.log");
    expect_clean(run_once());
    expect_clean(run_once());
    EXPECT_EQ(tree_of(backup), (Tree{{"web", "dir"},
                                     {"web/web-1", "dir"},
                                     {"web/web-1/app.log", "third\n"},
                                     {"web/web-1@1", "dir"},
                                     {"web/web-1@1/app.log", "first\n"},
                                     {"web/web-1@2", "dir"},
                                     {"web/web-1@2/app.log", "second\n"}}));
    EXPECT_EQ(record(backup, "live/web/web-1")["containers"], nlohmann::json::array({third}));
    EXPECT_EQ(record(backup, "live/web/web-1@2")["containers"], nlohmann::json::array({second}));
    EXPECT_EQ(record(backup, "ended/web/web-1@1")["containers"], nlohmann::json::array({first}));
}
