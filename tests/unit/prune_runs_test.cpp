// SPDX-License-Identifier: MIT
#include "program_node.hpp"

#include "in_private_mounts.hpp"
#include "util/lock_file.hpp"

#include <gtest/gtest.h>

namespace logbackup {
namespace {

using namespace std::chrono_literals;
using test::expect_clean;
using test::ProgramEnd;
using test::says;
using Json = nlohmann::json;

/// What is deleted on purpose, and what never is: runs of the program.
class PruneRuns : public test::ProgramNode {
  protected:
    static constexpr auto day = 24h;

    /// A container that was saved and is gone since.
    void end(const std::string& pod, std::chrono::nanoseconds ago, const std::string& text = "a line") {
        const auto id = start("job", pod);
        write(id, "/opt/logs/app.log", text + "\n");
        kill(id);
        expect_clean(run_once());
        remove(id);
        expect_clean(run_once());
        age("job/" + pod, ago);
    }
    std::string in_source(const std::string& id, const std::string& name) const {
        return dir.read(below(id, "/opt/logs/" + name));
    }
};

TEST_F(PruneRuns, DeletesWhatEndedLongAgoAndWhatItSaidItWould) {
    const auto live = start("web", "web-1");
    write(live, "/opt/logs/app.log", "x\n");
    end("job-1", 31 * day);
    end("job-2", 29 * day);
    set_clock();
    const auto before = test::state_of(backup);
    const auto dry = prune_json({"--keep", "30d", "--dry-run"});
    EXPECT_EQ(test::state_of(backup), before);
    ASSERT_EQ(dry["pruned"].size(), 1U) << dry;
    EXPECT_EQ(dry["pruned"][0]["instance"], "job-1");
    EXPECT_EQ(dry["pruned"][0]["what"], "log directory");
    const auto table = prune({"--keep", "30d", "-n"});
    expect_clean(table);
    EXPECT_TRUE(table.out.starts_with("SERVICE  INSTANCE  ENDED (UTC) ")) << table.out;

    const auto done = prune_json({"--keep", "30d", "--log-file", dir.at("log")});
    EXPECT_EQ(done["pruned"], dry["pruned"]);
    EXPECT_EQ(done["disk_bytes"], dry["disk_bytes"]);
    EXPECT_EQ(saved(), (Names{"web/web-1/app.log", "job/job-2/app.log"}));
    EXPECT_FALSE(has_record("ended/job/job-1"));
    EXPECT_NE(dir.read("log").find("deleted: 'job/job-1', ended "), std::string::npos);

    const auto quiet = prune({"--keep", "30d", "--quiet"});
    expect_clean(quiet);
    EXPECT_EQ(quiet.out, "");
    EXPECT_EQ(prune_json({"--keep", "1d", "--service", "web"})["pruned"].size(), 0U);
    EXPECT_EQ(prune_json({"--keep", "1d", "--service", "job"})["pruned"].size(), 1U);
    EXPECT_EQ(saved(), Names{"web/web-1/app.log"});
    EXPECT_FALSE(has("job"));
    expect_clean(run_once());
    EXPECT_EQ(content("web/web-1/app.log"), "x\n");
}

TEST_F(PruneRuns, ARunPrunesOnceAnHour) {
    end("job-1", 31 * day);
    start("web", "web-1");
    set_clock();
    expect_clean(run_once());
    EXPECT_TRUE(has("job/job-1")) << "by default no log directory is deleted";
    const auto dry = run_once({"--keep", "30d", "--dry-run"});
    EXPECT_TRUE(says(dry, "dry run: 1 ended log directory would be deleted")) << dry.err;
    EXPECT_TRUE(has("job/job-1"));

    const auto first = run_once({"--keep", "30d", "--json"});
    EXPECT_EQ(first.code, 0);
    EXPECT_EQ(Json::parse(first.out)["pruned"].size(), 1U) << first.out;
    EXPECT_TRUE(says(first, "1 ended log directory deleted")) << first.err;
    EXPECT_FALSE(has("job"));

    remove_all();
    start("web", "web-1");
    end("job-2", 31 * day);
    expect_clean(run_once({"--keep", "30d"}));
    EXPECT_TRUE(has("job/job-2")) << "it is no hour since";
    set_clock();
    const auto quiet = run_once({"--keep", "30d", "--quiet"});
    expect_clean(quiet);
    EXPECT_EQ(quiet.out, "");
    EXPECT_FALSE(has("job"));
}

TEST_F(PruneRuns, FilesThatALiveSourceStillHasAreNeverDeleted) {
    const auto id = start("web", "web-1");
    in(id, "/opt/logs", "mkdir d; for f in app.log old.log d/gone.log d/e.log; do echo $f > $f; done");
    expect_clean(run_once());
    in(id, "/opt/logs", "echo x > app.log; rm d/gone.log; touch -d 1999-01-01 app.log");
    expect_clean(run_once());
    const Names all = saved("web/web-1");
    ASSERT_EQ(all.size(), 5U);
    set_clock();
    EXPECT_EQ(prune_json({"--keep", "1h"})["pruned"].size(), 0U) << "they changed just now";

    // Not all of it can be looked at.
    const auto partly = prune({"--keep", "0.001s", "--max-files", "2"});
    EXPECT_EQ(partly.code, 0) << partly.out;
    EXPECT_TRUE(says(partly, "--max-files")) << partly.err;
    const auto down = prune({"--keep", "0.001s", "--docker", no_engine});
    EXPECT_EQ(down.code, 3) << down.out;
    EXPECT_TRUE(says(down, "live log directories are not looked at: ")) << down.err;
    EXPECT_EQ(saved("web/web-1"), all);

    const auto dry = prune_json({"--keep", "0.001s", "--dry-run"});
    const auto done = prune_json({"--keep", "0.001s"});
    EXPECT_EQ(done["pruned"], dry["pruned"]);
    ASSERT_EQ(done["pruned"].size(), 2U) << done;
    EXPECT_EQ(saved("web/web-1"), (Names{"app.log", "old.log", "d/e.log"}));
    for (const std::string name : {"app.log", "old.log", "d/e.log"})
        EXPECT_EQ(content("web/web-1/" + name), in_source(id, name));

    // As a volume looks that is not mounted.
    in(id, "/opt/logs", "rm -r ./*");
    EXPECT_EQ(prune_json({"--keep", "0.001s"})["pruned"].size(), 0U);
    EXPECT_EQ(saved("web/web-1").size(), 3U);
}

TEST_F(PruneRuns, ARunDeletesVanishedFilesHoweverManyThereAre) {
    test::in_private_mounts([&] {
        dir.make_directory("backup");
        test::mount_tmpfs(backup, "mode=0750"); // which writes them in a quarter of the time
        const auto id = start("web", "web-1");
        in(id, "/opt/logs", "echo gone > gone.log; for i in $(seq 5100); do echo $i > f$i; done");
        expect_clean(run_once());
        in(id, "/opt/logs", "rm gone.log");
        expect_clean(run_once());
        ASSERT_EQ(saved("web/web-1").size(), 5101U);
        set_clock();
        EXPECT_EQ(run_once({"--keep", "0.001s"}).code, 0);
        EXPECT_EQ(saved("web/web-1").size(), 5100U);
        EXPECT_FALSE(has("web/web-1/gone.log"));
    });
}

TEST_F(PruneRuns, ADryRunListsTheVanishedFilesThatARunWouldDelete) {
    const auto id = start("web", "web-1");
    in(id, "/opt/logs", "echo one > app.log; echo two > gone.log");
    expect_clean(run_once());
    in(id, "/opt/logs", "rm gone.log");
    set_clock();
    const auto before = test::state_of(backup);
    const auto dry = run_once({"--keep", "0.001s", "--dry-run", "--json"});
    EXPECT_EQ(dry.code, 0) << dry.err;
    const auto pruned = Json::parse(dry.out)["pruned"];
    ASSERT_EQ(pruned.size(), 1U) << dry.out;
    EXPECT_EQ(pruned[0]["path"], "gone.log");
    EXPECT_EQ(test::state_of(backup), before);
}

TEST_F(PruneRuns, ARunDeletesVanishedFilesBesideALargeTransfer) {
    const auto id = start("web", "web-1");
    in(id, "/opt/logs", "echo one > app.log; echo two > gone.log");
    const auto large = start("web", "web-2");
    expect_clean(run_once());
    in(id, "/opt/logs", "rm gone.log");
    expect_clean(run_once());
    write(large, "/opt/logs/large.log", std::string(70'000'000, 'x'));
    set_clock();
    EXPECT_EQ(run_once({"--keep", "0.001s"}).code, 0);
    EXPECT_EQ(saved("web/web-1"), Names{"app.log"});
}

TEST_F(PruneRuns, NeedsNoEngineForWhatHasEnded) {
    end("job-1", 31 * day);
    set_clock();
    expect_clean(prune({"--keep", "30d", "--docker", no_engine}));
    EXPECT_EQ(saved(), Names{});
}

TEST_F(PruneRuns, MakesTheBackupFit) {
    const std::string text(40'000, 'x');
    write(start("web", "web-1"), "/opt/logs/app.log", "x\n");
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
    EXPECT_TRUE(says(too_large, "more than --max-size")) << too_large.err;
    EXPECT_EQ(saved(), left) << "the youngest may not go, so the others would go in vain";
    set_clock();
    const auto in_run = run_once({"--max-size", "40K"});
    EXPECT_EQ(in_run.code, 3);
    EXPECT_TRUE(says(in_run, "error: the backup takes ")) << in_run.err;
    EXPECT_EQ(saved(), left);
}

TEST_F(PruneRuns, OneContainerThatFloodsDoesNotEraseTheOthers) {
    for (const char* pod : {"job-1", "job-2", "job-3"})
        end(pod, 5 * day);
    in(start("web", "web-1"), "/opt/logs", "head -c 1000000 /dev/urandom > flood.log");
    set_clock();
    const auto result = run_once({"--max-size", "500K"});
    EXPECT_EQ(result.code, 3) << result.err;
    EXPECT_EQ(saved("job").size(), 3U);
}

TEST_F(PruneRuns, AnEngineThatListsNothingEndsAndDeletesNothing) {
    for (const char* pod : {"web-1", "web-2", "web-3"})
        write(start("web", pod), "/opt/logs/app.log", std::string(20'000, 'x') + "\n");
    end("job-1", 31 * day, std::string(40'000, 'x'));
    const Names all = saved();
    const auto nothing =
        dir.write_program("nothing", "#!/bin/sh\n[ \"$1\" = inspect ] && echo '[]'\nexit 0\n");
    set_clock();
    for (int run = 0; run < 5; ++run) {
        const auto quiet = run_once({"--quiet", "--keep", "30d", "--max-size", "1K", "--docker", nothing});
        EXPECT_EQ(quiet.code, 3);
        if (run == 0)
            EXPECT_TRUE(says(quiet, "docker lists no container, but 3 log directories are live"))
                << quiet.err;
        else
            EXPECT_EQ(quiet.err, "") << "it was said";
    }
    EXPECT_EQ(run_once({"--quiet", "--max-size", "1K", "--docker", nothing}).code, 3)
        << "their layers are still on this host";
    EXPECT_EQ(saved(), all);
    EXPECT_EQ(saved(".logbackup/live/web"), (Names{"web-1", "web-2", "web-3"}));
    expect_clean(run_once());
    expect_clean(prune({"--keep", "30d"}));
    EXPECT_EQ(saved("job"), Names{});
}

TEST_F(PruneRuns, OneRunDeletesNothingAfterTheClockJumped) {
    start("web", "web-1");
    end("job-1", 2 * day);
    const std::string said = "nothing is deleted in this run: ";
    for (const std::chrono::nanoseconds ago : {10 * 365 * day, -365 * day, 25 * 1h}) {
        set_clock(ago);
        const auto before = test::state_of(backup);
        const auto dry = prune({"--keep", "30h", "--dry-run"});
        EXPECT_TRUE(says(run_once({"--keep", "30h", "--dry-run"}), "info: " + said));
        EXPECT_EQ(test::state_of(backup), before);
        const auto refused = prune({"--keep", "30h"});
        EXPECT_EQ(refused.code, 1);
        EXPECT_TRUE(says(refused, said)) << refused.err;
        EXPECT_TRUE(says(refused, "\nhint: ")) << refused.err;
        EXPECT_EQ(dry.code, refused.code);
        EXPECT_TRUE(says(dry, said)) << dry.err;

        set_clock(ago);
        const auto jump = run_once({"--keep", "30h"});
        EXPECT_EQ(jump.code, 0);
        EXPECT_TRUE(says(jump, "info: " + said)) << jump.err;
        EXPECT_EQ(saved(), Names{"job/job-1/app.log"});
        EXPECT_EQ(prune_json({"--keep", "30h", "--dry-run"})["pruned"].size(), 1U) << "the next run may";
    }
    std::filesystem::remove(backup + "/.logbackup/clock");
    const auto first = run_once({"--keep", "30h"});
    EXPECT_TRUE(says(first, "info: " + said)) << first.err;
    EXPECT_EQ(saved(), Names{"job/job-1/app.log"});
    expect_clean(run_once({"--keep", "30h", "--quiet"}));
    EXPECT_EQ(saved(), Names{});
}

TEST_F(PruneRuns, WaitsForNobodyAndNeedsABackup) {
    EXPECT_EQ(prune({"--keep", "1d"}).code, 1);
    EXPECT_FALSE(dir.has("backup"));
    end("job-1", 31 * day);
    set_clock();
    {
        const auto lock = LockFile::try_acquire(test::open_path(backup + "/.logbackup").get(), "lock");
        ASSERT_TRUE(lock);
        EXPECT_EQ(prune({"--keep", "30d"}).code, 75);
        EXPECT_EQ(prune({"--keep", "30d", "--dry-run"}).code, 0);
    }
    EXPECT_EQ(prune({}).code, 2);
    EXPECT_EQ(saved(), Names{"job/job-1/app.log"});
}

} // namespace
} // namespace logbackup
