// SPDX-License-Identifier: MIT
#include "support.hpp"

#include <nlohmann/json.hpp>

using namespace e2e;

class Exclude : public BothWays {
  protected:
    Tree saved() { return tree_of(backup / "web/web-1"); }
    std::string record(const std::string& path) {
        return nlohmann::json::parse(read_file(backup / ".logbackup" / path)).at("coverage");
    }
};
MOUNTED_ONLY(Exclude);

TEST_P(Exclude, LeavesFilesAndDirectoriesOut) {
    const auto id = engine.start({"web", "web-1"});
    engine.exec(id, "cd /opt/logs; echo log > app.log; echo heap > heap.hprof; mkdir -p a dumps/deep; "
                    "echo a > a/a.log; echo heap > a/heap.hprof; echo core > dumps/deep/core");
    const std::vector<std::string> options{"--exclude", "*.hprof", "--exclude", "/dumps"};
    auto verbose = options;
    verbose.emplace_back("-v");
    const auto first = run_once(verbose);
    expect_clean(first);
    EXPECT_NE(first.out.find("3 files left out (--exclude)"), std::string::npos) << first.out;
    const Tree expected{{"app.log", "log\n"}, {"a", "dir"}, {"a/a.log", "a\n"}};
    EXPECT_EQ(saved(), expected);

    engine.kill(id);
    auto as_json = options;
    as_json.emplace_back("--json");
    const auto second = run_once(as_json);
    expect_clean(second);
    EXPECT_EQ(nlohmann::json::parse(second.out)["containers"][0]["excluded"], 3);
    EXPECT_EQ(record("live/web/web-1"), "complete") << "what is left out is not missing";
    EXPECT_EQ(saved(), expected);
}

/// A volume that cannot be read is no failure where it is left out.
TEST_P(Exclude, LeavesOutAVolumeThatCannotBeRead) {
    const auto volume = scratch.path() / "dumps";
    write_file(volume / "core", "core\n");
    const auto id = engine.start({"web", "web-1", {"--volume", volume.string() + ":/opt/logs/dumps"}});
    engine.exec(id, "echo log > /opt/logs/app.log");
    expect_clean(run_once({"--exclude", "dumps"}));
    EXPECT_EQ(saved(), (Tree{{"app.log", "log\n"}}));
}
