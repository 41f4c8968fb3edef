// SPDX-License-Identifier: MIT
#include "attack_support.hpp"
#include "fuse_server.hpp"

#include <array>
#include <ctime>
#include <set>
#include <sstream>

using namespace e2e;

/// Attacks that were thought of from what the program promises, not from how it is made.
class AttackAfresh : public Attack {
  protected:
    /// Every line of all files of a directory, as often as it is there.
    static std::multiset<std::string> lines_in(const fs::path& root) {
        std::multiset<std::string> lines;
        for (const auto& [path, content] : tree_of(root)) {
            std::istringstream text(fs::is_regular_file(root / path) ? content : "");
            for (std::string line; std::getline(text, line);)
                lines.insert(line);
        }
        return lines;
    }
    static std::size_t lines_twice(const std::multiset<std::string>& lines) {
        return lines.size() - std::set<std::string>(lines.begin(), lines.end()).size();
    }
};
IN_BOTH_WAYS(AttackAfresh);

// What is set aside in the next minutes would get these names: as files, directories and links.
TEST_P(AttackAfresh, TheNamesOfWhatIsSetAsideAreTakenAlready) {
    const fs::path logs = scratch.path() / "logs";
    write_file(logs / "real/x", "forged");
    std::time_t time = std::time(nullptr);
    for (int second = 0; second < 180; ++second, ++time) {
        std::array<char, 32> stamp{};
        std::strftime(stamp.data(), stamp.size(), "~%Y%m%dT%H%M%SZ", std::gmtime(&time));
        const std::string suffix = stamp.data();
        for (const char* number : {"", ".1", ".2"})
            write_file(logs / ("file.log" + suffix + number), "forged");
        write_file(logs / ("directory.log" + suffix) / "x", "forged");
        fs::create_symlink("real", logs / ("link.log" + suffix));
    }
    const std::vector<std::string> names{"file.log", "directory.log", "link.log", std::string(255, 'l')};
    for (const auto& name : names)
        write_file(logs / name, "the first content of " + name + "\n");
    engine.start({"evil", "evil-1", {"--volume", logs.string() + ":/opt/logs"}});
    expect_clean(run_once());
    for (const auto& name : names)
        write_file(logs / name, "other\n");
    expect_clean(run_once(), 0, "replaced or truncated in nearly every run");
    expect_nothing_from_outside();

    const auto source = tree_of(logs);
    auto saved = tree_of(backup / "evil/evil-1");
    for (const auto& [path, content] : source) {
        EXPECT_EQ(saved[path], content) << path;
        saved.erase(path);
    }
    std::multiset<std::string> aside;
    for (const auto& [path, content] : saved)
        aside.insert(content);
    std::multiset<std::string> expected;
    for (const auto& name : names)
        expected.insert("the first content of " + name + "\n");
    EXPECT_EQ(aside, expected);
}

TEST_P(AttackAfresh, RestartedKilledPausedAndRenamedDuringRuns) {
    const std::string writes =
        "cd /opt/logs; r=$(cat /proc/sys/kernel/random/uuid); i=0; while :; do echo \"$r $i\" >> app.log; "
        "i=$((i+1)); [ $((i%200)) = 0 ] && mv app.log $r.$i; usleep 500; done";
    const fs::path volume = scratch.path() / "volume";
    const auto in_layers = engine.start({"web", "layers", {}, writes});
    const auto on_volume =
        engine.start({"web", "volume", {"--volume", volume.string() + ":/opt/logs"}, writes});
    const std::vector<std::string> changes{"docker restart -t 0 $c", "docker kill $c; docker start $c",
                                           "docker pause $c; docker unpause $c",
                                           "docker rename $c other; docker rename other $c-again"};
    for (int round = 0; round < 12; ++round) {
        const auto& change = changes[static_cast<std::size_t>(round) % changes.size()];
        Background chaos(
            {"sh", "-c", "for c in " + in_layers + " " + on_volume + "; do " + change + "; done"});
        const Result result = run_once({"--quiet"});
        EXPECT_EQ(result.code, 0) << change << "\n" << result.err;
        chaos.wait();
        // Cheap as this, and as plain as can be: what is longer is taken for the same log.
        sh("rsync -a --append '" + volume.string() + "/' '" + (plain / "volume").string() + "/' || true");
    }
    engine.kill(in_layers);
    engine.kill(on_volume);
    expect_clean(run_once());
    sh("rsync -a --append '" + volume.string() + "/' '" + (plain / "volume").string() + "/'");
    EXPECT_NE(lines_in(plain / "volume"), lines_in(volume));

    engine.docker({"cp", in_layers + ":/opt/logs", (scratch.path() / "layers").string()});
    EXPECT_EQ(lines_in(backup / "web/layers"), lines_in(scratch.path() / "layers"));
    EXPECT_EQ(lines_in(backup / "web/volume"), lines_in(volume));
    EXPECT_EQ(lines_twice(lines_in(backup)), 0U);
}

