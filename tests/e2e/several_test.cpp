// SPDX-License-Identifier: MIT
#include "several_support.hpp"

using namespace e2e;

/// Several log directories in a container.
class Several : public SeveralDirectories {
  protected:
    std::string start(const std::string& pod, const std::vector<std::string>& arguments = {}) {
        const auto id = engine.start({"web", pod, arguments});
        engine.exec(id, "mkdir -p /var/log/app");
        return id;
    }
    static std::vector<std::string> with_two(std::vector<std::string> arguments = {}) {
        return with({a, b}, std::move(arguments));
    }
};
MOUNTED_ONLY(Several);

TEST_P(Several, AreSavedSideBySide) {
    const auto id = start("web-1");
    engine.exec(id, "echo a > /opt/logs/a.log; echo b > /var/log/app/b.log");
    const auto dry = run_once(with_two({"--dry-run"}));
    expect_clean(dry);
    EXPECT_NE(dry.out.find("web/web-1+var+log+app"), std::string::npos) << dry.out;
    EXPECT_FALSE(fs::exists(backup));

    const auto first = run_once(with_two());
    expect_clean(first);
    EXPECT_NE(first.out.find("1 container, 2 files: 2 new"), std::string::npos) << first.out;
    EXPECT_EQ(files(), (Tree{{"web/web-1/a.log", "a\n"}, {"web/web-1+var+log+app/b.log", "b\n"}}));
    EXPECT_EQ(record("live/web/web-1").at("log_directory"), "/opt/logs");

    engine.exec(id, "echo more >> /var/log/app/b.log");
    const auto second = run_once(with_two());
    expect_clean(second);
    EXPECT_NE(second.out.find("0 new, 1 changed"), std::string::npos) << second.out;
    expect_clean(run_once(with_two({"verify"})));

    engine.kill(id);
    expect_clean(run_once(with_two()));
    engine.remove(id);
    expect_clean(run_once(with_two()));
    EXPECT_EQ(files(), (Tree{{"web/web-1/a.log", "a\n"}, {"web/web-1+var+log+app/b.log", "b\nmore\n"}}));
    EXPECT_EQ(record("ended/web/web-1+var+log+app").at("coverage"), "complete");
    EXPECT_TRUE(fs::is_empty(backup / ".logbackup/incoming"));
    const auto list = run_once({"list"});
    expect_clean(list);
    EXPECT_NE(list.out.find("2 log directories of 1 service, 2 files"), std::string::npos) << list.out;
    EXPECT_NE(list.out.find("2 complete"), std::string::npos) << list.out;
    EXPECT_EQ(list.out.find("without"), std::string::npos) << list.out;
}

TEST_P(Several, OneThatIsNotThereIsNoFailure) {
    const auto id = engine.start({"web", "web-1"});
    engine.start({"web", "web-2", {}, "rmdir /opt/logs; exec sleep 1000000"});
    engine.exec(id, "echo a > /opt/logs/a.log");
    const auto result = run_once(with_two({"--json"}));
    expect_clean(result);
    const auto rows = nlohmann::json::parse(result.out)["containers"];
    std::vector<std::string> statuses;
    for (const auto& row : rows)
        statuses.push_back(row["pod"].get<std::string>() + " " + row["status"].get<std::string>());
    EXPECT_EQ(statuses, (std::vector<std::string>{"web-1 saved", "web-2 no log directory"}));
}

TEST_P(Several, OfARestartTheVolumeGoesOnAndTheOtherIsNumbered) {
    const std::vector<std::string> volume{"--volume", (scratch.path() / "volume").string() + ":/var/log/app"};
    const auto first = start("web-0", volume);
    engine.exec(first, "echo first > /opt/logs/a.log; echo first > /var/log/app/v.log");
    expect_clean(run_once(with_two()));
    engine.kill(first);
    const auto second = start("web-0", volume);
    engine.exec(second, "echo second > /opt/logs/a.log; echo second >> /var/log/app/v.log");
    expect_clean(run_once(with_two()));
    const Tree expected{{"web/web-0/a.log", "second\n"},
                        {"web/web-0@1/a.log", "first\n"},
                        {"web/web-0+var+log+app/v.log", "first\nsecond\n"}};
    EXPECT_EQ(files(), expected);
    expect_clean(run_once(with_two({"verify"})));
    engine.remove(first);
    expect_clean(run_once(with_two()));
    EXPECT_EQ(files(), expected);
    EXPECT_TRUE(fs::exists(backup / ".logbackup/ended/web/web-0@1"));
}

