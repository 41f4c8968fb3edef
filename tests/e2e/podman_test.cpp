// SPDX-License-Identifier: MIT
//
// podman of root, with a store of its own.
#include "support.hpp"

#include <chrono>
#include <stdexcept>
#include <thread>

namespace e2e {
namespace {

/// Debian's podman with all that it keeps in a directory of its own, and the image "logs": busybox and an
/// /opt/logs with the file "image.log".
class Podman {
  public:
    explicit Podman(const std::string& driver) {
        const std::string d = directory_.path().string();
        write_file(directory_.path() / "containers.conf",
                   "[engine]\n"
                   "cgroup_manager = \"cgroupfs\"\n"
                   "events_logger = \"file\"\n"
                   "runtime = \"runc\"\n"
                   "tmp_dir = \"" +
                       d +
                       "/tmp\"\n"
                       "lock_type = \"file\"\n"
                       "[containers]\n"
                       "default_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n"
                       "netns = \"none\"\n");
        write_file(directory_.path() / "storage.conf", "[storage]\ndriver = \"" + driver +
                                                           "\"\nrunroot = \"" + d + "/run\"\ngraphroot = \"" +
                                                           d + "/root\"\n");
        sh("cd '" + d +
           "' && mkdir -p tree/bin tree/opt/logs tree/tmp && cp /bin/busybox tree/bin/ && "
           "for a in $(/bin/busybox --list); do [ $a = busybox ] || ln -s busybox tree/bin/$a; done && "
           "echo of the image >tree/opt/logs/image.log && tar -C tree -cf tree.tar .");
        podman({"import", d + "/tree.tar", "logs"});
    }
    Podman(const Podman&) = delete;
    Podman& operator=(const Podman&) = delete;
    ~Podman() { run({"podman", "rm", "--all", "--force", "--time", "0"}, variables()); }

    /// Names its configuration, and that of logbackup.
    [[nodiscard]] std::vector<std::string> variables() const {
        const std::string d = directory_.path().string();
        return {"CONTAINERS_CONF=" + d + "/containers.conf", "CONTAINERS_STORAGE_CONF=" + d + "/storage.conf",
                "LOGBACKUP_CONFIG=/dev/null", "LOGBACKUP_DOCKER_TIMEOUT=100s"};
    }
    /// Returns what it prints, without the end of the line. Throws when it fails.
    std::string podman(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), "podman");
        Result result = run(arguments, variables());
        if (result.code != 0)
            throw std::runtime_error("podman " + arguments.at(1) + " failed: " + result.err);
        return result.out.substr(0, result.out.find('\n'));
    }
    /// Runs a container in the background.
    std::string start(const std::string& name, const std::string& script,
                      std::vector<std::string> options = {}) {
        options.insert(options.begin(), {"run", "--detach", "--name", name});
        options.insert(options.end(), {"logs", "sh", "-c", script});
        return podman(std::move(options));
    }
    void exec(const std::string& name, const std::string& script) {
        podman({"exec", name, "sh", "-c", script});
    }

  private:
    TempDir directory_;
};

const std::string stay = "; touch /tmp/ready; exec sleep 1000000";

/// The two kinds of stores: layers, and whole directories.
Podman& overlay() {
    static Podman podman("overlay");
    return podman;
}
Podman& vfs() {
    static Podman podman("vfs");
    return podman;
}

/// podman itself needs the right to mount, so there is no other way.
class Podmans : public testing::Test {
  protected:
    void TearDown() override { podman->podman({"rm", "--all", "--force", "--time", "0"}); }

    std::vector<std::string> command(const std::vector<std::string>& arguments = {}) {
        std::vector<std::string> argv{LOGBACKUP_BINARY, "--dest", backup.string(), "--runtime", "podman"};
        argv.insert(argv.end(), arguments.begin(), arguments.end());
        return argv;
    }
    Result run_once(const std::vector<std::string>& arguments = {}) {
        return run(command(arguments), podman->variables());
    }
    Result list() { return run({LOGBACKUP_BINARY, "list", "--dest", backup.string()}, podman->variables()); }
    void wait_for_ready(const std::string& name) {
        wait_until(name + " has written", [&] {
            return run({"podman", "exec", name, "cat", "/tmp/ready"}, podman->variables()).code == 0;
        });
    }
    void saves_running_and_ended_containers();

    Podman* podman = &overlay();
    TempDir scratch;
    fs::path backup = scratch.path() / "backup";
};
void Podmans::saves_running_and_ended_containers() {
    fs::create_directories(scratch.path() / "logs");
    podman->start("web", "rm /opt/logs/image.log; mkdir /opt/logs/d; echo deep >/opt/logs/d/a.log" + stay);
    podman->start("db", "echo on a volume >/opt/logs/db.log" + stay,
                  {"--volume", (scratch.path() / "logs").string() + ":/opt/logs"});
    podman->start("cache", "echo in memory >/opt/logs/c.log" + stay, {"--tmpfs", "/opt/logs"});
    // podman keeps times in the zone of who starts a container.
    ::setenv("TZ", "Asia/Tokyo", 1);
    const auto job = podman->start("job", "echo end >/opt/logs/job.log");
    ::unsetenv("TZ");
    for (const auto* name : {"web", "db", "cache"})
        wait_for_ready(name);
    podman->podman({"wait", job});
    expect_clean(run_once());
    auto tree = tree_of(backup);
    EXPECT_EQ(tree["web/web/d/a.log"], "deep\n");
    EXPECT_EQ(tree["db/db/db.log"], "on a volume\n");
    EXPECT_EQ(tree["cache/cache/c.log"], "in memory\n");
    EXPECT_EQ(tree["job/job/job.log"], "end\n");
    EXPECT_EQ(tree.contains("web/web/image.log"), false);
    podman->exec("web", "echo more >>/opt/logs/d/a.log");
    expect_clean(run_once());
    EXPECT_EQ(read_file(backup / "web/web/d/a.log"), "deep\nmore\n");
    const Result verified = run(
        {LOGBACKUP_BINARY, "verify", "--dest", backup.string(), "--runtime", "podman"}, podman->variables());
    EXPECT_EQ(verified.code, 0) << verified.out << verified.err;
    EXPECT_NE(list().out.find("3 live, 1 complete"), std::string::npos) << list().out;
}

