// SPDX-License-Identifier: MIT
#include "support.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace e2e;

namespace {

using namespace std::chrono_literals;

/// Runs with --follow on a node whose containers come and go.
class Follow : public e2e::BothWays {
  protected:
    void TearDown() override {
        follower.reset();
        BothWays::TearDown();
    }

    /// Begins a run that stays, in the place of the one before. Returns when it has made its run.
    void follow(const std::vector<std::string>& options = {}) {
        const auto began = fs::file_time_type::clock::now() - 10ms;
        auto argv = command({"--quiet", "--follow", "10m"});
        argv.insert(argv.end(), options.begin(), options.end());
        auto next = std::make_unique<Background>(argv);
        if (follower)
            end_of_follower();
        follower = std::move(next);
        wait_until("a run", [&] {
            std::error_code no_socket;
            const auto ready = fs::last_write_time(backup / ".logbackup/follower", no_socket);
            std::error_code no_run;
            const auto run = fs::last_write_time(backup / ".logbackup/last-run", no_run);
            return !no_socket && !no_run && ready >= began && run >= ready;
        });
    }
    /// Waits until the follower has ended; fails if it does not.
    void end_of_follower() {
        wait_until("the end of a follower", [&] {
            const std::string status = read_file("/proc/" + std::to_string(follower->pid()) + "/stat");
            return status.empty() || status.find(") Z ") != std::string::npos;
        });
        EXPECT_EQ(follower->wait(), 0);
    }
    [[nodiscard]] bool is_following() const { return follower && ::kill(follower->pid(), 0) == 0; }
    /// Ends the follower as an operator does; it saves what it holds.
    void end() {
        ::kill(follower->pid(), SIGTERM);
        end_of_follower();
        follower.reset();
        EXPECT_FALSE(fs::exists(backup / ".logbackup/follower"));
    }
    void remove_at_once(const std::string& id) {
        engine.wait(id);
        engine.remove(id);
    }
    /// A pod that counts its lines where the test sees them, too.
    std::string start_counting(const std::string& pod, const std::string& script,
                               std::vector<std::string> arguments = {}) {
        fs::create_directories(scratch.path() / "truth");
        arguments.insert(arguments.end(), {"--volume", (scratch.path() / "truth").string() + ":/truth"});
        return engine.start({"job", pod, arguments,
                             "cd /opt/logs; pod=" + pod +
                                 "; number=0; say() { number=$((number + 1)); echo \"line "
                                 "$number\" >> app.log; echo $number > /truth/$pod; }; " +
                                 script});
    }
    [[nodiscard]] int counted(const std::string& pod) const {
        return std::stoi(read_file(scratch.path() / "truth" / pod));
    }
    /// The numbers of all lines that are saved of a pod, and how often.
    std::map<int, int> saved(const std::string& pod) {
        std::map<int, int> numbers;
        const auto lines =
            sh("for file in '" + (backup / "job" / pod).string() +
               "'/*; do [ ! -f \"$file\" ] || gzip -dcf <\"$file\" || :; done | cut -d ' ' -f 2");
        std::istringstream stream(lines);
        for (int number = 0; stream >> number;)
            ++numbers[number];
        return numbers;
    }
    void expect_all(const std::string& pod) {
        const auto numbers = saved(pod);
        EXPECT_EQ(numbers.size(), static_cast<std::size_t>(counted(pod))) << pod;
        EXPECT_TRUE(
            std::all_of(numbers.begin(), numbers.end(), [](const auto& one) { return one.second == 1; }))
            << pod << " has lines twice";
    }
    [[nodiscard]] std::string coverage_of(const std::string& pod) {
        const Result result = run_once({"list", "--json", "--pod", pod});
        const auto list = nlohmann::json::parse(result.out, nullptr, false);
        return list.is_object() && !list["instances"].empty()
                   ? list["instances"][0]["coverage"].get<std::string>()
                   : result.out + result.err;
    }