/// A container that puts new directories in the place of its volume's log directory, without end.
class ReplacedAttack : public AttackAfresh {
  protected:
    fs::path above = scratch.path() / "above";

    std::size_t live_records() const {
        const auto directory = backup / ".logbackup/live";
        std::size_t count = 0;
        if (fs::exists(directory))
            for (const auto& entry : fs::recursive_directory_iterator(directory))
                count += entry.is_regular_file() ? 1U : 0U;
        return count;
    }
    void expect_lines(const std::multiset<std::string>& lines) const { EXPECT_EQ(lines_in(backup), lines); }
};
IN_BOTH_WAYS(ReplacedAttack);

TEST_P(ReplacedAttack, ManyTimes) {
    const auto id = engine.start({"evil", "evil-1", {"--volume", above.string() + ":/opt"}});
    engine.exec(id, "mkdir /opt/logs; echo 0 > /opt/logs/app.log");
    expect_clean(run_once());
    std::multiset<std::string> lines{"0"};
    for (int round = 1; round <= 5; ++round) {
        const auto number = std::to_string(round);
        engine.exec(id, "cd /opt; mv logs o" + number + "; mkdir logs; echo " + number + " > logs/app.log");
        expect_clean(run_once());
        EXPECT_EQ(live_records(), 1U) << round;
        lines.insert(number);
        expect_lines(lines);
    }
    // It is a former log directory again, that of round 2: its record goes on.
    engine.exec(id, "cd /opt; mv logs o6; mv o3 logs; echo more >> logs/app.log");
    expect_clean(run_once());
    expect_clean(run_once());
    lines.insert("more");
    expect_lines(lines);
    EXPECT_EQ(live_records(), 1U);
    EXPECT_EQ(run_once({"verify"}).code, 0);
}

TEST_P(ReplacedAttack, ByALinkManyTimes) {
    const auto id = engine.start({"evil", "evil-1", {"--volume", above.string() + ":/opt"}});
    std::multiset<std::string> lines;
    for (int round = 0; round < 24; ++round) {
        const auto number = std::to_string(round);
        engine.exec(id, "cd /opt; rm -f logs; mkdir d" + number + "; echo " + number + " > d" + number +
                            "/app.log; ln -s d" + number + " logs");
        expect_clean(run_once());
        lines.insert(number);
    }
    EXPECT_EQ(live_records(), 21U) << "the one that it has, and twenty to go back to";
    expect_lines(lines);
    engine.exec(id, "cd /opt; rm logs; ln -s d20 logs; echo more >> logs/app.log");
    expect_clean(run_once());
    lines.insert("more");
    expect_lines(lines);
}

// Two containers have another directory each under the same path.
TEST_P(ReplacedAttack, UnderAContainerThatStillHasTheFormerOne) {
    const std::string volume = (above / "logs").string() + ":/opt/logs";
    const auto former = engine.start({"web", "web-1", {"--volume", volume}});
    engine.exec(former, "echo former > /opt/logs/app.log");
    expect_clean(run_once());
    fs::rename(above / "logs", above / "old");
    const auto other = engine.start({"web", "web-2", {"--volume", volume}});
    for (const auto* line : {"1", "2"}) {
        for (const auto& id : {former, other})
            engine.exec(id, std::string("echo ") + line + " >> /opt/logs/app.log");
        expect_clean(run_once());
        EXPECT_EQ(live_records(), 2U);
    }
    expect_lines({"former", "1", "1", "2", "2"});
}

