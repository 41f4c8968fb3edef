// SPDX-License-Identifier: MIT
#include "support.hpp"

#include "ledger/clock.hpp"
#include "util/process.hpp"
#include "util/text.hpp"

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <set>

using namespace e2e;
using namespace std::chrono_literals;
using Json = nlohmann::json;
using logbackup::rfc3339;

namespace {

constexpr auto day = 24h;
using Names = std::set<std::string>;

logbackup::Timestamp now() {
    return std::chrono::system_clock::now();
}

/// What is deleted on purpose, and what never is.
class PruneRuns : public BothWays {
  protected:
    /// Makes the last run so long ago, and none look for something to delete.
    void set_clock(std::chrono::nanoseconds ago = 0s) {
        write_file(clock, "");
        fs::last_write_time(clock, fs::file_time_type::clock::now() -
                                       std::chrono::duration_cast<std::chrono::seconds>(ago));
    }
    /// Makes the record of an ended log directory as old as it is to be.
    void age(const std::string& instance, std::chrono::nanoseconds by) {
        const auto path = backup / ".logbackup/ended" / instance;
        auto record = Json::parse(read_file(path));
        for (const char* name : {"ended", "finished", "saved_until"})
            record[name] = rfc3339(now() - by);
        write_file(path, record.dump());
    }
    /// A container that was saved and is gone since.
    void end(const std::string& pod, std::chrono::nanoseconds ago, const std::string& text = "a line") {
        const auto id = engine.start({"job", pod, {}, "echo '" + text + "' > /opt/logs/app.log"});
        engine.wait(id);
        expect_clean(run_once());
        engine.remove(id);
        expect_clean(run_once());
        age("job/" + pod, ago);
    }
    Result prune(std::vector<std::string> arguments, const std::vector<std::string>& variables = {}) {
        arguments.insert(arguments.begin(), "prune");
        return run(command(arguments), variables);
    }
    Json prune_json(std::vector<std::string> arguments) {
        arguments.emplace_back("--json");
        const auto result = prune(arguments);
        expect_clean(result);
        return Json::parse(result.out);
    }
    Names saved(const std::string& below = "") {
        Names names;
        for (const auto& [name, content] : tree_of(backup / below))
            if (content != "dir")
                names.insert(name);
        return names;
    }
    /// All there is, and when it was changed.
    std::string state() { return sh("find '" + backup.string() + "' -printf '%P %i %s %T@ %C@\n' | sort"); }

    const fs::path clock = backup / ".logbackup/clock";
    const std::vector<std::string> no_engine{"DOCKER_HOST=unix:///nowhere/docker.sock"};
};

class PruneKilled : public PruneRuns {
  protected:
    /// False when a run that prunes has no n-th such call.
    bool kill_at(const std::string& call, int n) {
        std::vector<std::string> argv{"strace", "-qq",
                                      "-o",     "/dev/null",
                                      "-e",     "inject=" + call + ":signal=KILL:when=" + std::to_string(n)};
        const auto plain = command({"prune", "--keep", "30d"});
        argv.insert(argv.end(), plain.begin(), plain.end());
        return run(argv, {"ASAN_OPTIONS=detect_leaks=0"}).code == 128 + SIGKILL;
    }
};

} // namespace
MOUNTED_ONLY(PruneRuns);

