// SPDX-License-Identifier: MIT
#include "several_support.hpp"

using namespace e2e;

/// Several log directories of a container that does with them what it likes, and an operator who changes his
/// mind.
class SeveralAttack : public SeveralDirectories {};
MOUNTED_ONLY(SeveralAttack);

TEST_P(SeveralAttack, OneThatLeadsToTheOtherIsNotSavedAgainAfterTheEnd) {
    const auto id = engine.start({"web", "web-1"});
    engine.exec(id, "mkdir -p /var/log; ln -s /opt/logs /var/log/app; echo a > /opt/logs/a.log");
    expect_clean(run_once(with({a, b})));
    engine.kill(id);
    for (int i = 0; i < 3; ++i) {
        expect_clean(run_once(with({a, b})));
        EXPECT_EQ(files(), (Tree{{"web/web-1/a.log", "a\n"}}));
        EXPECT_EQ(record("live/web/web-1").at("coverage"), "complete");
    }
}

TEST_P(SeveralAttack, NoInstanceLiesInAnother) {
    const auto id = engine.start({"web", "web-1"});
    engine.exec(id, "mkdir -p /x; echo a > /opt/logs/a.log; echo x > /x/x.log");
    expect_clean(run_once(with({"/opt", "/x"})));
    expect_clean(run_once(with({a, "/x"})));
    Tree expected{
        {"web/web-1/logs/a.log", "a\n"}, {"web/web-1@1/a.log", "a\n"}, {"web/web-1+x/x.log", "x\n"}};
    EXPECT_EQ(files(), expected);
    expect_clean(run_once(with({"/opt", "/x"})));
    EXPECT_EQ(files(), expected);
    expect_clean(run_once(with({a, "/x"}, {"prune", "--keep", "0.001s"})));
    EXPECT_EQ(files(), expected) << "nothing of a container that is there is pruned";
}

TEST_P(SeveralAttack, ChangingBackAndForthDoesNotPileUp) {
    const auto id = engine.start({"web", "web-1"});
    engine.exec(id, "mkdir -p /var/log/app; echo a > /opt/logs/a.log; echo b > /var/log/app/b.log");
    for (int i = 0; i < 3; ++i) {
        expect_clean(run_once(with({a, b})));
        expect_clean(run_once());
    }
    EXPECT_EQ(files(), (Tree{{"web/web-1/a.log", "a\n"}, {"web/web-1+var+log+app/b.log", "b\n"}}));
}

TEST_P(SeveralAttack, AnotherSingleOneIsAnotherInstance) {
    const auto id = engine.start({"web", "web-1"});
    engine.exec(id, "mkdir -p /var/log/app; echo a > /opt/logs/app.log; echo b > /var/log/app/app.log");
    expect_clean(run_once());
    engine.kill(id);
    expect_clean(run_once());
    EXPECT_EQ(record("live/web/web-1").at("coverage"), "complete");
    const Tree expected{{"web/web-1/app.log", "a\n"}, {"web/web-1@1/app.log", "b\n"}};
    for (int i = 0; i < 2; ++i) {
        expect_clean(run_once(with({b})));
        EXPECT_EQ(files(), expected);
        EXPECT_EQ(record("live/web/web-1@1").at("coverage"), "complete");
        EXPECT_EQ(record("ended/web/web-1").at("coverage"), "complete");
        expect_clean(run_once());
        EXPECT_EQ(files(), expected);
        EXPECT_EQ(record("live/web/web-1").at("coverage"), "complete");
        EXPECT_EQ(record("ended/web/web-1@1").at("coverage"), "complete");
    }
}

TEST_P(SeveralAttack, OneThatIsNoLongerAskedForIsNotSaidToBeSaved) {
    const auto id = engine.start({"web", "web-1"});
    engine.exec(id, "mkdir -p /x /var/log/app; echo a > /opt/logs/a.log; echo b > /var/log/app/b.log");
    expect_clean(run_once(with({a, b})));
    expect_clean(run_once(with({a, "/x"})));
    EXPECT_EQ(record("ended/web/web-1+var+log+app").at("coverage"), "cut");
    EXPECT_TRUE(fs::exists(backup / ".logbackup/live/web/web-1"));
    engine.exec(id, "echo more >> /var/log/app/b.log");
    expect_clean(run_once(with({a, b})));
    EXPECT_EQ(files(), (Tree{{"web/web-1/a.log", "a\n"}, {"web/web-1+var+log+app/b.log", "b\nmore\n"}}));
    EXPECT_TRUE(fs::exists(backup / ".logbackup/live/web/web-1+var+log+app"));
}

