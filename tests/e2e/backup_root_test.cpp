// SPDX-License-Identifier: MIT
#include "support.hpp"

#include <signal.h>

#include <algorithm>

using namespace e2e;

/// Whose backup it is, on which disk, and on which kind of file system.
namespace {

constexpr const char* new_backup = "a new backup begins at ";

class BackupRoot : public e2e::Test {
  protected:
    fs::path disk = scratch.path() / "disk";
    std::string id;

    void SetUp() override {
        backup = disk / "backup";
        fs::create_directory(disk);
        id = engine.start({"web", "web-1"});
        engine.exec(id, "echo one > /opt/logs/app.log");
    }

    void mount_disk() const { sh("mount -t tmpfs -o mode=0755 none '" + disk.string() + "'"); }

    static bool says(const Result& result, const std::string& text) {
        return result.err.find(text) != std::string::npos;
    }
    static Result after(std::vector<std::string> words, const std::vector<std::string>& command) {
        words.insert(words.end(), command.begin(), command.end());
        return run(words, {"ASAN_OPTIONS=detect_leaks=0"}); // which does not work under strace
    }
    /// The run of a host with another machine id, or where there is none, with another name.
    Result elsewhere(const std::vector<std::string>& arguments) {
        write_file(scratch.path() / "machine-id", "0123456789abcdef0123456789abcdef\n");
        return after({"unshare", "--mount", "--uts", "sh", "-c",
                      "hostname elsewhere && { [ ! -e /etc/machine-id ] || mount --bind '" +
                          (scratch.path() / "machine-id").string() + "' /etc/machine-id; } && exec \"$@\"",
                      "sh"},
                     command(arguments));
    }
    /// The client of an engine that keeps these containers in another directory.
    std::string other_engine() {
        return write_script(scratch.path() / "docker",
                            "docker \"$@\" | sed 's#\"ResolvConfPath\": \"[^\"]*/"
                            "containers/#\"ResolvConfPath\": \"/elsewhere/containers/#'")
            .string();
    }
    std::string everything() const {
        return sh("cd '" + backup.string() + "' && find . -type f -exec sha256sum {} + | sort");
    }
};

} // namespace

TEST_F(BackupRoot, ANewOneIsSaidAlsoWhenQuiet) {
    mount_disk();
    const Result first = run_once({"--quiet"});
    EXPECT_EQ(first.code, 0);
    EXPECT_TRUE(says(first, std::string(new_backup) + "'" + backup.string() + "'")) << first.err;
    EXPECT_EQ(run_once({"--quiet"}).err, "");
    sh("umount '" + disk.string() + "'");
    const Result below = run_once({"--quiet"});
    EXPECT_TRUE(says(below, new_backup)) << "its disk is not mounted";
    EXPECT_EQ(std::count(below.err.begin(), below.err.end(), '\n'), 1) << below.err;
}

TEST_F(BackupRoot, OneThatWasMadeBeforeThereWereIdentitiesIsTakenAsItIs) {
    expect_clean(run_once());
    fs::remove(backup / ".logbackup/identity");
    EXPECT_EQ(run_once({"--quiet"}).err, "");
    EXPECT_TRUE(fs::exists(backup / ".logbackup/identity"));
}

TEST_F(BackupRoot, ARunThatIsKilledWhileItMakesOneLeavesItToTheNext) {
    if (logbackup::find_program("strace").empty())
        GTEST_SKIP() << "strace is not there";
    const auto identity = backup / ".logbackup/identity";
    int unfinished = 0;
    for (const std::string call : {"mkdir", "mkdirat", "openat", "write", "fdatasync", "renameat"})
        for (int n = 1; n <= 3; ++n) {
            fs::remove_all(backup);
            const Result killed =
                after({"strace", "-qq", "-o", "/dev/null", "-P", identity.string(), "-P", backup.string(),
                       "-P", (backup / ".logbackup").string(), "-P", (backup / ".logbackup/.new").string(),
                       "-e", "inject=" + call + ":signal=KILL:when=" + std::to_string(n)},
                      command());
            if (killed.code != 128 + SIGKILL)
                break;
            const bool had_identity = fs::exists(identity);
            unfinished += had_identity ? 0 : 1;
            const Result next = run_once({"--quiet"});
            EXPECT_EQ(next.code, 0) << next.err;
            EXPECT_EQ(says(next, new_backup), !had_identity) << call << " " << n << next.err;
            EXPECT_TRUE(fs::exists(identity));
            EXPECT_EQ(run_once({"--quiet"}).err, "");
        }
    EXPECT_GT(unfinished, 3);
}

