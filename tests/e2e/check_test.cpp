// SPDX-License-Identifier: MIT
#include "support.hpp"

#include <nlohmann/json.hpp>

using namespace e2e;

namespace {
/// Every name below a directory with its inode, times and size: what a program that changes nothing leaves
/// alone. Where it tries the file system and cleans up after itself, only times change.
std::string state_without_backup(const fs::path& directory) {
    return sh("find '" + directory.string() + "' -type d \\( -name .logbackup -o -path '" +
              directory.string() +
              "/backup' \\) -printf '%P %i %m %u\n' -o -printf '%P %i %s %m %u %T@ %C@\n' | sort");
}
} // namespace

class Check : public e2e::Test {
  protected:
    struct Checked {
        int code = -1;
        nlohmann::json checks; ///< by name
    };

    /// `logbackup check --json`, after which everything is as it was.
    Checked check(const std::vector<std::string>& arguments = {},
                  const std::vector<std::string>& variables = {}) {
        const auto before = state_without_backup(scratch.path());
        auto argv = command({"check", "--json"});
        argv.insert(argv.end(), arguments.begin(), arguments.end());
        const Result result = run(argv, variables);
        EXPECT_EQ(result.err, "");
        EXPECT_EQ(state_without_backup(scratch.path()), before) << "it changes nothing";
        Checked checked{result.code, {}};
        const auto printed = nlohmann::json::parse(result.out);
        for (const auto& one : printed.at("checks"))
            checked.checks[one["name"].get<std::string>()] = one;
        return checked;
    }

    static void expect(const Checked& checked, const char* name, const char* status, const std::string& found,
                       const std::string& hint = "") {
        ASSERT_TRUE(checked.checks.contains(name)) << checked.checks.dump(1);
        const auto& one = checked.checks[name];
        EXPECT_EQ(one["status"], status) << one;
        EXPECT_NE(one["found"].get<std::string>().find(found), std::string::npos) << one;
        EXPECT_NE(one["hint"].get<std::string>().find(hint), std::string::npos) << one;
    }
};

TEST_F(Check, FindsASaneMachineReady) {
    engine.exec(engine.start({"web", "web-1"}), "echo web > /opt/logs/app.log");
    engine.start({"", ""}); // nobody's
    fs::create_directory(backup);
    fs::permissions(backup, fs::perms(0750));
    sh("mount -t tmpfs -o mode=0750,size=64m none '" + backup.string() + "'");
    expect_clean(run_once());
    const auto checked = check();
    EXPECT_EQ(checked.code, 0);
    for (const auto& [name, one] : checked.checks.items())
        if (name != "clock") { // whether it is synchronised is the machine's affair
            EXPECT_EQ(one["status"], "ok") << one;
        }
    EXPECT_EQ(checked.checks.size(), 22U) << checked.checks.dump(1);
    expect(checked, "docker engine", "ok", engine.host());
    expect(checked, "containers", "ok", "2, of these 1 of pods");
    expect(checked, "storage driver", "ok", "overlay2");
    expect(checked, "backup root", "ok", ", on the tmpfs at '" + backup.string() + "'");
    expect(checked, "file system", "ok", "making, renaming, locking and syncing work");
    expect(checked, "identity", "ok", "the backup is this host's");
    expect(checked, "records", "ok", "1 of live log directories, 0 of ended ones");
    expect(checked, "last complete run", "ok", " ago");
    expect(checked, "mounts", "ok", "read-only mounts");
}

TEST_F(Check, SaysNothingOfWhatIsOkWhenQuiet) {
    const Result result = run(command({"check", "--quiet"}));
    EXPECT_EQ(result.out.find("\nok "), std::string::npos) << result.out;
    EXPECT_EQ(result.err, "");
    EXPECT_NE(run(command({"check"})).out.find("\nok       rsync "), std::string::npos);
}

