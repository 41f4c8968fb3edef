// SPDX-License-Identifier: MIT
#include "support.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

using namespace e2e;

/// Everything that --json prints is one object on one line, and has the documented fields and no others.
class JsonOutput : public e2e::Test {
  protected:
    nlohmann::json valid(const std::vector<std::string>& arguments, int code = 0) {
        std::vector<std::string> all = arguments;
        all.emplace_back("--json");
        const Result result = run_once(all);
        EXPECT_EQ(result.code, code) << result.err;
        EXPECT_EQ(std::count(result.out.begin(), result.out.end(), '\n'), 1);
        const fs::path file = scratch.path() / "output.json";
        write_file(file, result.out);
        const auto schema = fs::path(LOGBACKUP_SOURCE_DIRECTORY) / "tests/schema/logbackup.schema.json";
        const Result checked =
            run({"python3", "-c",
                 "import json, jsonschema, sys\n"
                 "jsonschema.Draft7Validator.check_schema(json.load(open(sys.argv[2])))\n"
                 "jsonschema.validate(json.load(open(sys.argv[1])), json.load(open(sys.argv[2])))",
                 file.string(), schema.string()});
        EXPECT_EQ(checked.code, 0) << checked.err << result.out;
        return nlohmann::json::parse(result.out);
    }
};

TEST_F(JsonOutput, OfEachCommandIsAsDocumented) {
    const auto id = engine.start({"web", "web-1"});
    const auto kept = engine.start({"web", "web-2"});
    engine.exec(id,
                "cd /opt/logs; echo x > app.log; echo y > $(printf 'caf\\351\\033[31m\\n.log'); mkfifo pipe; "
                "ln -s /etc/passwd out; ln -s app.log in");
    engine.exec(kept, "echo z > /opt/logs/app.log");
    EXPECT_EQ(valid({"--dry-run"})["command"], "dry-run");
    const auto saved = valid({});
    EXPECT_EQ(saved["command"], "save");
    EXPECT_EQ(saved["containers"].size(), 2U);
    EXPECT_FALSE(saved["containers"][0]["actions"].empty());
    EXPECT_FALSE(saved["containers"][0]["skipped"].empty());
    EXPECT_EQ(valid({"verify"})["command"], "verify");
    engine.exec(kept, "echo new > /opt/logs/app.log");
    engine.exec(id, "rm /opt/logs/app.log");
    (void)valid({});
    engine.kill(id);
    engine.remove(id);
    EXPECT_EQ(valid({})["cut"], nlohmann::json::array({"web/web-1"}));
    const auto list = valid({"list"});
    EXPECT_EQ(list["command"], "list");
    EXPECT_EQ(list["instances"].size(), 2U);
    const auto pruned = valid({"prune", "--keep", "0.001s"});
    EXPECT_EQ(pruned["command"], "prune");
    EXPECT_FALSE(pruned["pruned"].empty());
    EXPECT_EQ(valid({"config"})["command"], "config");
    const auto check = valid({"check"});
    EXPECT_EQ(check["command"], "check");
    EXPECT_GT(check["checks"].size(), 10U);
}

TEST_F(JsonOutput, OfFailuresIsAsDocumented) {
    const auto id = engine.start({"web", "web-1"});
    engine.exec(id, "echo x > /opt/logs/app.log; echo y > /opt/logs/b.log");
    engine.start({"bad_name", "web-1"});
    const auto limited = valid({"--max-files", "1"});
    EXPECT_EQ(limited["containers"][0]["limits"][0]["limit"], "files");
    EXPECT_EQ(limited["misnamed"].size(), 1U);
    const auto broken = write_script(scratch.path() / "rsync", "exit 14");
    const auto failed = valid({"--rsync", broken.string()}, 3);
    EXPECT_FALSE(failed["containers"][0]["failures"].empty());
    const auto check = valid({"check", "--docker", "/bin/false"}, 1);
    EXPECT_TRUE(std::any_of(check["checks"].begin(), check["checks"].end(),
                            [](const nlohmann::json& one) { return one["status"] == "problem"; }));
    EXPECT_EQ(valid({"prune", "--max-size", "1K"}, 3)["pruned"], nlohmann::json::array());
}