    std::unique_ptr<Background> follower;
};

TEST_P(Follow, SavesAJobWhoseContainerIsRemovedAtOnce) {
    follow();
    remove_at_once(start_counting("short", "for i in 1 2 3; do say; done; sleep 0.3; say"));
    end();
    expect_all("short");
    EXPECT_EQ(counted("short"), 4);
    EXPECT_EQ(coverage_of("short"), "complete");
}

// The kubelet removes an emptyDir a moment after its pod.
TEST_P(Follow, SavesAJobWhoseVolumeGoesWithIt) {
    follow();
    const auto volumes = scratch.path() / "volumes";
    fs::create_directories(volumes / "at");
    fs::create_directories(volumes / "above");
    const std::string script = "mkdir -p /opt/logs; cd /opt/logs; for i in 1 2 3 4; do say; sleep 0.1; done";
    const auto at = start_counting("at", script, {"--volume", (volumes / "at").string() + ":/opt/logs"});
    const auto above = start_counting("above", script, {"--volume", (volumes / "above").string() + ":/opt"});
    for (const auto& id : {at, above})
        remove_at_once(id);
    fs::remove_all(volumes);
    end();
    for (const char* pod : {"at", "above"}) {
        expect_all(pod);
        EXPECT_EQ(coverage_of(pod), "complete") << pod;
    }
}

TEST_P(Follow, SavesAPodThatIsRemovedWhileItWrites) {
    const auto id = start_counting("busy", "while :; do for i in 1 2 3 4 5 6 7 8 9; do number=$((number + "
                                           "1)); echo \"line $number\"; done >> app.log; "
                                           "echo $number > /truth/next; mv /truth/next /truth/busy; done");
    follow();
    std::this_thread::sleep_for(1s);
    engine.docker({"rm", "--force", id});
    end();
    const auto numbers = saved("busy");
    EXPECT_GE(numbers.size(), static_cast<std::size_t>(counted("busy")));
    EXPECT_EQ(numbers.rbegin()->first, static_cast<int>(numbers.size())) << "a line is missing";
    EXPECT_EQ(coverage_of("busy"), "complete");
}

TEST_P(Follow, SavesFilesThatAreRotatedCompressedAndDeleted) {
    const auto id = start_counting(
        "rotated", "for round in 1 2 3 4; do for i in 1 2 3 4 5; do say; done; mv app.log app.log.1; "
                   "sleep 0.2; gzip app.log.1; sleep 0.2; rm app.log.1.gz; done; say; exec sleep 1000");
    follow();
    engine.exec(id, "while ! grep -q '^21' /truth/rotated; do sleep 0.1; done");
    follow();
    expect_all("rotated");
    remove_at_once(start_counting("other", "say"));
    end();
    expect_all("rotated");
    expect_all("other");
}

// Of a file that is deleted while it is open, all that is written later is there, too.
TEST_P(Follow, SavesADeletedFileThatIsWrittenTo) {
    follow();
    remove_at_once(start_counting(
        "open",
        "say; exec 3>>app.log; sleep 0.3; rm app.log; sleep 0.5; for i in 1 2 3; do number=$((number + 1)); "
        "echo \"line $number\" >&3; sleep 0.1; done; echo $number > /truth/open"));
    end();
    expect_all("open");
}

// The next process cannot find such a file: the one before hands it over.
TEST_P(Follow, HandsOverADeletedFileThatIsWrittenTo) {
    follow();
    const auto id = start_counting(
        "open",
        "say; exec 3>>app.log; sleep 0.3; rm app.log; while [ ! -e /truth/stop ]; do number=$((number + "
        "1)); echo \"line $number\" >&3; echo $number > /truth/open; sleep 0.05; done; touch "
        "/truth/idle; exec sleep 1000");
    wait_until("it writes", [&] { return fs::exists(scratch.path() / "truth/open"); });
    for (int i = 0; i < 4; ++i) {
        std::this_thread::sleep_for(300ms);
        follow();
    }
    write_file(scratch.path() / "truth/stop", "");
    wait_until("the pod is idle", [&] { return fs::exists(scratch.path() / "truth/idle"); });
    end();
    EXPECT_GT(counted("open"), 20);
    expect_all("open");
    engine.kill(id);
}

TEST_P(Follow, LosesNothingWhenTheNextRunTakesOver) {
    follow();
    const auto id = start_counting(
        "rotating", "sleep 0.5; while [ ! -e /truth/stop ]; do say; say; sleep 0.1; mv app.log app.log.1; "
                    "say; sleep 0.1; "
                    "gzip app.log.1; rm app.log.1.gz; done; touch /truth/idle; exec sleep 1000");
    wait_until("it writes", [&] { return fs::exists(scratch.path() / "truth/rotating"); });
    for (int i = 0; i < 12; ++i)
        follow();
    write_file(scratch.path() / "truth/stop", "");
    wait_until("the pod is idle", [&] { return fs::exists(scratch.path() / "truth/idle"); });
    end();
    expect_all("rotating");
    engine.kill(id);
}

TEST_P(Follow, LendsTheLockToOtherCommands) {
    const auto id = start_counting("counting", "while :; do say; sleep 0.05; done");
    follow();
    expect_clean(run_once());
    expect_clean(run_once({"prune", "--keep", "30d"}));
    expect_clean(run_once({"verify"}));
    EXPECT_TRUE(is_following());
    remove_at_once(start_counting("short", "say; say"));
    const Result report = run_once({"--json"});
    EXPECT_EQ(report.code, 0) << report.err;
    end();
    expect_all("short");
    EXPECT_GE(nlohmann::json::parse(report.out)["while_following"]["new"].get<int>(), 1) << report.out;
    engine.kill(id);
}

TEST_P(Follow, AKilledFollowerCostsOnlyWhatHappensUntilTheNextRun) {
    // It ends by itself: a kill can come between a line and its count.
    const auto id = start_counting("counting", "while [ ! -e /truth/stop ]; do say; sleep 0.05; done");
    follow();
    remove_at_once(start_counting("before", "say; say"));
    wait_until("it is saved", [&] { return fs::exists(backup / "job/before/app.log"); });
    ::kill(follower->pid(), SIGKILL);
    (void)follower->wait();
    follower.reset();
    follow();
    remove_at_once(start_counting("after", "say; say; say"));
    end();
    for (const char* pod : {"before", "after"})
        expect_all(pod);
    write_file(scratch.path() / "truth/stop", "");
    engine.wait(id);
    expect_clean(run_once());
    expect_all("counting");
}

// The kernel ends the largest process when it has no memory left: that is a run, not the follower.
TEST_P(Follow, GoesOnWhenItsRunIsKilled) {
    engine.exec(engine.start({"web", "web"}), "echo one > /opt/logs/app.log");
    const auto slow = write_script(scratch.path() / "rsync", "sleep 1; exec /usr/bin/rsync \"$@\"");
    const fs::path log = scratch.path() / "log";
    write_file(log, "");
    follower = std::make_unique<Background>(
        command({"--quiet", "--follow", "10m", "--rsync", slow.string(), "--log-file", log.string()}));
    std::string of_run;
    wait_until("its run saves", [&] {
        of_run = run({"pgrep", "--parent", std::to_string(follower->pid()), "logbackup"}).out;
        return !of_run.empty() && !run({"pgrep", "--parent", std::to_string(std::stoi(of_run))}).out.empty();
    });
    ::kill(std::stoi(of_run), SIGKILL);
    wait_until("it is told", [&] {
        return read_file(log).find("a run was ended by signal 9; the next one") != std::string::npos;
    });
    remove_at_once(start_counting("short", "say; sleep 0.3; say"));
    wait_until("both are saved", [&] {
        return fs::exists(backup / "job/short/app.log") && fs::exists(backup / "web/web/app.log");
    });
    EXPECT_EQ(read_file(backup / "web/web/app.log"), "one\n");
    ::kill(follower->pid(), SIGTERM);
    EXPECT_EQ(follower->wait(), 128 + SIGKILL);
    follower.reset();
    expect_all("short");
    expect_clean(run_once());
}

TEST_P(Follow, ListensAgainWhenTheRuntimesClientDies) {
    follow();
    const std::string client = sh("pgrep --parent " + std::to_string(follower->pid()) + " docker");
    ASSERT_FALSE(client.empty());
    ::kill(std::stoi(client), SIGKILL);
    wait_until("another client", [&] {
        const std::string now = run({"pgrep", "--parent", std::to_string(follower->pid()), "docker"}).out;
        return !now.empty() && now != client;
    });
    remove_at_once(start_counting("short", "say; sleep 0.5; say"));
    end();
    expect_all("short");
}

TEST_P(Follow, GoesOnWhenTheEngineCrashes) {
    follow();
    int round = 0;
    for (const auto daemon : {Engine::Daemon::dockerd, Engine::Daemon::containerd, Engine::Daemon::dockerd}) {
        const std::string pod = "pod" + std::to_string(++round);
        const auto stays = start_counting(pod + "-stays", "say; exec sleep 1000");
        remove_at_once(start_counting(pod + "-before", "say; sleep 0.3; say"));
        engine.crash(daemon);
        std::string id;
        wait_until("a container can be started", [&] {
            try {
                id = start_counting(pod + "-after", "say; sleep 0.5; say");
            } catch (const std::exception&) { // not yet
            }
            return !id.empty();
        });
        remove_at_once(id);
        engine.docker({"rm", "--force", stays});
    }
    end();
    for (int i = 1; i <= round; ++i)
        for (const char* when : {"stays", "before", "after"})
            expect_all("pod" + std::to_string(i) + "-" + when);
    EXPECT_EQ(run_once().code, 0);
}

// A follower can live for days.
TEST_P(Follow, OpensALogFileAnewThatWasRotated) {
    const fs::path log = scratch.path() / "logbackup.log";
    follow({"--log-file", log.string()});
    fs::rename(log, log.string() + ".1");
    remove_at_once(start_counting("short", "say"));
    wait_until("a log file",
               [&] { return fs::exists(log) && read_file(log).find("1 new") != std::string::npos; });
    end();
}

TEST_P(Follow, EndsAtOnceWhenItIsStoppedBeforeItsRun) {
    const auto hanging = write_script(scratch.path() / "docker", "exec sleep 1000000");
    Background stopped(command({"--quiet", "--follow", "10m", "--docker", hanging.string()}));
    std::this_thread::sleep_for(300ms);
    ::kill(stopped.pid(), SIGTERM);
    EXPECT_EQ(stopped.wait(), 128 + SIGTERM);
}

// Where nothing can be followed, what a run without --follow does is still done.
TEST_P(Follow, IsARunThatDoesNotStayWhereItCannot) {
    engine.exec(engine.start({"web", "web"}), "echo one > /opt/logs/app.log");
    auto argv = command({"--quiet", "--follow", "10m"});
    argv.insert(argv.begin(), {"unshare", "--user", "--map-root-user", "sh", "-c",
                               "echo 0 > /proc/sys/user/max_inotify_instances && exec \"$@\"", "sh"});
    const Result without_inotify = run(argv);
    EXPECT_NE(without_inotify.err.find("this run does not stay: cannot watch"), std::string::npos);
    EXPECT_NE(without_inotify.err.find("max_user_instances"), std::string::npos);
    EXPECT_EQ(read_file(backup / "web/web/app.log"), "one\n");

    fs::create_directories(backup / ".logbackup/follower/no socket");
    const Result without_socket = run(command({"--quiet", "--follow", "10m"}));
    EXPECT_NE(without_socket.err.find("this run does not stay: cannot make a socket"), std::string::npos);
    EXPECT_EQ(without_socket.code, 0);
}

TEST_P(Follow, WithoutDockerFailsAsARunThatDoesNotStay) {
    const fs::path metrics = scratch.path() / "logbackup.prom";
    fs::create_directory(backup);
    fs::permissions(backup, fs::perms(0750));
    const auto away = write_script(scratch.path() / "docker", "echo no engine >&2; exit 1");
    const Result result =
        run(command({"--follow", "10m", "--docker", away.string(), "--metrics", metrics.string()}));
    EXPECT_EQ(result.code, 1);
    EXPECT_NE(result.err.find("no engine"), std::string::npos);
    EXPECT_NE(read_file(metrics).find("logbackup_runs_total{exit_code=\"1\"} 1\n"), std::string::npos)
        << result.err << read_file(metrics);
}

// A container that makes more than can be held, or what leads elsewhere, costs the others nothing.
TEST_P(Follow, IsNotMisledByAHostileContainer) {
    write_file(scratch.path() / "secret", "a secret of the host\n");
    follow();
    const auto hostile =
        engine.start({"hostile",
                      "hostile",
                      {"--volume", (scratch.path() / "secret").string() + ":/etc/secret"},
                      "cd /opt/logs; i=0; while [ $i -lt 3000 ]; do i=$((i + 1)); echo x > f$i; rm f$i; "
                      "mkdir -p d$i/d; ln -s /etc/shadow l$i; "
                      "done; mkfifo p; cd /opt; mv logs former; ln -s /etc logs; rm logs; ln -s " +
                          scratch.path().string() + " logs; exec sleep 1000"});
    const auto id = start_counting(
        "quiet", "for i in 1 2 3 4 5; do say; sleep 0.3; mv app.log app.log.1; done; exec sleep 1000");
    engine.exec(id, "while ! grep -q '^5' /truth/quiet; do sleep 0.1; done");
    engine.docker({"rm", "--force", id});
    engine.docker({"rm", "--force", hostile});
    end();
    expect_all("quiet");
    for (const auto& [path, content] : tree_of(backup)) {
        EXPECT_EQ(content.find("secret of the host"), std::string::npos) << path;
        EXPECT_EQ(content.find("root:"), std::string::npos) << path;
    }
}

IN_BOTH_WAYS(Follow);

} // namespace
