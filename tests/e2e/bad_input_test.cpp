// SPDX-License-Identifier: MIT
#include "rsync_after.hpp"

#include <sys/stat.h>

using namespace e2e;

class BadInput : public BothWays {
  protected:
    void expect_failure(const Result& result, int code, const std::string& message) {
        EXPECT_EQ(result.code, code) << result.out << result.err;
        EXPECT_NE(result.err.find(message), std::string::npos) << result.err;
    }
    /// A stand-in for an engine that answers wrongly, which a real one cannot be made to do.
    std::string docker_that(const std::string& body) {
        return write_script(scratch.path() / "docker", body).string();
    }
    std::string start_pod(const std::string& pod = "web-1") {
        const auto id = engine.start({"web", pod});
        engine.exec(id, "echo x > /opt/logs/app.log");
        return id;
    }
};
MOUNTED_ONLY(BadInput);

TEST_P(BadInput, NoDocker) {
    expect_failure(run_once({"--docker", "no-such-docker"}), 1, "cannot find the program 'no-such-docker'");
    EXPECT_NE(run_once({"--docker", "no-such-docker"}).err.find("hint: install it"), std::string::npos);
    const Result result = run_once({"--docker", "/nowhere/docker"});
    expect_failure(result, 1, "cannot find the program '/nowhere/docker'");
    EXPECT_NE(result.err.find("hint: it was named with --docker"), std::string::npos) << result.err;
}

TEST_P(BadInput, TheDaemonIsDown) {
    const Result result = run_once({}, {"DOCKER_HOST=unix://" + (scratch.path() / "nobody.sock").string()});
    expect_failure(result, 1, "cannot list the containers: docker exited with code 1: ");
    EXPECT_NE(result.err.find("hint: is the engine running"), std::string::npos) << result.err;
}

