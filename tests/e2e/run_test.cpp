// SPDX-License-Identifier: MIT
#include "support.hpp"

#include <signal.h>

using namespace e2e;

class Filters : public e2e::Test {
  protected:
    void SetUp() override {
        for (const auto& [service, pod, name_space] :
             {std::tuple{"web", "web-1", "default"}, {"web", "web-2", "default"}, {"db", "db-0", "data"}}) {
            Pod options{service, pod};
            options.namespace_name = name_space;
            ids.push_back(engine.share(options).id);
            engine.exec(ids.back(), "echo x > /opt/logs/app.log");
        }
    }
    /// The pods that a run with these arguments saves.
    std::vector<std::string> saved_with(const std::vector<std::string>& arguments) {
        fs::remove_all(backup);
        expect_clean(run_once(arguments));
        std::vector<std::string> pods;
        for (const auto* pod : {"web/web-1", "web/web-2", "db/db-0"})
            if (fs::exists(backup / pod / "app.log"))
                pods.emplace_back(pod);
        return pods;
    }
    std::vector<std::string> ids;
};

TEST_F(Filters, SelectByServicePodNamespaceAndContainer) {
    using Pods = std::vector<std::string>;
    EXPECT_EQ(saved_with({"--service", "web"}), (Pods{"web/web-1", "web/web-2"}));
    EXPECT_EQ(saved_with({"--service", "w*", "--pod", "*-2"}), (Pods{"web/web-2"}));
    EXPECT_EQ(saved_with({"--namespace", "data"}), (Pods{"db/db-0"}));
    EXPECT_EQ(saved_with({"--pod", "web-1", "--pod", "db-?"}), (Pods{"web/web-1", "db/db-0"}));
    EXPECT_EQ(saved_with({"--container", ids[1].substr(0, 12)}), (Pods{"web/web-2"}));
}

TEST_F(Filters, ThatMatchNothingSaySo) {
    for (const auto& filter :
         {std::vector<std::string>{"--service", "nosuch"}, {"--container", "ffffffffffff"}}) {
        const Result result = run_once(filter);
        EXPECT_EQ(result.code, 1);
        EXPECT_NE(result.err.find("no container matches"), std::string::npos) << result.err;
        EXPECT_EQ(tree_of(backup), Tree());
    }
}

TEST_F(Filters, AFilteredRunLeavesTheOthersAsTheyAre) {
    expect_clean(run_once());
    const auto newer = engine.start({"web", "web-1"});
    engine.exec(newer, "echo newer > /opt/logs/app.log");
    expect_clean(run_once({"--service", "db"}));
    expect_clean(run_once());
    EXPECT_EQ(read_file(backup / "web/web-1/app.log"), "x\n");
    EXPECT_EQ(read_file(backup / "web/web-1@1/app.log"), "newer\n");
}

class Usage : public e2e::Test {};

TEST_F(Usage, WrongUsageIsOneLineAndCode2) {
    for (const auto& arguments : std::vector<std::vector<std::string>>{{"--nosuch"},
                                                                       {"stray"},
                                                                       {"--max-duration", "soon"},
                                                                       {"--log-dir", "relative"},
                                                                       {"--group", "no-such-group"},
                                                                       {"--quiet", "--verbose"},
                                                                       {"--service"}}) {
        const Result result = run_once(arguments);
        EXPECT_EQ(result.code, 2) << arguments[0];
        EXPECT_EQ(result.out, "");
        EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
        EXPECT_TRUE(result.err.starts_with("logbackup: ")) << result.err;
    }
    EXPECT_FALSE(fs::exists(backup));
}

TEST_F(Usage, HelpAndVersion) {
    const Result help = run_once({"--help"});
    expect_clean(help);
    for (const auto* option : {"--dry-run", "--dest", "--log-dir", "--service", "--group", "--max-duration",
                               "--docker", "--rsync", "--quiet", "Exit codes"})
        EXPECT_NE(help.out.find(option), std::string::npos) << option;
    EXPECT_TRUE(run_once({"--version"}).out.starts_with("logbackup "));
}