/// A running container, one that has ended and is saved in full, and one whose log directory is a volume.
TEST_P(Several, ASecondOneMovesCopiesAndEndsNothingOfTheFirst) {
    const std::vector<std::string> volume{"--volume", (scratch.path() / "volume").string() + ":/opt/logs"};
    const std::vector<std::string> ids{start("runs"), start("ended"), start("volume", volume)};
    for (const auto& id : ids)
        engine.exec(id, "echo first > /opt/logs/a.log; echo second > /var/log/app/b.log");
    engine.kill(ids[1]);
    for (int i = 0; i < 2; ++i)
        expect_clean(run_once());
    const std::vector<std::string> pods{"runs", "ended", "volume"};
    const auto state = [&] {
        std::string all;
        for (const auto& pod : pods)
            all += sh("stat -c '%i %z' " + (backup / "web" / pod / "a.log").string()) +
                   read_file(backup / ".logbackup/live/web" / pod);
        return all;
    };
    const std::string before = state();
    EXPECT_EQ(record("live/web/ended").at("coverage"), "complete");

    for (int i = 0; i < 2; ++i) {
        const auto result = run_once(with_two());
        expect_clean(result);
        EXPECT_NE(result.out.find(i == 0 ? "3 new, 0 changed; 21 B saved" : "0 new, 0 changed; 0 B saved"),
                  std::string::npos)
            << result.out;
        EXPECT_EQ(result.out.find("cut"), std::string::npos) << result.out;
        Tree expected;
        for (const auto& pod : pods) {
            expected["web/" + pod + "/a.log"] = "first\n";
            expected["web/" + pod + "+var+log+app/b.log"] = "second\n";
        }
        EXPECT_EQ(files(), expected);
        EXPECT_EQ(state(), before);
        EXPECT_FALSE(fs::exists(backup / ".logbackup/ended"));
    }
    EXPECT_EQ(record("live/web/ended+var+log+app").at("coverage"), "complete");
    expect_clean(run_once(with_two({"verify"})));
}

TEST_P(Several, KeepTheirNamesWhateverIsConfiguredLater) {
    const auto id = start("web-1");
    engine.exec(id, "echo a > /opt/logs/a.log; echo b > /var/log/app/b.log");
    expect_clean(run_once(with_two()));
    const Tree expected{{"web/web-1/a.log", "a\n"}, {"web/web-1+var+log+app/b.log", "b\n"}};
    const auto are_there = [&](const std::string& kind) {
        const fs::path records = backup / ".logbackup" / kind / "web";
        return std::pair(fs::exists(records / "web-1"), fs::exists(records / "web-1+var+log+app"));
    };
    for (const bool runs : {true, false}) {
        for (const auto& paths : {std::vector<std::string>{b, a}, {a}, {b}, {a, b}}) {
            expect_clean(run_once(with(paths)));
            EXPECT_EQ(files(), expected);
            const bool has_a = paths != std::vector<std::string>{b};
            const bool has_b = paths != std::vector<std::string>{a};
            EXPECT_EQ(are_there("live"), std::pair(has_a, has_b));
            EXPECT_EQ(are_there("ended"), std::pair(!has_a, !has_b));
        }
        if (runs)
            engine.kill(id);
    }
    EXPECT_EQ(record("live/web/web-1").at("coverage"), "complete");
    EXPECT_EQ(record("live/web/web-1+var+log+app").at("coverage"), "complete");
}