TEST_F(Check, WithoutDockerNoRunIsPossible) {
    const auto unreachable = check({}, {"DOCKER_HOST=unix:///nowhere/docker.sock"});
    EXPECT_EQ(unreachable.code, 1);
    expect(unreachable, "docker client", "ok", "version ");
    expect(unreachable, "docker engine", "problem", "DOCKER_HOST unix:///nowhere/docker.sock",
           "is the engine running");
    expect(unreachable, "rsync", "ok", "version ");
    EXPECT_FALSE(unreachable.checks.contains("containers"));
    const auto missing = check({"--docker", "/nowhere/docker"});
    EXPECT_EQ(missing.code, 1);
    expect(missing, "container runtime", "problem", "cannot find the program '/nowhere/docker'", "--docker");
    EXPECT_FALSE(missing.checks.contains("docker engine"));
}

TEST_F(Check, DoesNotWaitForADockerThatHangs) {
    const auto hanging = write_script(scratch.path() / "docker", "exec sleep 1000000");
    const auto checked = check({"--docker", hanging.string(), "--docker-timeout", "1s"});
    EXPECT_EQ(checked.code, 1);
    expect(checked, "docker engine", "problem", "did not finish within 1 s", "--docker-timeout");
}

TEST_F(Check, OfRsyncFindsWhatCannotWork) {
    const auto old =
        write_script(scratch.path() / "rsync", "echo 'rsync  version 2.6.9  protocol version 29'");
    auto checked = check({"--rsync", old.string()});
    EXPECT_EQ(checked.code, 3);
    expect(checked, "rsync", "problem", "version 2.6.9, which is too old", "3.0");
    const auto broken = write_script(scratch.path() / "rsync", "echo 'no \033[2Jlibrary' >&2; exit 127");
    checked = check({"--rsync", broken.string()});
    EXPECT_EQ(checked.code, 1);
    expect(checked, "rsync", "problem", "it exited with code 127: no \\x1b[2Jlibrary");
    checked = check({"--rsync", "/nowhere/rsync"});
    EXPECT_EQ(checked.code, 1);
    expect(checked, "rsync", "problem", "'/nowhere/rsync' not found");
}

TEST_F(Check, SaysWhyItMayNotMount) {
    way = Way::direct;
    const auto checked = check();
    EXPECT_EQ(checked.code, 0);
    expect(checked, "rights", "warning", "no CAP_SYS_ADMIN");
    expect(checked, "mounts", "warning",
           "read directly (a mount namespace of its own: Operation not permitted)");
}

TEST_F(Check, TellsWhatFollowingLacks) {
    const auto check_with =
        [&](const std::string& limit) { // in a user namespace, which has limits of its own
            auto argv = command({"check", "--json"});
            argv.insert(argv.begin(), {"unshare", "--user", "--map-root-user", "sh", "-c",
                                       "echo 0 > /proc/sys/user/" + limit + " && exec \"$@\"", "sh"});
            Checked checked;
            const auto printed = nlohmann::json::parse(run(argv).out);
            for (const auto& one : printed.at("checks"))
                checked.checks[one["name"].get<std::string>()] = one;
            return checked;
        };
    expect(check_with("max_inotify_instances"), "following", "warning", "instances, of which none is left",
           "do not stay");
    expect(check_with("max_inotify_watches"), "following", "warning", "of which no watch is left",
           "max_user_watches");
}

TEST_F(Check, RefusesTheBackupRootThatARunRefuses) {
    fs::create_directory(backup);
    fs::permissions(backup, fs::perms(0777));
    auto checked = check();
    EXPECT_EQ(checked.code, 1);
    expect(checked, "backup root", "problem", "users other than its owner may write to it", "chmod go-w ");
    fs::permissions(backup, fs::perms(0755));
    sh("chown 1000 '" + backup.string() + "'");
    checked = check();
    EXPECT_EQ(checked.code, 1);
    expect(checked, "backup root", "problem", "it is owned by uid 1000");
    fs::remove(backup);
    write_file(backup, "");
    checked = check();
    EXPECT_EQ(checked.code, 1);
    expect(checked, "backup root", "problem", "Not a directory");
    fs::remove(backup);
    checked = check();
    EXPECT_EQ(checked.code, 0);
    expect(checked, "backup root", "ok", "to be made in '" + scratch.path().string() + "'");
    expect(checked, "last complete run", "warning", "never", "* * * * * root ");
}

