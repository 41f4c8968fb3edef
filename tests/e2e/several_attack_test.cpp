// SPDX-License-Identifier: MIT
#include "several_support.hpp"

using namespace e2e;

/// Several log directories of a container that does with them what it likes, and an operator who changes his
/// mind.
class SeveralAttack : public SeveralDirectories {};
MOUNTED_ONLY(SeveralAttack);

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

/// Killed at each change that a run makes to the backup while instances change their names.
class SeveralKilled : public Test {
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

    static void copy(const fs::path& from, const fs::path& to) {
        sh("rm -rf '" + to.string() + "'; cp -a '" + from.string() + "' '" + to.string() + "'");
    }

    /// As it would be without, which it is at the end. So many kills at each of the calls are possible at
    /// least.
    void expect_the_same_after_each_kill(const Arguments& arguments, int kills = 0) {
        record_answers();
        const auto saved = scratch.path() / "saved";
        copy(backup, saved);
        expect_clean(run_once(arguments));
        const Tree expected = state();
        for (const std::string call : {"renameat2", "unlinkat", "mkdirat"}) {
            int killed = 0;
            for (;; ++killed) {
                copy(saved, backup);
                const std::string at = call + ":signal=KILL:when=" + std::to_string(killed + 1);
                Arguments argv{"strace", "-qq", "-o", "/dev/null", "-e", "inject=" + at};
                const auto plain = command(arguments);
                argv.insert(argv.end(), plain.begin(), plain.end());
                if (run(argv, {"ASAN_OPTIONS=detect_leaks=0"}).code == 0)
                    break;
                wait_until("a run is possible", [&] { return run_once(arguments).code == 0; });
                EXPECT_EQ(state(), expected) << "killed at " << at;
            }
            EXPECT_GE(killed, kills) << call;
        }
    }
};

TEST_F(SeveralKilled, WhilePrunedAndWhileAPodIsMadeAgain) {
    start("first");
    expect_clean(run_once(two));
    engine.remove_all();
    expect_clean(run_once(two));
    const auto ended = scratch.path() / "ended";
    copy(backup, ended);
    sh("sed -i -E 's/(\"(ended|finished|saved_until)\": ?\")20[0-9]{2}/\\12001/g' '" +
       (backup / ".logbackup/ended/web").string() + "'/*");
    expect_the_same_after_each_kill({"prune", "--keep", "30d"}, 1);
    EXPECT_EQ(state(), Tree{});

    copy(ended, backup);
    start("second");
    expect_the_same_after_each_kill(two, 1);
}

TEST_F(SeveralKilled, FromOneToTwoAndBack) {
    start("first");
    expect_clean(run_once(one));
    expect_the_same_after_each_kill(two);
    expect_the_same_after_each_kill(one);
}