TEST_P(SeveralAttack, WhatFailsIsNotedWhereAnotherServiceNamedIt) {
    const std::vector<std::string> first{"--volume", (scratch.path() / "volume").string() + ":/var/log/app"};
    const std::vector<std::string> second{"--volume", (scratch.path() / "volume").string() + ":/opt/logs"};
    const fs::path file = scratch.path() / "logbackup.toml";
    write_file(file, "[service.web]\nlog-dir = [\"/opt/logs\", \"/var/log/app\"]\n");
    const auto web = engine.start({"web", "web-1", first});
    engine.exec(web, "echo b > /var/log/app/b.log");
    expect_clean(run_once({"--config", file.string()}));
    const auto api = engine.start({"api", "api-1", second});
    engine.remove(web);
    expect_clean(run_once({"--config", file.string()}));
    engine.exec(api, "echo 123456789 > /opt/logs/large.log");
    expect_clean(run_once({"--config", file.string()}));
    EXPECT_EQ(read_file(backup / "web/web-1+var+log+app/large.log"), "123456789\n");
    EXPECT_FALSE(record("live/web/web-1+var+log+app").contains("saved_until"));
    engine.exec(api, "echo 123456789 >> /opt/logs/large.log");
    EXPECT_EQ(run_once({"--config", file.string(), "--max-bytes", "2"}).code, 0);
    EXPECT_TRUE(record("live/web/web-1+var+log+app").contains("limits"));
    expect_clean(run_once({"--config", file.string()}));
    EXPECT_FALSE(record("live/web/web-1+var+log+app").contains("limits"));
}

TEST_P(SeveralAttack, AVolumeThatIsMountedAtTheOtherPathIsNotSavedTwiceForEver) {
    const std::string volume = (scratch.path() / "volume").string();
    const auto first = engine.start({"web", "web-0", {"--volume", volume + ":" + a}});
    engine.exec(first, "mkdir -p /var/log/app; echo first > /opt/logs/v.log");
    expect_clean(run_once(with({a, b})));
    engine.remove(first);
    const auto second = engine.start({"web", "web-0", {"--volume", volume + ":" + b}});
    engine.exec(second, "echo own > /opt/logs/own.log");
    for (int i = 0; i < 3; ++i)
        expect_clean(run_once(with({a, b})));
    EXPECT_EQ(files(), (Tree{{"web/web-0/v.log", "first\n"}, {"web/web-0@1/own.log", "own\n"}}));
    EXPECT_EQ(record("live/web/web-0").at("volume"), volume);
    EXPECT_EQ(record("live/web/web-0").at("log_directory"), b);
    std::size_t live = 0;
    for (const auto& entry : fs::directory_iterator(backup / ".logbackup/live/web"))
        live += entry.exists() ? 1U : 0U;
    EXPECT_EQ(live, 2U);
}

TEST_P(SeveralAttack, OneThatIsIncompleteDoesNotHoldUpTheOther) {
    const auto id = engine.start({"web", "web-1"});
    engine.exec(id, "mkdir -p /var/log/app; echo a > /opt/logs/a.log; echo 123456789 > /var/log/app/b.log");
    engine.kill(id);
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(run_once(with({a, b}, {"--max-file-size", "5"})).code, 0);
    EXPECT_EQ(record("live/web/web-1").at("coverage"), "complete");
    EXPECT_EQ(record("live/web/web-1+var+log+app").at("coverage"), "live");
    for (int i = 0; i < 2; ++i)
        expect_clean(run_once(with({a, b})));
    EXPECT_EQ(record("live/web/web-1+var+log+app").at("coverage"), "complete");
}

TEST_P(SeveralAttack, AFileInPlaceOfADirectoryOfTheBackupIsReported) {
    const auto id = engine.start({"web", "web-1"});
    engine.exec(id, "mkdir -p /var/log/app; echo a > /opt/logs/a.log; echo b > /var/log/app/b.log");
    expect_clean(run_once(with({a, b})));
    fs::remove_all(backup / "web/web-1");
    write_file(backup / "web/web-1", "a file");
    fs::remove_all(backup / "web/web-1+var+log+app");
    fs::create_directory(scratch.path() / "elsewhere");
    fs::create_symlink(scratch.path() / "elsewhere", backup / "web/web-1+var+log+app");
    const auto result = run_once(with({a, b}));
    EXPECT_EQ(result.code, 3) << result.out << result.err;
    EXPECT_EQ(read_file(backup / "web/web-1"), "a file");
    EXPECT_TRUE(fs::is_empty(scratch.path() / "elsewhere"));
    EXPECT_EQ(run_once(with({a, b}, {"prune", "--keep", "0.001s"})).code, 0);
}