TEST_P(BadInput, NoPermissionForTheSocket) {
    fs::create_directory(backup);
    sh("chown 65534:65534 '" + backup.string() + "'; chmod 755 '" + scratch.path().string() + "'");
    auto argv = command({"--quiet"});
    argv.insert(argv.begin(), {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"});
    if (way == Way::direct)
        argv.erase(argv.begin() + 5, argv.begin() + 9); // whoever is not root has no capability to drop
    const Result result = run(argv);
    expect_failure(result, 1, "ermission denied");
    EXPECT_NE(result.err.find("hint: run as root"), std::string::npos) << result.err;
}

TEST_P(BadInput, GarbageFromDocker) {
    expect_failure(run_once({"--docker", docker_that("echo '<html>'")}), 1,
                   "cannot understand what docker ps printed: '<html>'");
    const std::string id(64, 'a');
    for (const auto* answer : {"<html>", "[{\\\"Id\\\":", "{}", ""})
        expect_failure(run_once({"--docker", docker_that("case $1 in ps) echo " + id +
                                                         ";; *) printf '%s' \"" + answer + "\";; esac")}),
                       1, "cannot understand what docker inspect printed");
}

TEST_P(BadInput, ADaemonThatNeverAnswers) {
    expect_failure(run_once({"--docker", docker_that("exec sleep 1000"), "--docker-timeout", "500ms"}), 2,
                   "is not a valid duration");
    expect_failure(run_once({"--docker", docker_that("exec sleep 1000"), "--docker-timeout", "0.5s"}), 1,
                   "cannot list the containers: docker did not finish within 0.5 s");
}

TEST_P(BadInput, ADaemonThatDiesBetweenTheCalls) {
    const std::string id(64, 'a');
    const auto docker =
        docker_that("case $1 in ps) echo " + id +
                    ";; *) echo '[]'; echo 'Cannot connect to the Docker daemon' >&2; exit 1;; esac");
    expect_failure(run_once({"--docker", docker}), 1, "cannot inspect the containers");
}

TEST_P(BadInput, NoRsync) {
    start_pod();
    expect_failure(run_once({"--rsync", "no-such-rsync"}), 1, "cannot find the program 'no-such-rsync'");
    expect_failure(run_once({"--rsync", "no-such-rsync", "--dry-run"}), 1,
                   "cannot find the program 'no-such-rsync'");
}

TEST_P(BadInput, AnRsyncThatFails) {
    start_pod();
    const auto broken = write_script(scratch.path() / "rsync", "echo 'out of luck' >&2; exit 14").string();
    expect_failure(run_once({"--rsync", broken}), 3, "rsync exited with code 14: out of luck");
    expect_clean(run_once());
    EXPECT_EQ(read_file(backup / "web/web-1/app.log"), "x\n");
}

TEST_P(BadInput, TheBackupRootIsMadeWhenItIsMissing) {
    start_pod();
    backup = scratch.path() / "a/b/c";
    expect_clean(run_once());
    EXPECT_EQ(read_file(backup / "web/web-1/app.log"), "x\n");
}

TEST_P(BadInput, TheBackupRootIsNoDirectory) {
    write_file(backup, "a file");
    expect_failure(run_once(), 1, "the backup root '" + backup.string() + "': Not a directory");
    expect_failure(run_once({"--dry-run"}), 1, "the backup root '" + backup.string() + "': Not a directory");
    EXPECT_EQ(read_file(backup), "a file");
}

TEST_P(BadInput, TheBackupRootIsReadOnly) {
    start_pod();
    fs::create_directory(backup);
    sh("mount -t tmpfs -o ro,mode=755 none '" + backup.string() + "'");
    const Result result = run_once();
    expect_failure(result, 1,
                   "cannot write to the backup root '" + backup.string() + "': Read-only file system");
    EXPECT_NE(result.err.find("hint: its file system is mounted read-only"), std::string::npos) << result.err;
}

// A small file system of the kind that nodes have.
TEST_P(BadInput, TheBackupRootIsOnAFullDisk) {
    const auto id = start_pod("web-1");
    engine.exec(id, "head -c 30000000 /dev/urandom > /opt/logs/big.log");
    start_pod("web-2");
    fs::create_directory(backup);
    const auto image = (scratch.path() / "disk").string();
    sh("truncate -s 64M '" + image + "' && mkfs.ext4 -q -m 0 '" + image + "' && mount -o loop '" + image +
       "' '" + backup.string() + "' && rmdir '" + backup.string() +
       "/lost+found' && head -c 40000000 /dev/zero > '" + backup.string() + "/ballast'");
    const std::string content = engine.cat(id, "/opt/logs/big.log");

    // What has no room is refused before the first byte; the rest is saved.
    const Result refused = run_once();
    expect_failure(refused, 3, "'web/web-1: big.log': no room for its 28.6 MiB: ");
    EXPECT_FALSE(fs::exists(backup / "web/web-1/big.log"));
    EXPECT_EQ(read_file(backup / "web/web-1/app.log"), "x\n");
    EXPECT_EQ(read_file(backup / "web/web-2/app.log"), "x\n");

    // It can also get full meanwhile.
    fs::remove(backup / "ballast");
    const RsyncAfter filling(scratch.path() / "rsync",
                             "head -c 45000000 /dev/zero > '" + (backup / "ballast").string() + "'");
    const Result filled = run_once({"--rsync", filling.path()});
    expect_failure(filled, 3, "No space left on device");
    EXPECT_NE(filled.err.find("'web/web-1: big.log': only "), std::string::npos) << filled.err;
    const std::string part = read_file(backup / "web/web-1/big.log");
    EXPECT_GT(part.size(), 0U);
    EXPECT_EQ(content.compare(0, part.size(), part), 0) << "what is saved is valid";

    // Once there is room the next run goes on.
    fs::remove(backup / "ballast");
    expect_clean(run_once());
    EXPECT_EQ(read_file(backup / "web/web-1/big.log"), content);
    EXPECT_EQ(read_file(backup / "web/web-1/app.log"), "x\n");
    EXPECT_EQ(read_file(backup / "web/web-2/app.log"), "x\n");
}

TEST_P(BadInput, AFileThatCannotBeReadFailsAloneAndIsNamed) {
    const auto id = start_pod();
    engine.exec(id, "echo secret > /opt/logs/secret.log; chmod 000 /opt/logs/secret.log; chown 1000 "
                    "/opt/logs/secret.log");
    auto argv = command();
    // Root may read everything, unless it gave that right away.
    argv.insert(argv.begin(), {"setpriv", "--bounding-set=-dac_override,-dac_read_search",
                               "--inh-caps=-dac_override,-dac_read_search", "--"});
    const Result result = run(argv);
    expect_failure(result, 3, "'web/web-1: secret.log': cannot read it: Permission denied");
    EXPECT_EQ(read_file(backup / "web/web-1/app.log"), "x\n");
    expect_clean(run_once());
    EXPECT_EQ(read_file(backup / "web/web-1/secret.log"), "secret\n");
}

TEST_P(BadInput, ALogDirectoryThatContainsTheBackupRootIsRefused) {
    start_pod("good");
    const auto host = scratch.path().string();
    engine.start({"web", "contains", {"--volume", host + ":/opt/logs"}});
    engine.start({"web", "is", {"--volume", backup.string() + ":/opt/logs"}});
    engine.start({"web", "below", {"--volume", backup.string() + ":/opt/logs/backup"}});
    const Result dry = run_once({"--dry-run"});
    EXPECT_EQ(dry.code, 3);
    for (int i = 0; i < 2; ++i) {
        const Result result = run_once({"--verbose"});
        expect_failure(result, 3,
                       "'web/contains': its log directory contains the backup root, which is refused");
        expect_failure(result, 3, "'web/is': its log directory contains the backup root, which is refused");
        expect_failure(result, 3,
                       "'web/below': its log directory contains the backup root, which is refused");
        EXPECT_EQ(tree_of(backup), (Tree{{"web", "dir"}, {"web/good", "dir"}, {"web/good/app.log", "x\n"}}));
    }
    fs::create_directories(backup / "web/inside");
    engine.start({"web", "inside", {"--volume", (backup / "web/inside").string() + ":/opt/logs"}});
    expect_failure(run_once({"--verbose"}), 3,
                   "'web/inside': its log directory lies in the backup root, which is refused");
}

TEST_P(BadInput, ARecordThatIsGarbageIsReportedAndTheRestSaved) {
    start_pod();
    start_pod("web-2");
    expect_clean(run_once());
    write_file(backup / ".logbackup/live/web/web-1", "{");
    expect_failure(run_once(), 3, "cannot read the record '.logbackup/live/web/web-1'");
    EXPECT_EQ(read_file(backup / "web/web-2/app.log"), "x\n");
}
