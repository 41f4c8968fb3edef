// SPDX-License-Identifier: MIT
#include "rsync_after.hpp"
#include "support.hpp"

#include "util/files.hpp"
#include "util/unique_fd.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <numeric>
#include <sstream>
#include <vector>

using namespace e2e;
using logbackup::UniqueFd;

/// One container does its worst. Another one is saved in the same run, and what was left out is reported.
class Limits : public BothWays {
  protected:
    const std::string innocent_log = log_text(100'000);
    std::string bad;
    fs::path bad_logs; ///< as the container shows it

    void SetUp() override {
        BothWays::SetUp();
        bad = engine.share_empty({"bad", "bad-1"});
        std::string pid = engine.docker({"inspect", "--format", "{{.State.Pid}}", bad});
        pid.pop_back();
        bad_logs = "/proc/" + pid + "/root/opt/logs";
        for (const auto* name : {"a-good", "z-good"}) { // rsync goes by name
            const auto [id, is_new] = engine.share({name, "pod"});
            if (!is_new)
                continue;
            write_file(scratch.path() / "log", innocent_log);
            engine.docker({"cp", (scratch.path() / "log").string(), id + ":/opt/logs/app.log"});
        }
    }

    void in_logs(const std::string& script) { engine.exec(bad, "cd /opt/logs; " + script); }
    Tree saved() { return tree_of(backup / "bad/bad-1"); }
    fs::path in_backup(const std::string& name) { return backup / "bad/bad-1" / name; }

    Result bounded_run(std::vector<std::string> arguments) {
        arguments.insert(arguments.end(), {"--max-duration", "60s", "--min-free", "0"});
        const Result result = run_once(arguments);
        EXPECT_EQ(result.err.find("stopped by"), std::string::npos) << result.err;
        for (const auto* name : {"a-good", "z-good"}) {
            const auto path = backup / name / "pod/app.log";
            EXPECT_TRUE(fs::exists(path) && read_file(path) == innocent_log) << name << result.err;
        }
        return result;
    }
    /// A run that reports the bad container for this reason, once, and no other. It is no failure: nobody can
    /// mend it.
    void expect_reported(const std::string& reason, const std::vector<std::string>& arguments) {
        const Result result = bounded_run(arguments);
        EXPECT_EQ(result.code, 0) << result.out << result.err;
        const auto at = result.err.find(reason);
        EXPECT_NE(at, std::string::npos) << result.err;
        EXPECT_EQ(result.err.find(reason, at + 1), std::string::npos) << result.err;
        EXPECT_EQ(result.err.find("-good"), std::string::npos) << result.err;
    }
    std::string coverage() {
        const auto list = run({LOGBACKUP_BINARY, "list", "--dest", backup.string(), "--service", "bad"});
        for (const auto* word : {"complete", "live"})
            if (list.out.find(std::string(" ") + word) != std::string::npos)
                return word;
        return list.out + list.err;
    }
    std::uint64_t on_disk(const std::string& name) {
        struct stat status {};
        EXPECT_EQ(::stat(in_backup(name).c_str(), &status), 0) << name;
        return static_cast<std::uint64_t>(status.st_blocks) * 512;
    }
};
IN_BOTH_WAYS(Limits);

TEST_P(Limits, MoreFilesThanAreLookedAt) {
    in_logs("mkdir m; for i in $(seq 50); do echo $i > m/$i; done");
    expect_clean(bounded_run({"--max-files", "100"}));
    in_logs("for i in $(seq 300); do echo $i > a$i; echo $i > z$i; done; for i in $(seq 50); do echo more >> "
            "m/$i; done");
    for (int i = 0; i < 2; ++i)
        expect_reported("more than 100 files and directories", {"--max-files", "100"});
    EXPECT_EQ(saved().size(), 100U);
    for (int i = 1; i <= 50; ++i) // what was saved goes on being saved
        EXPECT_EQ(saved().at("m/" + std::to_string(i)), std::to_string(i) + "\nmore\n");
    expect_clean(bounded_run({}));
    EXPECT_EQ(saved().size(), 651U);
}

TEST_P(Limits, WhatIsNotListedIsNotTakenForDeleted) {
    in_logs("mkdir -p d/e/f; seq 1000 > d/e/old.log");
    expect_clean(bounded_run({}));
    in_logs("(seq 1000; echo more) > new.log");
    expect_reported("levels of directories", {"--max-depth", "1"});
    EXPECT_TRUE(saved().contains("d/e/old.log"));
    EXPECT_EQ(saved().at("new.log"), engine.cat(bad, "/opt/logs/new.log"));
    in_logs("(seq 1000; echo more; echo most) > newer.log; rm d/e/old.log");
    expect_reported("levels of directories", {"--max-depth", "1"});
    EXPECT_FALSE(saved().contains("d/e/old.log")) << "this time it was renamed";
    EXPECT_EQ(saved().at("newer.log"), engine.cat(bad, "/opt/logs/newer.log"));
}

TEST_P(Limits, TenThousandLevelsAndPathsThatAreTooLong) {
    engine.remove(bad); // a tmpfs is quick to remove
    bad_logs = scratch.path() / "logs";
    fs::create_directories(bad_logs);
    sh("mount -t tmpfs tmpfs '" + bad_logs.string() + "'");
    bad = engine.start({"bad", "bad-1", {"--volume", bad_logs.string() + ":/opt/logs"}});
    UniqueFd deepest(::open(bad_logs.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    for (int i = 0; i < 10'000; ++i) {
        ASSERT_EQ(::mkdirat(deepest.get(), "d", 0755), 0);
        deepest = UniqueFd(::openat(deepest.get(), "d", O_PATH | O_DIRECTORY | O_CLOEXEC));
    }
    const std::string name(255, 'n');
    deepest = UniqueFd(::open(bad_logs.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    for (int i = 0; i < 50; ++i) {
        ASSERT_EQ(::mkdirat(deepest.get(), name.c_str(), 0755), 0);
        deepest = UniqueFd(::openat(deepest.get(), name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    }
    in_logs("echo x > app.log");
    expect_reported("more than 100 levels of directories", {});
    expect_reported("its path has more than 3500 bytes", {});
    EXPECT_EQ(saved(), (Tree{{"app.log", "x\n"}}));
}

TEST_P(Limits, AFileThatIsTooLarge) {
    write_file(bad_logs / "big.log", log_text(3'000'000));
    write_file(bad_logs / "small.log", "small\n");
    for (int i = 0; i < 2; ++i) {
        expect_reported(
            "'bad/bad-1: big.log': it has 2.9 MiB, of which only 1.0 MiB are saved (--max-file-size)",
            {"--max-file-size", "1M"});
        EXPECT_EQ(read_file(in_backup("big.log")), log_text(3'000'000).substr(0, 1U << 20U));
        EXPECT_EQ(read_file(in_backup("small.log")), "small\n");
    }
    engine.kill(bad);
    for (int i = 0; i < 2; ++i) {
        expect_reported("--max-file-size", {"--max-file-size", "1M"});
        EXPECT_EQ(coverage(), "live") << "not all of it is saved";
    }
    expect_clean(bounded_run({"--max-file-size", "0"}));
    EXPECT_EQ(read_file(in_backup("big.log")), log_text(3'000'000));
    expect_clean(bounded_run({"--max-file-size", "0"}));
    EXPECT_EQ(coverage(), "complete");
}

TEST_P(Limits, MoreBytesThanOneRunSaves) {
    write_file(bad_logs / "a-big.log", log_text(2'500'000, 1));
    for (unsigned i = 0; i < 5; ++i)
        write_file(bad_logs / ("small" + std::to_string(i)), log_text(10'000, i));
    engine.kill(bad);
    std::uint64_t before = 0;
    for (int i = 0; i < 2; ++i) {
        expect_reported("wait for the next run (--max-bytes)", {"--max-bytes", "1M"});
        const Tree tree = saved();
        const auto bytes =
            std::accumulate(tree.begin(), tree.end(), std::uint64_t{0},
                            [](auto sum, const auto& file) { return sum + file.second.size(); });
        EXPECT_EQ(bytes - before, 1U << 20U);
        before = bytes;
        for (unsigned n = 0; n < 5; ++n)
            EXPECT_EQ(tree.at("small" + std::to_string(n)), log_text(10'000, n)) << "smaller files first";
        EXPECT_TRUE(log_text(2'500'000, 1).starts_with(tree.at("a-big.log")));
        EXPECT_EQ(coverage(), "live");
    }
    expect_clean(bounded_run({"--max-bytes", "1M"}));
    EXPECT_EQ(read_file(in_backup("a-big.log")), log_text(2'500'000, 1));
    expect_clean(bounded_run({"--max-bytes", "1M"}));
    EXPECT_EQ(coverage(), "complete");
}

TEST_P(Limits, SparseFilesOfATerabyte) {
    in_logs("truncate -s 1024G hole.log; echo begin > middle.log; truncate -s 1024G middle.log; echo end >> "
            "middle.log; truncate -s 1024G end.log; echo end >> end.log; echo begin > tail.log; truncate -s "
            "1024G "
            "tail.log");
    for (int i = 0; i < 3; ++i) {
        expect_clean(bounded_run({"--max-bytes", "10M"}));
        in_logs("touch hole.log middle.log end.log tail.log");
    }
    const auto expect_holes = [&] {
        EXPECT_EQ(fs::file_size(in_backup("hole.log")), 1ULL << 40U);
        EXPECT_EQ(fs::file_size(in_backup("tail.log")), 1ULL << 40U);
        EXPECT_EQ(fs::file_size(in_backup("end.log")), (1ULL << 40U) + 4);
        EXPECT_EQ(fs::file_size(in_backup("middle.log")), (1ULL << 40U) + 4) << "holes are free";
        for (const auto* name : {"hole.log", "end.log", "middle.log", "tail.log"})
            EXPECT_LT(on_disk(name), 100'000U) << name;
    };
    expect_holes();
    engine.kill(bad); // compared in full
    expect_clean(bounded_run({}));
    expect_holes();
    EXPECT_EQ(coverage(), "complete");
}

TEST_P(Limits, AFileThatIsMadeLongerAfterItWasPlanned) {
    write_file(bad_logs / "app.log", log_text(1'000'000));
    write_file(bad_logs / "other.log", log_text(50'000, 2));
    const RsyncAfter rsync(scratch.path() / "rsync", "echo x >> '" + (scratch.path() / "calls").string() +
                                                         "'; truncate -s 1024G " +
                                                         (bad_logs / "app.log").string());
    expect_clean(bounded_run({"--rsync", rsync.path()}));
    EXPECT_LE(fs::file_size(scratch.path() / "calls"), 6U) << "rsync was started too often";
    EXPECT_EQ(read_file(in_backup("other.log")), log_text(50'000, 2));
    EXPECT_EQ(fs::file_size(in_backup("app.log")), 1ULL << 40U);
    EXPECT_LT(on_disk("app.log"), 1'100'000U) << "what can still be filled is a hole";
    EXPECT_EQ(sh("head -c 1000000 '" + in_backup("app.log").string() + "'"), log_text(1'000'000));
}

TEST_P(Limits, NamesOfEveryByte) {
    std::string first;
    for (int byte = 255; byte > 0; --byte)
        if (byte != '/')
            first += static_cast<char>(byte);
    first += 'x';
    std::string second(first.rbegin(), first.rend());
    const std::string plain = "p" + first.substr(0, 254);
    const std::string compressed = "p" + first.substr(0, 251) + ".gz";
    ASSERT_EQ(first.size(), 255U);
    const std::string text = log_text(50'000);
    for (const auto& name : {first, plain})
        write_file(bad_logs / name, text);
    expect_clean(bounded_run({}));
    EXPECT_EQ(saved(), (Tree{{first, text}, {plain, text}}));

    fs::rename(bad_logs / first, bad_logs / second);
    append_file(bad_logs / second, "more\n");
    write_file(bad_logs / "gzip", text + "last\n");
    in_logs("gzip -c gzip > gz; rm gzip");
    fs::rename(bad_logs / "gz", bad_logs / compressed);
    fs::remove(bad_logs / plain);
    expect_clean(bounded_run({}));
    EXPECT_EQ(saved(), (Tree{{second, text + "more\n"}, {compressed, read_file(bad_logs / compressed)}}));

    write_file(bad_logs / second, "short\n");
    expect_clean(bounded_run({}));
    EXPECT_EQ(saved().at(second), "short\n");
    EXPECT_EQ(saved().size(), 3U) << "it was set aside";
}

TEST_P(Limits, WhatIsNoFileIsNeverOpened) {
    in_logs("mkfifo fifo app.gz; mknod zero c 1 5; mknod disk b 7 0; seq 1000 > app.log");
    for (int i = 0; i < 2; ++i) {
        expect_clean(bounded_run({}));
        EXPECT_EQ(saved(), (Tree{{"app.log", engine.cat(bad, "/opt/logs/app.log")}}));
    }
}

// Ten gigabytes each, behind a plain log that they seem to contain.
TEST_P(Limits, CompressedFilesThatAreBombs) {
    const auto good = engine.start({"good", "gz"});
    in_logs("head -c 1000000 /dev/zero | tr '\\0' x > app.log");
    engine.exec(good, "seq 1000 > /opt/logs/app.log");
    expect_clean(bounded_run({}));
    sh("cd " + bad_logs.string() +
       " && head -c 100M /dev/zero | tr '\\0' x | gzip -1 > one && for i in $(seq 100); do cat one; done > "
       "app.1.gz && "
       "rm one app.log && head -c 100000 /dev/urandom > garbage.xz && for i in $(seq 1000); do echo x > "
       "$i.zst; done");
    engine.exec(good, "cd /opt/logs; gzip -c app.log > app.log.gz; rm app.log");
    for (int i = 0; i < 2; ++i)
        expect_clean(bounded_run({}));
    EXPECT_TRUE(saved().contains("app.log")) << "it was not proved";
    EXPECT_EQ(tree_of(backup / "good/gz").size(), 1U) << "the other one was";
}

/// Whether others are saved, and how much of this one is, each time that rsync is called.
class LimitsOrder : public Limits {
  protected:
    std::vector<std::string> calls;
    void run_and_look(const std::string& meanwhile = "") {
        const auto log = scratch.path() / "calls";
        const RsyncAfter rsync(
            scratch.path() / "rsync",
            "cd '" + backup.string() +
                "'; [ -e a-good/pod/app.log ] && [ -e "
                "z-good/pod/app.log ] && g=saved; [ -e bad/bad-1/f1 ] && b=saved; echo \"good "
                "${g:-none}, bad ${b:-none}\" >> '" +
                log.string() + "'; " + meanwhile);
        const auto result = bounded_run({"--rsync", rsync.path()});
        EXPECT_EQ(result.code, 0) << result.err;
        std::istringstream lines(read_file(log));
        for (std::string line; std::getline(lines, line);)
            calls.push_back(line);
    }
};
MOUNTED_ONLY(LimitsOrder);

TEST_P(LimitsOrder, ManyNewFilesComeAfterAllOthers) {
    in_logs("for i in $(seq 1500); do : > f$i; echo x >> f$i; done");
    run_and_look();
    ASSERT_GE(calls.size(), 2U);
    EXPECT_EQ(calls[0], "good none, bad none");
    EXPECT_EQ(calls[1], "good saved, bad none");
    EXPECT_EQ(saved().size(), 1500U);
}

// More than is looked at before anything is saved.
TEST_P(LimitsOrder, ADirectoryThatTakesLongToPlanIsPlannedAfterAllOthersAreSaved) {
    in_logs("mkdir d; for i in $(seq 6000); do : > d/$i; done; echo x > f1");
    run_and_look("[ -n \"$g\" ] || echo y > " + (bad_logs / "f2").string());
    ASSERT_EQ(calls.size(), 2U);
    EXPECT_EQ(calls[1], "good saved, bad none");
    EXPECT_EQ(saved().size(), 6003U);
    EXPECT_EQ(saved().at("f2"), "y\n") << "it was listed when the others had been saved";
    in_logs("echo more >> f1; echo z > d/7");
    run_and_look();
    EXPECT_EQ(saved().at("f1"), "x\nmore\n");
    EXPECT_EQ(saved().at("d/7"), "z\n");
    engine.kill(bad);
    expect_clean(bounded_run({}));
    EXPECT_EQ(coverage(), "complete");
}

TEST_P(LimitsOrder, ALastPassThatIsPostponedComparesAllOfIt) {
    const std::string make = "truncate -s 69M f1; head -c 1048576 /dev/zero | tr '\\0' x >> f1";
    in_logs(make + "; echo x > f2");
    expect_clean(bounded_run({}));
    const std::string f1 = "'" + in_backup("f1").string() + "'";
    const std::string time =
        "'" + (scratch.path() / "time").string() + "'"; // damage that only a last pass sees
    sh("touch -r " + f1 + " " + time + "; printf X | dd of=" + f1 +
       " bs=1 seek=72500000 conv=notrunc 2>&1; touch -r " + time + " " + f1);
    engine.kill(bad);
    expect_clean(bounded_run({}));
    EXPECT_EQ(coverage(), "complete");
    EXPECT_EQ(saved().size(), 3U) << "the damaged one is set aside";
    sh("cd '" + scratch.path().string() + "'; " + make + "; cmp f1 " + f1);
}

TEST_P(LimitsOrder, LongPathsAreNotAllHeldAtOnce) {
    const std::string name(250, 'n');
    std::string deep;
    for (int i = 0; i < 13; ++i)
        deep += (i > 0 ? "/" : "") + name;
    in_logs("mkdir -p " + deep + "; cd " + deep + "; for i in $(seq 6000); do : > " + std::string(200, 'q') +
            "$i; done");
    const auto result = bounded_run({});
    EXPECT_EQ(result.code, 0);
    EXPECT_NE(result.err.find("'bad/bad-1': its paths have more than 16.0 MiB together"), std::string::npos)
        << result.err;
}
