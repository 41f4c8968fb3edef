// SPDX-License-Identifier: MIT
#include "support.hpp"

#include <nlohmann/json.hpp>

#include <sys/stat.h>

using namespace e2e;

class List : public e2e::Test {
  protected:
    Result list(std::vector<std::string> arguments = {}, const std::vector<std::string>& variables = {}) {
        arguments.insert(arguments.begin(), "list");
        // No engine there: it needs none.
        auto all = variables;
        all.emplace_back("DOCKER_HOST=unix:///nowhere/docker.sock");
        return run(command(arguments), all);
    }
    nlohmann::json instances(const std::vector<std::string>& arguments = {}) {
        auto all = arguments;
        all.emplace_back("--json");
        const Result result = list(all);
        expect_clean(result);
        return nlohmann::json::parse(result.out)["instances"];
    }
};

TEST_F(List, ShowsRunningRestartedAndRemovedContainers) {
    const auto first = engine.start({"web", "web-1"});
    engine.exec(first, "printf one > /opt/logs/app.log; printf three > /opt/logs/err.log");
    const auto database = engine.start({"db", "db-0"});
    engine.exec(database, "mkdir /opt/logs/sub; printf 1234 > /opt/logs/sub/db.log");
    expect_clean(run_once());
    engine.kill(first);
    const auto second = engine.start({"web", "web-1"});
    engine.exec(second, "printf two > /opt/logs/app.log");
    expect_clean(run_once());
    engine.remove(database);
    expect_clean(run_once());

    const std::string before = state_of(backup);
    const auto shown = instances();
    ASSERT_EQ(shown.size(), 3U) << shown;
    EXPECT_EQ(shown[0]["service"], "db");
    EXPECT_EQ(shown[0]["instance"], "db-0");
    EXPECT_NE(shown[0]["coverage"], "live") << "it is gone";
    EXPECT_EQ(shown[0]["containers"], nlohmann::json::array({database}));
    EXPECT_EQ(shown[0]["files"], 1);
    EXPECT_EQ(shown[0]["bytes"], 4);
    EXPECT_EQ(shown[1]["instance"], "web-1@1") << "the older first";
    EXPECT_EQ(shown[1]["containers"], nlohmann::json::array({first}));
    EXPECT_EQ(shown[1]["files"], 2);
    EXPECT_EQ(shown[1]["bytes"], 8);
    EXPECT_EQ(shown[2]["instance"], "web-1");
    EXPECT_EQ(shown[2]["containers"], nlohmann::json::array({second}));
    EXPECT_EQ(shown[2]["coverage"], "live");
    EXPECT_EQ(shown[2]["pod"], "web-1");
    EXPECT_EQ(shown[2]["namespace"], "default");
    EXPECT_EQ(shown[2]["finished"], nullptr);
    struct stat saved {};
    ASSERT_EQ(::stat((backup / "web/web-1/app.log").c_str(), &saved), 0);
    EXPECT_EQ(shown[2]["disk_bytes"], saved.st_blocks * 512);
    EXPECT_EQ(shown[2]["last_saved"].get<std::string>() + "\n",
              sh("date -u -d @" + std::to_string(saved.st_ctim.tv_sec) + " +%Y-%m-%dT%H:%M:%SZ"));

    const Result table = list();
    expect_clean(table);
    EXPECT_TRUE(table.out.starts_with("SERVICE  INSTANCE  NAMESPACE  STARTED (UTC) ")) << table.out;
    EXPECT_NE(table.out.find("3 log directories of 2 services, 4 files, "), std::string::npos) << table.out;
    EXPECT_EQ(state_of(backup), before) << "it changes nothing";
}