TEST_P(PruneRuns, DeletesWhatEndedLongAgoAndWhatItSaidItWould) {
    const auto live = engine.start({"web", "web-1"});
    engine.exec(live, "echo x > /opt/logs/app.log");
    end("job-1", 31 * day);
    end("job-2", 29 * day);
    set_clock();
    const auto before = state();
    const auto dry = prune_json({"--keep", "30d", "--dry-run"});
    EXPECT_EQ(state(), before);
    ASSERT_EQ(dry["pruned"].size(), 1U) << dry;
    EXPECT_EQ(dry["pruned"][0]["instance"], "job-1");
    EXPECT_EQ(dry["pruned"][0]["what"], "log directory");
    const auto table = prune({"--keep", "30d", "-n"});
    expect_clean(table);
    EXPECT_TRUE(table.out.starts_with("SERVICE  INSTANCE  ENDED (UTC) ")) << table.out;

    const auto log = (scratch.path() / "log").string();
    const auto done = prune_json({"--keep", "30d", "--log-file", log});
    EXPECT_EQ(done["pruned"], dry["pruned"]);
    EXPECT_EQ(done["disk_bytes"], dry["disk_bytes"]);
    EXPECT_EQ(saved(), (Names{"web/web-1/app.log", "job/job-2/app.log"}));
    EXPECT_FALSE(fs::exists(backup / ".logbackup/ended/job/job-1"));
    EXPECT_NE(read_file(log).find("deleted: 'job/job-1', ended "), std::string::npos);

    const auto quiet = prune({"--keep", "30d", "--quiet"});
    expect_clean(quiet);
    EXPECT_EQ(quiet.out, "");
    EXPECT_EQ(prune_json({"--keep", "1d", "--service", "web"})["pruned"].size(), 0U);
    EXPECT_EQ(prune_json({"--keep", "1d", "--service", "job"})["pruned"].size(), 1U);
    EXPECT_EQ(saved(), Names{"web/web-1/app.log"});
    EXPECT_FALSE(fs::exists(backup / "job"));
    expect_clean(run_once());
    EXPECT_EQ(engine.cat(live, "/opt/logs/app.log"), read_file(backup / "web/web-1/app.log"));
}

TEST_P(PruneRuns, ARunPrunesOnceAnHour) {
    end("job-1", 31 * day);
    engine.start({"web", "web-1"});
    set_clock();
    expect_clean(run_once());
    EXPECT_TRUE(fs::exists(backup / "job/job-1")) << "by default no log directory is deleted";
    const auto dry = run_once({"--keep", "30d", "--dry-run"});
    EXPECT_NE(dry.err.find("dry run: 1 ended log directory would be deleted"), std::string::npos) << dry.err;
    EXPECT_TRUE(fs::exists(backup / "job/job-1"));

    const auto first = run_once({"--keep", "30d", "--json"});
    EXPECT_EQ(first.code, 0);
    EXPECT_EQ(Json::parse(first.out)["pruned"].size(), 1U) << first.out;
    EXPECT_NE(first.err.find("1 ended log directory deleted"), std::string::npos) << first.err;
    EXPECT_FALSE(fs::exists(backup / "job"));

    engine.remove_all();
    engine.start({"web", "web-1"});
    end("job-2", 31 * day);
    expect_clean(run_once({"--keep", "30d"}));
    EXPECT_TRUE(fs::exists(backup / "job/job-2")) << "it is no hour since";
    set_clock();
    const auto quiet = run_once({"--keep", "30d", "--quiet"});
    expect_clean(quiet);
    EXPECT_EQ(quiet.out, "");
    EXPECT_FALSE(fs::exists(backup / "job"));
}

TEST_P(PruneRuns, FilesThatALiveSourceStillHasAreNeverDeleted) {
    const auto id = engine.start({"web", "web-1"});
    engine.exec(id,
                "cd /opt/logs; mkdir d; for f in app.log old.log d/gone.log d/e.log; do echo $f > $f; done");
    expect_clean(run_once());
    engine.exec(id, "cd /opt/logs; echo x > app.log; rm d/gone.log; touch -d '1999-01-01' app.log");
    expect_clean(run_once());
    Names all = saved("web/web-1");
    ASSERT_EQ(all.size(), 5U);
    set_clock();
    EXPECT_EQ(prune_json({"--keep", "1h"})["pruned"].size(), 0U) << "they changed just now";

    // Not all of it can be looked at.
    const auto partly = prune({"--keep", "0.001s", "--max-files", "2"});
    EXPECT_EQ(partly.code, 0) << partly.out;
    EXPECT_NE(partly.err.find("--max-files"), std::string::npos) << partly.err;
    const auto down = prune({"--keep", "0.001s"}, no_engine);
    EXPECT_EQ(down.code, 3) << down.out;
    EXPECT_NE(down.err.find("live log directories are not looked at: "), std::string::npos) << down.err;
    EXPECT_EQ(saved("web/web-1"), all);

    const auto dry = prune_json({"--keep", "0.001s", "--dry-run"});
    const auto done = prune_json({"--keep", "0.001s"});
    EXPECT_EQ(done["pruned"], dry["pruned"]);
    ASSERT_EQ(done["pruned"].size(), 2U) << done;
    EXPECT_EQ(saved("web/web-1"), (Names{"app.log", "old.log", "d/e.log"}));
    for (const char* name : {"app.log", "old.log", "d/e.log"})
        EXPECT_EQ(read_file(backup / "web/web-1" / name), engine.cat(id, std::string("/opt/logs/") + name));

    // As a volume looks that is not mounted.
    engine.exec(id, "rm -r /opt/logs/*");
    EXPECT_EQ(prune_json({"--keep", "0.001s"})["pruned"].size(), 0U);
    EXPECT_EQ(saved("web/web-1").size(), 3U);
}

