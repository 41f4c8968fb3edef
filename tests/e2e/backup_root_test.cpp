// SPDX-License-Identifier: MIT
#include "support.hpp"

#include <signal.h>

using namespace e2e;

/// Whose backup it is, and on which disk.
namespace {

constexpr const char* new_backup = "a new backup begins at ";

class BackupRoot : public e2e::Test {
  protected:
    fs::path disk = scratch.path() / "disk";

    void SetUp() override {
        backup = disk / "backup";
        fs::create_directory(disk);
        engine.exec(engine.share_empty({"web", "web-1"}), "echo one > /opt/logs/app.log");
    }

    void mount_disk() const { sh("mount -t tmpfs -o mode=0755 none '" + disk.string() + "'"); }

    static bool says(const Result& result, const std::string& text) {
        return result.err.find(text) != std::string::npos;
    }
    static Result after(std::vector<std::string> words, const std::vector<std::string>& command) {
        words.insert(words.end(), command.begin(), command.end());
        return run(words, {"ASAN_OPTIONS=detect_leaks=0"}); // which does not work under strace
    }
};

} // namespace

TEST_F(BackupRoot, ARunThatIsKilledWhileItMakesOneLeavesItToTheNext) {
    if (logbackup::find_program("strace").empty())
        GTEST_SKIP() << "strace is not there";
    record_answers();
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

TEST_F(BackupRoot, RequiresAMountWhenAskedTo) {
    record_answers();
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
