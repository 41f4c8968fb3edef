// SPDX-License-Identifier: MIT
#include "support.hpp"

#include <nlohmann/json.hpp>

using namespace e2e;

class Exclude : public BothWays {
  protected:
    Tree saved(const std::string& instance = "web/web-1") { return tree_of(backup / instance); }
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

TEST_P(Exclude, LeavesWhatWasSavedBeforeAsItIs) {
    const auto id = engine.start({"web", "web-1"});
    engine.exec(id, "cd /opt/logs; echo heap > heap.hprof; echo core > core");
    expect_clean(run_once());
    const Tree expected{{"heap.hprof", "heap\n"}, {"core", "core\n"}};
    EXPECT_EQ(saved(), expected);
    // What would be appended, set aside, and be taken for a renamed file.
    engine.exec(id,
                "cd /opt/logs; echo more >> heap.hprof; echo other > core; (echo core; echo more) > new.log");
    const std::vector<std::string> options{"--exclude", "heap.*", "--exclude", "core"};
    expect_clean(run_once(options));
    Tree with_new = expected;
    with_new["new.log"] = "core\nmore\n";
    EXPECT_EQ(saved(), with_new);
    auto verify = options;
    verify.insert(verify.begin(), "verify");
    expect_clean(run_once(verify));
    engine.kill(id);
    expect_clean(run_once(options));
    engine.remove(id);
    expect_clean(run_once(options));
    EXPECT_EQ(saved(), with_new);
    EXPECT_EQ(record("ended/web/web-1"), "complete");
}

TEST_P(Exclude, DropsNoCopyOfWhatIsLeftOut) {
    const auto id = engine.start({"web", "web-1"});
    engine.exec(id, "cd /opt/logs; echo one > app.log.1");
    expect_clean(run_once());
    engine.exec(id, "cd /opt/logs; gzip -c app.log.1 > app.log.1.gz");
    expect_clean(run_once({"--exclude", "app.log.1"}));
    EXPECT_EQ(saved().count("app.log.1"), 1U);
    EXPECT_EQ(saved().count("app.log.1.gz"), 1U);
}

TEST_P(Exclude, DiffersFromServiceToService) {
    for (const char* service : {"web", "db"})
        engine.exec(engine.start({service, std::string(service) + "-1"}),
                    "cd /opt/logs; echo a > a.log; echo b > b.log");
    const fs::path file = scratch.path() / "logbackup.toml";
    write_file(file, "exclude = [\"a.log\"]\n[service.db]\nexclude = [\"b.log\"]\n");
    expect_clean(run_once({"--config", file.string()}));
    EXPECT_EQ(saved("web/web-1"), (Tree{{"b.log", "b\n"}}));
    EXPECT_EQ(saved("db/db-1"), (Tree{{"a.log", "a\n"}}));
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