TEST_P(PruneRuns, ARunDeletesWhatALiveSourceHasNoLonger) {
    const auto id = engine.start({"web", "web-1"});
    engine.exec(id, "cd /opt/logs; echo one > app.log; echo two > gone.log; mkdir d; echo a > d/a.log");
    expect_clean(run_once());
    engine.exec(id, "cd /opt/logs; echo x > app.log; rm gone.log");
    expect_clean(run_once());
    ASSERT_EQ(saved("web/web-1").size(), 4U);
    set_clock();
    EXPECT_EQ(run_once({"--keep", "0.001s", "--max-files", "2"}).code, 0);
    EXPECT_EQ(saved("web/web-1").size(), 4U) << "not all of it could be looked at";
    set_clock();
    const auto result = run_once({"--keep", "0.001s"});
    EXPECT_EQ(result.code, 0) << result.err;
    EXPECT_NE(result.err.find("0 ended log directories, 2 files of live ones deleted"), std::string::npos)
        << result.err;
    EXPECT_EQ(saved("web/web-1"), (Names{"app.log", "d/a.log"}));
}

TEST_P(PruneRuns, ARunDeletesVanishedFilesHoweverManyThereAre) {
    const auto id = engine.start({"web", "web-1"});
    engine.exec(id, "cd /opt/logs; echo gone > gone.log; for i in $(seq 5100); do echo $i > f$i; done");
    expect_clean(run_once());
    engine.exec(id, "rm /opt/logs/gone.log");
    expect_clean(run_once());
    ASSERT_EQ(saved("web/web-1").size(), 5101U);
    set_clock();
    EXPECT_EQ(run_once({"--keep", "0.001s"}).code, 0);
    EXPECT_EQ(saved("web/web-1").size(), 5100U);
    EXPECT_FALSE(fs::exists(backup / "web/web-1/gone.log"));
}

TEST_P(PruneRuns, ADryRunListsTheVanishedFilesThatARunWouldDelete) {
    const auto id = engine.start({"web", "web-1"});
    engine.exec(id, "cd /opt/logs; echo one > app.log; echo two > gone.log");
    expect_clean(run_once());
    engine.exec(id, "rm /opt/logs/gone.log");
    set_clock();
    const auto before = state();
    const auto dry = run_once({"--keep", "0.001s", "--dry-run", "--json"});
    EXPECT_EQ(dry.code, 0) << dry.err;
    const auto pruned = Json::parse(dry.out)["pruned"];
    ASSERT_EQ(pruned.size(), 1U) << dry.out;
    EXPECT_EQ(pruned[0]["path"], "gone.log");
    EXPECT_EQ(state(), before);
}

TEST_P(PruneRuns, ARunDeletesVanishedFilesBesideALargeTransfer) {
    const auto id = engine.start({"web", "web-1"});
    engine.exec(id, "cd /opt/logs; echo one > app.log; echo two > gone.log");
    const auto large = engine.start({"web", "web-2"});
    expect_clean(run_once());
    engine.exec(id, "rm /opt/logs/gone.log");
    expect_clean(run_once());
    engine.exec(large, "head -c 70000000 /dev/zero | tr '\\0' x > /opt/logs/large.log");
    set_clock();
    EXPECT_EQ(run_once({"--keep", "0.001s"}).code, 0);
    EXPECT_EQ(saved("web/web-1"), Names{"app.log"});
}

TEST_P(PruneRuns, NeedsNoEngineForWhatHasEnded) {
    end("job-1", 31 * day);
    set_clock();
    expect_clean(prune({"--keep", "30d"}, no_engine));
    EXPECT_EQ(saved(), Names{});
}