TEST_P(SeveralAttack, OfAContainerThatSharesEachRowNamesItsLogDirectory) {
    const std::string volume = (scratch.path() / "volume").string();
    const auto first = engine.start({"web", "web-0", {"--volume", volume + ":" + b}});
    engine.exec(first, "echo v > /var/log/app/v.log");
    expect_clean(run_once(with({a, b})));
    const auto second = engine.start({"api", "api-0", {"--volume", volume + ":" + b}});
    const auto result = run_once(with({a, b}, {"--service", "api", "--json"}));
    expect_clean(result);
    const auto report = nlohmann::json::parse(result.out);
    for (const auto& row : report["containers"])
        EXPECT_TRUE(row["log_directory"] == a || row["log_directory"] == b) << row;
}

TEST_P(SeveralAttack, AVolumeAtBothAndOneWithinAnotherSurviveRestarts) {
    const std::string volume = (scratch.path() / "volume").string();
    const std::string outer = (scratch.path() / "outer").string();
    const Pod both{"web", "both-0", {"--volume", volume + ":" + a, "--volume", volume + ":" + b}};
    fs::create_directories(outer + "/sub");
    const Pod within{"web", "within-0", {"--volume", outer + ":" + a, "--volume", outer + "/sub:" + b}};
    for (int i = 1; i < 4; ++i) {
        const auto one = engine.start(both);
        const auto other = engine.start(within);
        engine.exec(one, "echo " + std::to_string(i) + " >> /opt/logs/v.log");
        engine.exec(other, "echo " + std::to_string(i) + " >> /var/log/app/w.log");
        expect_clean(run_once(with({a, b})));
        expect_clean(run_once(with({a, b}, {"verify"})));
        engine.kill(one);
        engine.kill(other);
        expect_clean(run_once(with({a, b})));
    }
    EXPECT_EQ(files(), (Tree{{"web/both-0/v.log", "1\n2\n3\n"},
                             {"web/within-0/sub/w.log", "1\n2\n3\n"},
                             {"web/within-0+var+log+app/w.log", "1\n2\n3\n"}}));
    for (const auto* name : {"both-0", "within-0", "within-0+var+log+app"})
        EXPECT_EQ(record("live/web/" + std::string(name)).at("coverage"), "complete") << name;
    EXPECT_FALSE(fs::exists(backup / ".logbackup/live/web/both-0+var+log+app"));
}

/// A link on its own volume to another's, which it has read-only, and back.
TEST_P(SeveralAttack, ALinkToAnotherOnesVolumeChangesNothingOfIt) {
    const std::string mine = (scratch.path() / "mine").string();
    const std::string theirs = (scratch.path() / "theirs").string();
    const auto victim = engine.start({"web", "victim", {"--volume", theirs + ":" + b}});
    const auto attacker = engine.start({"api", "attacker", {"--volume", theirs + ":/theirs:ro"}});
    engine.exec(victim, "echo own > /opt/logs/o.log; echo v > /var/log/app/v.log");
    engine.exec(attacker, "mkdir -p /var/log; echo mine > /opt/logs/m.log");
    for (int i = 0; i < 3; ++i) {
        engine.exec(attacker, "ln -sfn /theirs /var/log/app; rm -rf /opt/logs; ln -s /theirs /opt/logs");
        expect_clean(run_once(with({a, b})));
        engine.exec(attacker, "rm /var/log/app /opt/logs; mkdir /opt/logs; echo mine > /opt/logs/m.log");
        engine.exec(victim, "echo v >> /var/log/app/v.log");
        expect_clean(run_once(with({a, b})));
    }
    EXPECT_EQ(files(), (Tree{{"api/attacker/m.log", "mine\n"},
                             {"api/attacker+var+log+app", "-> ../web/victim+var+log+app"},
                             {"web/victim/o.log", "own\n"},
                             {"web/victim+var+log+app/v.log", "v\nv\nv\nv\n"}}));
}