TEST_F(Podmans, SavesRunningAndEndedContainersByteForByte) {
    saves_running_and_ended_containers();
    EXPECT_EQ(read_file(backup / "job/job/image.log"), "of the image\n");
}

TEST_F(Podmans, SavesThoseOfAStoreWithoutLayers) {
    podman = &vfs();
    saves_running_and_ended_containers();
    EXPECT_EQ(read_file(backup / "job/job/image.log"), "of the image\n");
}

TEST_F(Podmans, TellsRestartedAndRemovedContainersApart) {
    const auto web = podman->start("web", "echo a line >>/opt/logs/app.log; sleep 0.2");
    podman->podman({"wait", web});
    expect_clean(run_once());
    podman->podman({"start", web}); // the same container goes on in its layer
    podman->podman({"wait", web});
    expect_clean(run_once());
    EXPECT_EQ(read_file(backup / "web/web/app.log"), "a line\na line\n");
    podman->podman({"rm", web});
    podman->start("web", "echo another >/opt/logs/app.log" + stay);
    wait_for_ready("web");
    expect_clean(run_once());
    EXPECT_EQ(read_file(backup / "web/web/app.log"), "another\n");
    EXPECT_EQ(read_file(backup / "web/web@1/app.log"), "a line\na line\n");
    podman->podman({"rm", "--force", "--time", "0", "web"});
    // Nobody saw this one.
    podman->podman({"run", "--rm", "--name", "brief", "logs", "sh", "-c", "echo lost >/opt/logs/x.log"});
    expect_clean(run_once());
    const std::string listed = list().out;
    EXPECT_NE(listed.find("1 complete, 1 cut; 1 container missed"), std::string::npos) << listed;
    EXPECT_NE(listed.find("brief"), std::string::npos) << listed;
}

TEST_F(Podmans, NamesContainersByWhoMadeThem) {
    podman->podman({"pod", "create", "--name", "shop", "--infra-image", "logs", "--share-parent=false",
                    "--infra-command", "/bin/sleep 1000000"}); // it has an infra container, which has no logs
    podman->start("shop-web", "true" + stay, {"--pod", "shop"});
    podman->start("systemd-db", "true" + stay, {"--label", "PODMAN_SYSTEMD_UNIT=db.service"});
    podman->start("app-api-1", "true" + stay,
                  {"--label", "com.docker.compose.project=app", "--label", "com.docker.compose.service=api"});
    const Result planned = run_once({"--dry-run", "--json"});
    EXPECT_EQ(planned.code, 0) << planned.err;
    for (const auto* name : {"\"shop-web\"", "\"db\"", "\"systemd-db\"", "\"api\"", "\"app-api-1\""})
        EXPECT_NE(planned.out.find(name), std::string::npos) << name << planned.out;
    EXPECT_EQ(planned.out.find("-infra"), std::string::npos) << planned.out;
    podman->podman({"pod", "rm", "--force", "--time", "0", "shop"});
}

TEST_F(Podmans, IsFollowedFromOneRunToTheNext) {
    std::vector<std::string> argv{"env"};
    for (const auto& variable : podman->variables())
        argv.push_back(variable);
    for (const auto& argument : command({"--follow", "1m"}))
        argv.push_back(argument);
    Background follower(argv);
    wait_until("the first run is over", [&] { return fs::exists(backup / ".logbackup/last-run"); });
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    podman->podman({"run", "--rm", "--name", "job", "logs", "sh", "-c",
                    "echo a >/opt/logs/old.log; sleep 0.5; rm /opt/logs/old.log; echo b >/opt/logs/new.log"});
    ::kill(follower.pid(), SIGTERM);
    EXPECT_EQ(follower.wait(), 0);
    EXPECT_EQ(read_file(backup / "job/job/old.log"), "a\n");
    EXPECT_EQ(read_file(backup / "job/job/new.log"), "b\n");
    EXPECT_NE(list().out.find("1 complete"), std::string::npos) << list().out;
}

TEST_F(Podmans, IsNotAskedWithoutTheRightToMount) {
    std::vector<std::string> argv{"setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", "--"};
    for (const auto& argument : command())
        argv.push_back(argument);
    const Result result = run(argv, podman->variables());
    EXPECT_EQ(result.code, 1) << result.err;
    EXPECT_NE(result.err.find("without the right to mount (CAP_SYS_ADMIN)"), std::string::npos) << result.err;
}

TEST_F(Podmans, IsChecked) {
    podman->start("web", "true" + stay);
    const Result checked = run({LOGBACKUP_BINARY, "check", "--dest", backup.string(), "--runtime", "podman"},
                               podman->variables());
    EXPECT_NE(checked.out.find("version 4."), std::string::npos) << checked.out;
    EXPECT_NE(checked.out.find("1, of these 1 to save"), std::string::npos) << checked.out;
    EXPECT_NE(checked.out.find("they can be reached"), std::string::npos) << checked.out;
    const Result none = run_once({"--podman", "/nowhere/podman"});
    EXPECT_EQ(none.code, 1) << none.err;
    EXPECT_NE(none.err.find("cannot find the program '/nowhere/podman'"), std::string::npos) << none.err;
}

} // namespace
} // namespace e2e