TEST_P(Several, ThatAreOneAreSavedOnce) {
    const auto id = engine.start({"web", "web-1"});
    engine.exec(id, "ln -s /opt/logs /var/log/app 2>/dev/null || { mkdir -p /var/log; ln -s /opt/logs "
                    "/var/log/app; }; echo a > /opt/logs/a.log");
    for (int i = 0; i < 2; ++i) {
        const auto result = run_once(with_two());
        expect_clean(result);
        EXPECT_NE(result.out.find("shared, see web/web-1"), std::string::npos) << result.out;
    }
    engine.kill(id);
    expect_clean(run_once(with_two()));
    EXPECT_EQ(files(), (Tree{{"web/web-1/a.log", "a\n"}}));
    EXPECT_EQ(record("live/web/web-1").at("coverage"), "complete");
}

TEST_P(Several, ComeFromTheFileAndTheEnvironment) {
    const auto id = start("web-1");
    engine.exec(id, "echo a > /opt/logs/a.log; echo b > /var/log/app/b.log");
    expect_clean(run_once({}, {"LOGBACKUP_LOG_DIR=/opt/logs:/var/log/app"}));
    const Tree expected = files();
    EXPECT_EQ(expected.size(), 2U);
    const fs::path file = scratch.path() / "logbackup.toml";
    write_file(file, "[service.web]\nlog-dir = [\"/opt/logs\", \"/var/log/app/\"]\n");
    engine.exec(id, "echo more >> /opt/logs/a.log");
    const auto result = run_once({"--config", file.string()});
    expect_clean(result);
    EXPECT_NE(result.out.find("0 new, 1 changed"), std::string::npos) << result.out;
    const auto wrong = run_once({"--log-dir", "/opt", "--log-dir", "/opt/./logs"});
    EXPECT_EQ(wrong.code, 2);
    EXPECT_NE(wrong.err.find("'/opt/logs' lies in '/opt'"), std::string::npos) << wrong.err;
}

TEST_P(Several, ArePrunedEachByItself) {
    const auto id = start("web-1");
    engine.exec(id, "echo a > /opt/logs/a.log; echo b > /var/log/app/b.log");
    const auto gone = start("web-2");
    engine.exec(gone, "echo c > /opt/logs/c.log; echo d > /var/log/app/d.log");
    expect_clean(run_once(with_two()));
    engine.remove(gone);
    engine.exec(id, "echo x > /opt/logs/x.log");
    expect_clean(run_once(with_two()));
    engine.exec(id, "rm /opt/logs/x.log");
    expect_clean(run_once(with_two()));
    for (const std::string ended : {"web-2", "web-2+var+log+app"}) {
        auto aged = record("ended/web/" + ended);
        for (const char* name : {"ended", "finished", "saved_until"})
            aged[name] = "2026-01-01T00:00:00Z";
        write_file(backup / ".logbackup/ended/web" / ended, aged.dump());
    }
    const auto dry = run_once(with_two({"prune", "--keep", "0.001s", "--dry-run", "--json"}));
    expect_clean(dry);
    std::vector<std::string> doomed;
    const auto pruned = nlohmann::json::parse(dry.out)["pruned"];
    for (const auto& item : pruned)
        doomed.push_back(item["instance"].get<std::string>() + " " + item["path"].get<std::string>());
    std::sort(doomed.begin(), doomed.end());
    EXPECT_EQ(doomed, (std::vector<std::string>{"web-1 x.log", "web-2 ", "web-2+var+log+app "})) << dry.out;
    expect_clean(run_once(with_two({"prune", "--keep", "0.001s"})));
    EXPECT_EQ(files(), (Tree{{"web/web-1/a.log", "a\n"}, {"web/web-1+var+log+app/b.log", "b\n"}}));
    EXPECT_FALSE(fs::exists(backup / "web/web-2"));
    EXPECT_FALSE(fs::exists(backup / "web/web-2+var+log+app"));
    EXPECT_TRUE(fs::is_empty(backup / ".logbackup/ended"));
}