// Who asks what would be saved is told that nothing would.
TEST_F(BackupRoot, ADryRunRefusesWhatARunRefuses) {
    const auto expect_same = [&](const std::vector<std::string>& arguments, const char* said) {
        auto dry_run = arguments;
        dry_run.emplace_back("--dry-run");
        const Result dry = run_once(dry_run);
        const Result run = run_once(arguments);
        EXPECT_TRUE(says(run, said)) << run.err;
        EXPECT_EQ(dry.err, run.err);
        EXPECT_EQ(dry.code, run.code);
    };
    expect_clean(run_once());
    expect_same({"--rsync", "/nowhere/rsync"}, "cannot find the program '/nowhere/rsync'");
    fs::remove_all(backup);
    sh("mount -t tmpfs -o ro,mode=0755 none '" + disk.string() + "'");
    expect_same({}, "cannot make the backup root");
    sh("umount '" + disk.string() + "'");
    fs::create_directory(backup);
    fs::permissions(backup, fs::perms(0777));
    expect_same({}, "users other than its owner may write to it");
    fs::permissions(backup, fs::perms(0750));
    sh("mount -t tmpfs -o ro,mode=0750 none '" + backup.string() + "'");
    expect_same({}, "cannot write to the backup root");
    sh("umount '" + backup.string() + "'");
}

TEST_F(BackupRoot, OfADirectoryThatIsNoBackupListNamesTheNearest) {
    expect_clean(run_once());
    const fs::path good = backup;
    for (const auto& other : {good / "web", disk}) {
        backup = other;
        const Result listed = run_once({"list"});
        EXPECT_EQ(listed.code, 1);
        EXPECT_TRUE(says(listed, "no backup at '" + other.string() + "'")) << listed.err;
        EXPECT_NE(listed.err.find("the nearest is '" + good.string() + "'"), std::string::npos) << listed.err;
    }
    backup = scratch.path();
    EXPECT_EQ(run_once({"list"}).err.find("the nearest"), std::string::npos);
}

TEST_F(BackupRoot, RequiresAMountWhenAskedTo) {
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{}, {"--dry-run"}, {"verify"}, {"prune", "--keep", "1d"}}) {
        auto all = arguments;
        all.emplace_back("--require-mount");
        const Result refused = run_once(all);
        EXPECT_EQ(refused.code, 1);
        EXPECT_TRUE(says(refused, "nothing is mounted at the backup root '" + backup.string() + "': '" +
                                      disk.string() + "' is on the file system of '/'"))
            << refused.err;
    }
    EXPECT_FALSE(fs::exists(backup));
    EXPECT_EQ(run_once({}, {"LOGBACKUP_REQUIRE_MOUNT=1"}).code, 1);
    const Result checked = run_once({"check", "--quiet", "--require-mount"});
    EXPECT_EQ(checked.code, 1);
    EXPECT_NE(checked.out.find("nothing is mounted at the backup root"), std::string::npos) << checked.out;

    sh("mount --bind '" + disk.string() + "' '" + disk.string() + "'");
    expect_clean(run_once({"--require-mount"}));
    sh("umount '" + disk.string() + "'");
    EXPECT_EQ(run_once({"--require-mount"}).code, 1) << "the backup is there, but on no mount";
    mount_disk();
    expect_clean(run_once({"--require-mount"}));
    expect_clean(run_once({"--require-mount", "--dry-run"}));
}

TEST_F(BackupRoot, OfAnotherHostIsRefusedUntilItIsAdopted) {
    expect_clean(run_once());
    const auto before = everything();
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{}, {"--dry-run"}, {"verify"}, {"prune", "--keep", "1d"}}) {
        const Result refused = elsewhere(arguments);
        EXPECT_EQ(refused.code, 1) << refused.out;
        EXPECT_TRUE(says(refused, "it belongs to another host, ")) << refused.err;
        EXPECT_TRUE(says(refused, "this is 'elsewhere'")) << refused.err;
        EXPECT_TRUE(says(refused, "run 'logbackup --adopt' once")) << refused.err;
    }
    EXPECT_EQ(everything(), before);
    const Result checked = elsewhere({"check", "--quiet"});
    EXPECT_EQ(checked.code, 1);
    EXPECT_NE(checked.out.find("it belongs to another host"), std::string::npos) << checked.out;
    const Result listed = elsewhere({"list"});
    EXPECT_EQ(listed.code, 0) << listed.err;
    EXPECT_NE(listed.out.find("web-1"), std::string::npos);

    EXPECT_EQ(elsewhere({"--adopt", "--dry-run"}).code, 0);
    EXPECT_EQ(everything(), before) << "a dry run adopts nothing";
    expect_clean(elsewhere({"--adopt"}));
    expect_clean(elsewhere({}));
    const Result former = run_once();
    EXPECT_EQ(former.code, 1);
    EXPECT_TRUE(says(former, "it belongs to another host, 'elsewhere'")) << former.err;
}