TEST_F(Check, FindsABackupRootThatCannotBeWrittenTo) {
    fs::create_directory(backup);
    sh("mount -t tmpfs -o ro,mode=0750 none '" + backup.string() + "'");
    for (const auto& place : {backup, backup / "made/later"}) {
        backup = place;
        const auto checked = check();
        EXPECT_EQ(checked.code, 1);
        expect(checked, "backup root", "problem", "Read-only file system");
    }
}

TEST_F(Check, FindsThatThereIsNoRoom) {
    auto checked = check({"--min-free", "99%"});
    EXPECT_EQ(checked.code, 3);
    expect(checked, "free space", "problem", "--min-free leaves ");
    checked = check({"--min-free", "0"});
    EXPECT_EQ(checked.code, 0);
    expect(checked, "free space", "ok", "--min-free leaves 0 B");
}

TEST_F(Check, TellsWhatDockerAndTheBackupShare) {
    const auto shared = check();
    expect(shared, "docker's disk", "warning", "the backup is on the file system of ", "fills docker's disk");
    const auto data = engine.socket().parent_path() / "data";
    backup = data / "backup";
    const auto inside = check();
    EXPECT_EQ(inside.code, 3);
    expect(inside, "docker's disk", "problem", "lie one in the other");
    EXPECT_FALSE(fs::exists(backup));
}

TEST_F(Check, TellsHowRunsGo) {
    engine.exec(engine.start({"web", "web-1"}), "echo web > /opt/logs/app.log");
    expect_clean(run_once());
    const auto state = backup / ".logbackup";
    sh("touch -d '3 hours ago' '" + (state / "last-run").string() + "'");
    write_file(state / "skipped", "xxxxxxxxxxxx");
    write_file(state / "live/web/web-2", "no record");
    auto checked = check();
    EXPECT_EQ(checked.code, 3);
    expect(checked, "records", "problem", "1 that cannot be read", "web-2");
    expect(checked, "last complete run", "warning", "3 h ago", "* * * * * root ");
    expect(checked, "skipped runs", "warning", "12 runs ended at once", "/.logbackup/lock' names it");
    checked = check({}, {"LOGBACKUP_WARN_SKIPPED=0"});
    expect(checked, "skipped runs", "ok", "12 runs ended at once");
    fs::remove(state / "skipped");
    sh("touch -d '5 minutes ago' '" + (state / "last-run").string() + "'");
    checked = check();
    expect(checked, "last complete run", "ok", "5 min ago");
    expect(checked, "skipped runs", "ok", "none");
    // A clock that was set back.
    sh("touch -d 'now + 2 hours' '" + (state / "last-run").string() + "'");
    checked = check();
    expect(checked, "clock", "problem", "before the last run");
    fs::remove(state / "last-run");
    checked = check();
    expect(checked, "last complete run", "warning", "never", "* * * * * root ");
}

TEST_F(Check, TellsWhereOptionsComeFrom) {
    const auto file = scratch.path() / "logbackup.toml";
    write_file(file, "max-files = 7\n");
    const auto checked = check({"--config", file.string()}, {"LOGBACKUP_MAX_DEPTH=9"});
    expect(checked, "configuration", "ok",
           "'" + file.string() + "', and LOGBACKUP_DOCKER_TIMEOUT, LOGBACKUP_MAX_DEPTH");
}

TEST_F(Check, NamesLabelsAndVolumesThatKeepLogsFromBeingSaved) {
    const auto volume = scratch.path() / "volume";
    fs::create_directory(volume);
    engine.start({"web", "web-1", {"--volume", volume.string() + ":/opt/logs"}});
    engine.start({"..", "web-2"});
    // Of the kernel's own file systems none is read, as none over a network.
    engine.start({"odd", "odd-1", {"--volume", "/proc/sys/kernel:/opt/logs"}});
    const auto checked = check();
    EXPECT_EQ(checked.code, 3);
    expect(checked, "containers", "warning", "3, of these 2 of pods, 1 with labels that cannot be used");
    expect(checked, "volumes", "problem", "1 volume of running pods not read: odd/odd-1: '/proc/sys/kernel'");
}