class Run : public BothWays {
  protected:
    void SetUp() override {
        BothWays::SetUp();
        const auto [id, is_new] = engine.share({"web", "web-1"});
        if (is_new)
            engine.exec(id,
                        "echo small > /opt/logs/a.log; head -c 40000000 /dev/urandom > /opt/logs/big.log");
        content = engine.cat(id, "/opt/logs/big.log");
        slow = write_script(scratch.path() / "rsync", "exec /usr/bin/rsync --bwlimit=10m \"$@\"").string();
    }
    void wait_for_bytes() {
        wait_until("bytes arrive", [&] { return has_arrived(backup, 500'000); });
    }
    void expect_valid_part() {
        const std::string part = read_file(big);
        EXPECT_LT(part.size(), content.size());
        EXPECT_EQ(content.compare(0, part.size(), part), 0) << "a prefix of its source";
    }
    void expect_completed() {
        expect_clean(run_once());
        EXPECT_EQ(tree_of(backup / "web/web-1"), (Tree{{"a.log", "small\n"}, {"big.log", content}}));
    }
    std::string content;
    std::string slow;
    fs::path big = backup / "web/web-1/big.log";
};
IN_BOTH_WAYS(Run);

TEST_P(Run, ASecondRunWhileOneRunsExits75AtOnce) {
    Background first(command({"--rsync", slow}));
    wait_for_bytes();
    const Result second = run_once();
    EXPECT_EQ(second.code, 75);
    EXPECT_NE(second.err.find("another run is working on"), std::string::npos) << second.err;
    EXPECT_EQ(run_once({"--dry-run"}).code, 0) << "a dry run needs no lock";
    EXPECT_EQ(first.wait(), 0);
    expect_completed();
}

TEST_P(Run, SignalsEndTheChildrenAndLeaveAValidBackup) {
    for (const int signal : {SIGTERM, SIGINT}) {
        fs::remove_all(backup);
        Background running(command({"--rsync", slow}));
        wait_for_bytes();
        ::kill(running.pid(), signal);
        EXPECT_EQ(running.wait(), 128 + signal);
        const auto size = fs::file_size(big);
        expect_valid_part();
        EXPECT_EQ(fs::file_size(big), size) << "rsync has ended";
    }
    expect_completed();
}

TEST_P(Run, AKilledRunLeavesTheLockToItsRsyncAndAValidBackup) {
    Background running(command({"--rsync", slow}));
    wait_for_bytes();
    ::kill(running.pid(), SIGKILL);
    EXPECT_EQ(running.wait(), 128 + SIGKILL);
    // Its rsync gets SIGKILL too, and its rsync's children end with it; until then they hold the lock.
    wait_until("the lock is free", [&] {
        return run({"flock", "--nonblock", (backup / ".logbackup/lock").string(), "true"}).code == 0;
    });
    EXPECT_FALSE(fs::exists(big)) << "nothing that is not proved";
    expect_completed();
    EXPECT_EQ(sh("find '" + (backup / ".logbackup/incoming").string() + "' -type f"), "")
        << "nothing is left";
}

TEST_P(Run, TheTimeoutBoundsAWholeRun) {
    // It is to be stopped while rsync copies: a busy machine may need seconds until then, and the copy takes
    // 40 s.
    const auto slower = write_script(scratch.path() / "slower", "exec /usr/bin/rsync --bwlimit=1m \"$@\"");
    const Result result = run_once({"--rsync", slower.string(), "--max-duration", "10s"});
    EXPECT_EQ(result.code, 3);
    EXPECT_NE(result.err.find("stopped by --max-duration"), std::string::npos) << result.err;
    expect_valid_part();
    expect_completed();
}
