// SPDX-License-Identifier: MIT
#include "support.hpp"

#include "util/process.hpp"
#include "util/text.hpp"

#include <nlohmann/json.hpp>

#include <signal.h>

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
    /// Makes the last run now, and none look for something to delete.
    void set_clock() { write_file(backup / ".logbackup/clock", ""); }
    /// Makes the record of an ended log directory as old as it is to be.
    void age(const std::string& instance, std::chrono::nanoseconds by) {
        const auto path = backup / ".logbackup/ended" / instance;
        auto record = Json::parse(read_file(path));
        for (const char* name : {"ended", "finished", "saved_until"})
            record[name] = rfc3339(now() - by);
        write_file(path, record.dump());
    }
    /// A container that was saved and is gone since.
    void end(const std::string& pod, std::chrono::nanoseconds ago) {
        const auto id = engine.start({"job", pod, {}, "echo a line > /opt/logs/app.log"});
        engine.wait(id);
        expect_clean(run_once());
        engine.remove(id);
        expect_clean(run_once());
        age("job/" + pod, ago);
    }
    Result prune(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), "prune");
        return run_once(arguments);
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

TEST_P(PruneRuns, ARunDeletesWhatEndedLongAgoAndWhatALiveSourceHasNoLonger) {
    const auto id = engine.start({"web", "web-1"});
    engine.exec(id, "cd /opt/logs; echo one > app.log; echo two > gone.log; mkdir d; echo a > d/a.log");
    end("job-1", 29 * day);
    engine.exec(id, "cd /opt/logs; echo x > app.log; rm gone.log");
    expect_clean(run_once());
    ASSERT_EQ(saved("web/web-1").size(), 4U);
    set_clock();
    EXPECT_EQ(prune_json({"--keep", "30d"})["pruned"].size(), 0U);
    age("job/job-1", 31 * day);
    const auto dry = prune_json({"--keep", "30d", "--dry-run"});
    ASSERT_EQ(dry["pruned"].size(), 1U) << dry;
    EXPECT_EQ(dry["pruned"][0]["instance"], "job-1");
    EXPECT_TRUE(fs::exists(backup / "job/job-1"));
    EXPECT_EQ(prune_json({"--keep", "30d"})["pruned"], dry["pruned"]);
    EXPECT_FALSE(fs::exists(backup / "job"));
    EXPECT_FALSE(fs::exists(backup / ".logbackup/ended/job"));
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

MOUNTED_ONLY(PruneKilled);

TEST_P(PruneKilled, IsFinishedByTheNextRun) {
    ASSERT_NE(logbackup::find_program("strace"), "");
    engine.start({"web", "web-1"});
    end("job-1", 31 * day);
    record_answers();
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