TEST_P(PruneRuns, MakesTheBackupFit) {
    const std::string text(40'000, 'x');
    engine.exec(engine.start({"web", "web-1"}), "echo x > /opt/logs/app.log");
    end("job-1", 2 * day, text);
    end("job-2", 3 * day, text);
    end("job-3", 1 * day, text);
    end("job-4", 12h, text);
    set_clock();
    EXPECT_EQ(prune_json({"--max-size", "1G"})["pruned"].size(), 0U);
    const auto one = prune_json({"--max-size", "150K"});
    ASSERT_EQ(one["pruned"].size(), 1U) << one;
    EXPECT_EQ(one["pruned"][0]["instance"], "job-2");
    EXPECT_EQ(one["pruned"][0]["reason"], "max-size");
    const Names left{"web/web-1/app.log", "job/job-1/app.log", "job/job-3/app.log", "job/job-4/app.log"};
    const auto too_large = prune({"--max-size", "40K"});
    EXPECT_EQ(too_large.code, 3);
    EXPECT_NE(too_large.err.find("more than --max-size"), std::string::npos) << too_large.err;
    EXPECT_EQ(saved(), left) << "the youngest may not go, so the others would go in vain";
    set_clock();
    const auto in_run = run_once({"--max-size", "40K"});
    EXPECT_EQ(in_run.code, 3);
    EXPECT_NE(in_run.err.find("error: the backup takes "), std::string::npos) << in_run.err;
    EXPECT_EQ(saved(), left);
}

TEST_P(PruneRuns, OneContainerThatFloodsDoesNotEraseTheOthers) {
    for (const char* pod : {"job-1", "job-2", "job-3"})
        end(pod, 5 * day);
    engine.exec(engine.start({"web", "web-1"}), "head -c 1000000 /dev/urandom > /opt/logs/flood.log");
    set_clock();
    const auto result = run_once({"--max-size", "500K"});
    EXPECT_EQ(result.code, 3) << result.err;
    EXPECT_EQ(saved("job").size(), 3U);
}

/// A docker client that is told what to list, in front of the real one.
TEST_P(PruneRuns, AnEngineThatListsNothingEndsAndDeletesNothing) {
    for (const char* pod : {"web-1", "web-2", "web-3"})
        engine.exec(engine.start({"web", pod}), "echo " + std::string(20'000, 'x') + " > /opt/logs/app.log");
    end("job-1", 31 * day, std::string(40'000, 'x'));
    const Names all = saved();
    const auto docker =
        write_script(scratch.path() / "docker", "[ \"$1\" = inspect ] && echo '[]'\nexit 0\n");
    set_clock();
    for (int run = 0; run < 5; ++run) {
        const auto quiet =
            run_once({"--quiet", "--keep", "30d", "--max-size", "1K", "--docker", docker.string()});
        EXPECT_EQ(quiet.code, 3);
        EXPECT_NE(quiet.err.find("docker lists no container, but 3 log directories are live"),
                  std::string::npos)
            << quiet.err;
    }
    EXPECT_EQ(run_once({"--quiet", "--max-size", "1K", "--docker", docker.string()}).code, 3)
        << "their layers are still on this host";
    EXPECT_EQ(saved(), all);
    EXPECT_EQ(sh("ls '" + (backup / ".logbackup/live/web").string() + "'"), "web-1\nweb-2\nweb-3\n");
    expect_clean(run_once());
    expect_clean(prune({"--keep", "30d"}));
    EXPECT_EQ(saved("job"), Names{});
}

TEST_P(PruneRuns, OneRunDeletesNothingAfterTheClockJumped) {
    engine.start({"web", "web-1"});
    end("job-1", 2 * day);
    const std::string said = "nothing is deleted in this run: ";
    for (const std::chrono::nanoseconds ago : {10 * 365 * day, -365 * day, 25 * 1h}) {
        set_clock(ago);
        const auto before = state();
        const auto dry = prune({"--keep", "30h", "--dry-run"});
        EXPECT_NE(run_once({"--keep", "30h", "--dry-run"}).err.find("info: " + said), std::string::npos);
        EXPECT_EQ(state(), before);
        const auto refused = prune({"--keep", "30h"});
        EXPECT_EQ(refused.code, 1);
        EXPECT_NE(refused.err.find(said), std::string::npos) << refused.err;
        EXPECT_NE(refused.err.find("\nhint: "), std::string::npos) << refused.err;
        EXPECT_EQ(dry.code, refused.code);
        EXPECT_NE(dry.err.find(said), std::string::npos) << dry.err;

        set_clock(ago);
        const auto jump = run_once({"--keep", "30h"});
        EXPECT_EQ(jump.code, 0);
        EXPECT_NE(jump.err.find("info: " + said), std::string::npos) << jump.err;
        EXPECT_EQ(saved(), Names{"job/job-1/app.log"});
        EXPECT_EQ(prune_json({"--keep", "30h", "--dry-run"})["pruned"].size(), 1U) << "the next run may";
    }
    fs::remove(clock);
    const auto first = run_once({"--keep", "30h"});
    EXPECT_NE(first.err.find("info: " + said), std::string::npos) << first.err;
    EXPECT_EQ(saved(), Names{"job/job-1/app.log"});
    expect_clean(run_once({"--keep", "30h", "--quiet"}));
    EXPECT_EQ(saved(), Names{});
}

TEST_P(PruneRuns, WaitsForNobodyAndNeedsABackup) {
    EXPECT_EQ(prune({"--keep", "1d"}).code, 1);
    EXPECT_FALSE(fs::exists(backup));
    end("job-1", 31 * day);
    set_clock();
    for (const bool dry : {false, true}) {
        auto locked = command({"prune", "--keep", "30d"});
        if (dry)
            locked.emplace_back("--dry-run");
        locked.insert(locked.begin(), {"flock", "--nonblock", (backup / ".logbackup/lock").string()});
        EXPECT_EQ(run(locked).code, dry ? 0 : 75);
    }
    EXPECT_EQ(prune({}).code, 2);
    EXPECT_EQ(saved(), Names{"job/job-1/app.log"});
}

TEST_P(PruneRuns, LinksInTheBackupLeadNowhere) {
    write_file(scratch.path() / "outside/precious", "precious");
    end("job-1", 31 * day);
    fs::create_directory_symlink(scratch.path() / "outside", backup / "job/job-1/out");
    fs::create_symlink(scratch.path() / "outside/precious", backup / "job/job-1/precious");
    set_clock();
    expect_clean(prune({"--keep", "30d"}));
    EXPECT_FALSE(fs::exists(backup / "job"));
    EXPECT_EQ(read_file(scratch.path() / "outside/precious"), "precious");
}

MOUNTED_ONLY(PruneKilled);

TEST_P(PruneKilled, IsFinishedByTheNextRun) {
    ASSERT_NE(logbackup::find_program("strace"), "");
    engine.start({"web", "web-1"});
    end("job-1", 31 * day);
    write_file(backup / "job/job-1/d/other.log", "other");
    write_file(backup / "job/job-1/another.log", "another");
    const auto whole = saved();
    const auto original = scratch.path() / "original";
    fs::rename(backup, original);
    int kills = 0;
    for (const std::string call : {"mkdirat", "renameat2", "unlinkat"}) {
        bool killed = true;
        for (int n = 1; killed && !HasFailure(); ++n)
            for (const bool by_run : {false, true}) {
                SCOPED_TRACE(call + " " + std::to_string(n) + (by_run ? ", then a run" : ""));
                sh("rm -rf '" + backup.string() + "'; cp -a '" + original.string() + "' '" + backup.string() +
                   "'");
                set_clock();
                killed = kill_at(call, n);
                kills += killed ? 1 : 0;
                // With a record it is whole; without one nothing of it is left under its name.
                const auto listed =
                    Json::parse(run_once({"list", "--json", "--service", "job"}).out, nullptr, false);
                const bool known = listed.is_object() && !listed["instances"].empty();
                EXPECT_EQ(saved(), known ? whole : Names{}) << listed;
                if (known) {
                    EXPECT_EQ(listed["instances"][0]["coverage"], "complete");
                }
                expect_clean(by_run ? run_once() : prune({"--keep", "300d"})); // goes on, and begins nothing
                EXPECT_EQ(saved(), known ? whole : Names{});
                EXPECT_EQ(fs::exists(backup / "job"), known);
                EXPECT_EQ(fs::exists(backup / ".logbackup/ended/job"), known);
                EXPECT_FALSE(fs::exists(backup / ".logbackup/pruning"));
            }
    }
    EXPECT_GT(kills, 20);
}
