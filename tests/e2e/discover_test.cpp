// SPDX-License-Identifier: MIT
#include "support.hpp"

using namespace e2e;

class Discover : public BothWays {};
MOUNTED_ONLY(Discover);

TEST_P(Discover, SavesRunningPausedAndStoppedContainersByteForByte) {
    const auto running = engine.start({"web", "web-1"});
    engine.exec(running, "head -c 200000 /dev/urandom > /opt/logs/app.log; mkdir /opt/logs/old; gzip -c "
                         "/opt/logs/app.log > /opt/logs/old/1.gz");
    const auto paused = engine.start({"db", "db-0"});
    engine.exec(paused, "echo before the pause > /opt/logs/db.log");
    engine.docker({"pause", paused});
    const auto stopped = engine.start({"job", "job-x7k2p", {}, "echo done > /opt/logs/job.log"});
    engine.wait(stopped);

    expect_clean(run_once());

    const Tree expected{{"web", "dir"},
                        {"web/web-1", "dir"},
                        {"web/web-1/app.log", engine.cat(running, "/opt/logs/app.log")},
                        {"web/web-1/old", "dir"},
                        {"web/web-1/old/1.gz", engine.cat(running, "/opt/logs/old/1.gz")},
                        {"db", "dir"},
                        {"db/db-0", "dir"},
                        {"db/db-0/db.log", "before the pause\n"},
                        {"job", "dir"},
                        {"job/job-x7k2p", "dir"},
                        {"job/job-x7k2p/job.log", "done\n"}};
    EXPECT_EQ(tree_of(backup), expected);
}

TEST_P(Discover, LeavesOutWhatIsNotAContainerOfAPod) {
    engine.start({"", "", {}, "echo x > /opt/logs/x.log; exec sleep 1000000"});
    engine.start({"POD", "web-1", {"--label", "io.kubernetes.docker.type=podsandbox"}});
    engine.start({"", "", {"--label", "io.kubernetes.pod.name=half"}});

    const Result result = run_once();

    expect_clean(result, 0, "nothing is saved: none of 2 containers has the labels that --names reads");
    EXPECT_EQ(tree_of(backup), Tree());
    EXPECT_NE(result.out.find("0 containers"), std::string::npos) << result.out;
}

TEST_P(Discover, NamesContainersWithoutKubernetesByWhoMadeThem) {
    const std::string script = "echo x > /opt/logs/x.log; exec sleep 1000000";
    const std::string compose = "com.docker.compose.";
    const auto plain = engine.start({"", "", {"--name", "registry"}, script});
    const auto web = engine.start(
        {"",
         "",
         {"--name", "shop-web-1", "--label", compose + "service=web", "--label", compose + "project=shop"},
         script});
    // An image can say that it is a pod, and not that others are none.
    const auto label = engine.start({"",
                                     "",
                                     {"--name", "odd", "--label", "io.kubernetes.container.name=odd",
                                      "--label", "io.kubernetes.pod.name=odd-1"},
                                     script});
    for (const auto& id : {plain, web, label})
        wait_until("it has written", [&] { return engine.exec(id, "ls /opt/logs") == "x.log\n"; });

    expect_clean(run_once());

    for (const auto* place : {"registry/registry", "web/shop-web-1", "odd/odd-1"})
        EXPECT_EQ(tree_of(backup / place), (Tree{{"x.log", "x\n"}})) << place;
    const Result listed = run({LOGBACKUP_BINARY, "list", "--dest", backup.string(), "--namespace", "shop"});
    EXPECT_NE(listed.out.find("shop-web-1"), std::string::npos) << listed.out;
    const Result by_name = run_once({"--dry-run", "--names", "container"});
    EXPECT_NE(by_name.out.find("\nshop-web-1  shop-web-1 "), std::string::npos)
        << "its record keeps its place: " << by_name.out;
}

TEST_P(Discover, ReportsLabelsThatAreNoKubernetesNamesAndSavesTheRest) {
    engine.start({"../../etc", "web-1", {}, "echo x > /opt/logs/x.log; exec sleep 1000000"});
    const auto good = engine.start({"web", "web-1"});
    engine.exec(good, "echo good > /opt/logs/app.log");

    const Result result = run_once();

    EXPECT_EQ(result.code, 0);
    EXPECT_NE(result.err.find("io.kubernetes.container.name is not a valid Kubernetes name: '../../etc'"),
              std::string::npos)
        << result.err;
    EXPECT_EQ(tree_of(backup).at("web/web-1/app.log"), "good\n");
    EXPECT_EQ(tree_of(backup).size(), 3U);
}

class DiscoverOnce : public e2e::Test {};

TEST_F(DiscoverOnce, AContainerThatIsGoneBeforeInspectIsNoError) {
    const auto doomed = engine.start({"web", "doomed"});
    const auto stays = engine.start({"web", "stays"});
    engine.exec(stays, "echo here > /opt/logs/app.log");
    const auto docker =
        write_script(scratch.path() / "docker", R"(real=$(PATH=$PATH:/usr/local/bin command -v docker)
"$real" "$@"; code=$?
[ "$1" != ps ] || "$real" rm -f )" + doomed + R"( >/dev/null
exit $code)");

    expect_clean(run_once({"--docker", docker.string()}));

    EXPECT_EQ(tree_of(backup), (Tree{{"web", "dir"}, {"web/stays", "dir"}, {"web/stays/app.log", "here\n"}}));
}

TEST_F(DiscoverOnce, FindsItsProgramsWithCronsEnvironment) {
    const auto id = engine.start({"web", "web-1"});
    engine.exec(id, "echo x > /opt/logs/app.log");

    // /usr/local/bin and /usr/sbin are not on cron's PATH.
    const Result result = run({"env", "-i", "PATH=/nowhere", "HOME=/root", "DOCKER_HOST=" + engine.host(),
                               LOGBACKUP_BINARY, "--dest", backup.string(), "--quiet"});

    expect_clean(result);
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(tree_of(backup).at("web/web-1/app.log"), "x\n");
}

// A `docker cp` whose reader stalls holds its container's lock: an inspect of it hangs until the reader goes
// on.
TEST_F(DiscoverOnce, AHungInspectLeavesOutTheSickContainerOnly) {
    const auto sick = engine.start({"web", "sick"});
    engine.exec(sick, "head -c 50000000 /dev/zero > /big");
    std::vector<std::string> healthy;
    for (const auto* pod : {"a", "b", "c", "d"}) {
        const auto id = engine.start({"web", pod});
        engine.exec(id, "echo $HOSTNAME > /opt/logs/app.log");
    }
    const Background stalled({"sh", "-c",
                              "docker cp " + sick + ":/big - | (head -c 10 > " +
                                  (scratch.path() / "first").string() + "; exec sleep 1000)"});
    wait_until("the copy has begun", [&] {
        return fs::exists(scratch.path() / "first") && fs::file_size(scratch.path() / "first") == 10;
    });

    const Result result = run_once({"--docker-timeout", "8s"});

    EXPECT_EQ(result.code, 3);
    EXPECT_NE(result.err.find("container " + sick.substr(0, 12) +
                              " is left out: docker inspect of it did not answer in time"),
              std::string::npos)
        << result.err;
    const Tree tree = tree_of(backup);
    for (const auto* pod : {"a", "b", "c", "d"})
        EXPECT_EQ(tree.count(std::string("web/") + pod + "/app.log"), 1U) << pod;
    EXPECT_EQ(tree.count("web/sick"), 0U);
}