// With a shared mount the host sees what the container mounts, below its volume and over it.
TEST_P(AttackAfresh, MountsThatReachTheHost) {
    const fs::path shared = scratch.path() / "shared";
    fs::create_directories(shared);
    sh("cd '" + shared.string() + "' && mount --bind . . && mount --make-shared '" + shared.string() +
       "' && mkdir logs");
    const auto id =
        engine.start({"evil",
                      "evil-1",
                      {"--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined", "--security-opt",
                       "apparmor=unconfined", "--volume", secret.string() + ":/given:ro", "--volume",
                       (shared / "logs").string() + ":/opt/logs:rshared"}});
    const auto good = engine.start({"good", "good-1", {}, "echo good > /opt/logs/app.log; sleep 1000000"});
    engine.exec(id, "cd /opt/logs; mkdir d p; echo own > app.log; echo own > f; mount --bind /given d; "
                    "mount --bind /given/app.log f; mount -t proc none p");
    plain_copy(shared / "logs/d", "below");
    plain_copy(shared / "logs/p/1/net", "proc");
    EXPECT_GT(secrets_in(plain / "below"), 0U);
    EXPECT_FALSE(tree_of(plain / "proc").empty());
    expect_nothing_from_outside(exposed_run());
    if (way == Way::mounted) {
        EXPECT_EQ(tree_of(backup / "evil/evil-1"), (Tree{{"app.log", "own\n"}, {"f", "own\n"}}));
    } else {
        EXPECT_FALSE(fs::exists(backup / "evil")) << "it cannot be read without what lies below";
    }
    engine.exec(id, "mount --bind /proc /opt/logs");
    EXPECT_TRUE(fs::exists(shared / "logs/cmdline"));
    const auto before = tree_of(backup);
    EXPECT_EQ(exposed_run().code, 3);
    EXPECT_EQ(tree_of(backup), before);
    engine.kill(id);
    exposed_run();
    expect_nothing_from_outside();
    EXPECT_EQ(tree_of(backup / "good/good-1").size(), 1U);
}

TEST_P(AttackAfresh, ADeadServerBelowAVolume) {
    write_file(scratch.path() / "volume/own.log", "own\n");
    fs::create_directories(scratch.path() / "volume/fuse");
    const FuseServer server(scratch.path() / "volume/fuse");
    engine.start({"web", "web-1", {"--volume", (scratch.path() / "volume").string() + ":/opt/logs"}});
    const auto good = engine.start({"good", "good-1"});
    engine.exec(good, "echo good > /opt/logs/app.log");
    server.stop();
    auto argv = command({"--max-duration", "5s"});
    argv.insert(argv.begin(), {"timeout", "--signal=KILL", "60"});
    const Result result = run(argv);
    EXPECT_EQ(result.code, way == Way::mounted ? 0 : 3) << result.err; // what lies below cannot be left out
    Tree expected{{"good", "dir"}, {"good/good-1", "dir"}, {"good/good-1/app.log", "good\n"}};
    if (way == Way::mounted)
        expected.insert({{"web", "dir"}, {"web/web-1", "dir"}, {"web/web-1/own.log", "own\n"}});
    EXPECT_EQ(tree_of(backup), expected);
}

TEST_P(AttackAfresh, LabelsOfManyMegabytes) {
    const auto large = engine.start({"web", "large", {}, "echo large > /opt/logs/app.log; sleep 1000000"});
    const auto many = engine.start({"web", "many", {}, "echo many > /opt/logs/app.log; sleep 1000000"});
    const auto name = engine.start({"web", "name", {}, "echo name > /opt/logs/app.log; sleep 1000000"});
    for (const auto& id : {large, many, name})
        wait_until("its log is there", [&] { return fs::exists(merged(id) / "opt/logs/app.log"); });
    auto answer = inspect();
    for (auto& container : answer) {
        auto& labels = container["Config"]["Labels"];
        if (container["Id"] == large)
            labels["large"] = std::string(8U << 20U, '\033');
        for (int i = 0; container["Id"] == many && i < 100000; ++i)
            labels["label-" + std::to_string(i)] = "\u202e\n";
        if (container["Id"] == name)
            labels["io.kubernetes.pod.name"] = std::string(8U << 20U, '\n');
    }
    const Result result = exposed_run({"--docker", docker_with(answer)});
    EXPECT_EQ(result.code, 0);
    EXPECT_NE(result.err.find("is not a valid Kubernetes name"), std::string::npos)
        << result.err.substr(0, 999);
    EXPECT_LT(result.out.size() + result.err.size(), 4000U) << "nobody can read more of it";
    EXPECT_EQ(tree_of(backup), (Tree{{"web", "dir"},
                                     {"web/large", "dir"},
                                     {"web/large/app.log", "large\n"},
                                     {"web/many", "dir"},
                                     {"web/many/app.log", "many\n"}}));
}