/// The names of another pod, in another namespace, with a log directory that the other one has not yet.
TEST_P(SeveralAttack, EachHasDirectoriesOfItsOwn) {
    const auto own = engine.start({"web", "web-1"});
    engine.exec(own, "echo own > /opt/logs/a.log");
    expect_clean(run_once(with({a, b})));
    Pod forged{"web", "web-1"};
    forged.namespace_name = "other";
    const auto other = engine.start(forged);
    engine.exec(other, "mkdir -p /var/log/app; echo forged > /var/log/app/b.log; rmdir /opt/logs");
    expect_clean(run_once(with({a, b})));
    engine.exec(own, "mkdir -p /var/log/app; echo own > /var/log/app/b.log");
    expect_clean(run_once(with({a, b})));
    EXPECT_EQ(files(), (Tree{{"web/web-1/a.log", "own\n"},
                             {"web/web-1+var+log+app/b.log", "forged\n"},
                             {"web/web-1@1+var+log+app/b.log", "own\n"}}));
}

/// Killed at each change that a run makes to the backup while instances change their names.
class SeveralKilled : public Test, public testing::WithParamInterface<const char*> {
  protected:
    using Arguments = std::vector<std::string>;
    const Arguments one{"--log-dir", "/opt/logs"};
    const Arguments two{"--log-dir", "/opt/logs", "--log-dir", "/var/log/app"};

    void start(const std::string& content) {
        const auto id = engine.start({"web", "web-1"});
        engine.exec(id, "mkdir -p /var/log/app; echo " + content + " > /opt/logs/a.log; echo " + content +
                            " > /var/log/app/b.log");
    }

    Tree state() {
        Tree state = tree_of(backup);
        std::erase_if(state, [](const auto& file) { return file.second == "dir"; });
        std::error_code none; // nothing may have ended
        for (const auto* kind : {"live", "ended"})
            for (const auto& entry : fs::recursive_directory_iterator(backup / ".logbackup" / kind, none))
                if (entry.is_regular_file())
                    state[std::string(kind) + "/" + entry.path().filename().string()] = "record";
        std::erase_if(state, [&](const auto& file) { // it was being opened again
            return file.first.starts_with("ended/") && state.contains("live/" + file.first.substr(6));
        });
        return state;
    }

    /// As it would be without.
    void expect_the_same_after_each_kill(const Arguments& arguments) {
        record_answers();
        const auto saved = scratch.path() / "saved";
        sh("cp -a " + backup.string() + " " + saved.string());
        const auto restore = [&] {
            sh("rm -rf " + backup.string() + "; cp -a " + saved.string() + " " + backup.string());
        };
        expect_clean(run_once(arguments));
        const Tree expected = state();
        for (int n = 1;; ++n) {
            restore();
            Arguments argv{
                "strace", "-qq",
                "-o",     "/dev/null",
                "-e",     std::string("inject=") + GetParam() + ":signal=KILL:when=" + std::to_string(n)};
            const auto plain = command(arguments);
            argv.insert(argv.end(), plain.begin(), plain.end());
            if (run(argv, {"ASAN_OPTIONS=detect_leaks=0"}).code == 0)
                break;
            ++killed;
            wait_until("a run is possible", [&] { return run_once(arguments).code == 0; });
            EXPECT_EQ(state(), expected) << "killed at " << GetParam() << " " << n;
        }
    }
    int killed = 0;
};
INSTANTIATE_TEST_SUITE_P(, SeveralKilled, testing::Values("renameat2", "unlinkat", "mkdirat"),
                         [](const auto& each) { return std::string(each.param); });

TEST_P(SeveralKilled, WhileAPodIsMadeAgain) {
    start("first");
    expect_clean(run_once(two));
    engine.remove_all();
    expect_clean(run_once(two));
    start("second");
    expect_the_same_after_each_kill(two);
    EXPECT_GT(killed, 0);
}

TEST_P(SeveralKilled, FromOneToTwo) {
    start("first");
    expect_clean(run_once(one));
    expect_the_same_after_each_kill(two);
}

TEST_P(SeveralKilled, FromTwoToOne) {
    start("first");
    expect_clean(run_once(one));
    expect_clean(run_once(two));
    expect_the_same_after_each_kill(one);
}

TEST_P(SeveralKilled, WhilePruned) {
    start("first");
    expect_clean(run_once(two));
    engine.remove_all();
    expect_clean(run_once(two));
    expect_the_same_after_each_kill({"prune", "--keep", "0.001s"});
}