TEST_F(BackupRoot, OfAnotherEngineIsRefusedUntilItIsAdopted) {
    expect_clean(run_once());
    const auto before = everything();
    const auto docker = other_engine();
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{}, {"--dry-run"}, {"verify"}}) {
        auto all = arguments;
        all.insert(all.end(), {"--docker", docker});
        const Result refused = run_once(all);
        EXPECT_EQ(refused.code, 1) << refused.out;
        EXPECT_TRUE(says(refused, "it belongs to another Docker engine")) << refused.err;
        EXPECT_TRUE(says(refused, "this is that of '/elsewhere'")) << refused.err;
    }
    EXPECT_EQ(everything(), before);
    EXPECT_EQ(run_once({"check", "--quiet", "--docker", docker}).code, 1);
    expect_clean(run_once({"--docker", docker, "--adopt"}));
    expect_clean(run_once({"--docker", docker}));
    EXPECT_EQ(run_once().code, 1);
}

TEST_F(BackupRoot, DockerIsAskedWhichEngineItIsOnlyWhereNoContainerTells) {
    const auto calls = scratch.path() / "calls";
    const auto docker =
        write_script(scratch.path() / "docker", "echo \"$1\" >> '" + calls.string() + "'; exec docker \"$@\"")
            .string();
    expect_clean(run_once({"--docker", docker}));
    EXPECT_EQ(read_file(calls), "ps\ninspect\n");
    // An engine that was started on an empty directory, for its disk is not mounted.
    const auto empty =
        write_script(scratch.path() / "empty", "[ \"$1\" != info ] || printf 'another\n/elsewhere\n'")
            .string();
    const Result refused = run_once({"--docker", empty});
    EXPECT_EQ(refused.code, 1);
    EXPECT_TRUE(says(refused, "it belongs to another Docker engine")) << refused.err;
    EXPECT_TRUE(fs::exists(backup / ".logbackup/live/web/web-1"));
}

TEST_F(BackupRoot, OfANewerVersionIsRefused) {
    expect_clean(run_once());
    write_file(backup / ".logbackup/identity", R"({"format": 99})");
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{}, {"--adopt"}, {"list"}, {"check"}, {"prune", "--keep", "1d"}}) {
        const Result refused = run_once(arguments);
        EXPECT_EQ(refused.code, 1);
        EXPECT_NE((refused.out + refused.err).find("made by a newer logbackup (format 99)"),
                  std::string::npos)
            << refused.out << refused.err;
    }
    write_file(backup / ".logbackup/identity", "");
    EXPECT_EQ(run_once().code, 1);
    expect_clean(run_once({"--adopt"}));
}

/// A file system such as NFS or FUSE, which knows no rename that does not replace.
TEST_F(BackupRoot, WorksWhereNothingCanBeRenamedWithoutReplacing) {
    if (logbackup::find_program("strace").empty())
        GTEST_SKIP() << "strace is not there";
    const auto plainly = [&](const std::vector<std::string>& arguments) {
        return after({"strace", "-qq", "-o", "/dev/null", "-e", "inject=renameat2:error=EINVAL"},
                     command(arguments));
    };
    expect_clean(plainly({}));
    EXPECT_EQ(read_file(backup / "web/web-1/app.log"), "one\n");
    engine.exec(id, "cd /opt/logs && echo two >> app.log && mv app.log app.log.1 && echo three > app.log");
    expect_clean(plainly({}));
    EXPECT_EQ(tree_of(backup / "web"),
              (Tree{{"web-1", "dir"}, {"web-1/app.log", "three\n"}, {"web-1/app.log.1", "one\ntwo\n"}}));
    engine.exec(id, "echo anew > /opt/logs/app.log.1"); // shorter: what was saved is set aside
    expect_clean(plainly({}));
    const Tree aside = tree_of(backup / "web/web-1");
    EXPECT_EQ(aside.size(), 3U);
    EXPECT_EQ(aside.at("app.log.1"), "anew\n");
    engine.remove(id); // a restart of the pod: its directory moves
    id = engine.start({"web", "web-1"});
    engine.exec(id, "echo four > /opt/logs/app.log");
    expect_clean(plainly({}));
    EXPECT_EQ(tree_of(backup / "web/web-1@1"), aside);
    EXPECT_EQ(read_file(backup / "web/web-1/app.log"), "four\n");
    sh("sed -i -E 's/(\"(ended|finished|saved_until)\": ?\")20[0-9]{2}/\\12001/g' '" +
       (backup / ".logbackup/ended/web/web-1@1").string() + "'");
    const Result pruned = plainly({"prune", "--keep", "30d"});
    EXPECT_EQ(pruned.code, 0) << pruned.err;
    EXPECT_FALSE(fs::exists(backup / "web/web-1@1"));
    EXPECT_FALSE(fs::exists(backup / ".logbackup/ended/web/web-1@1"));
    const std::string checked = plainly({"check", "--json"}).out;
    EXPECT_NE(checked.find(R"("name":"file system","status":"ok")"), std::string::npos) << checked;
}
