// SPDX-License-Identifier: MIT
#include "attack_support.hpp"

#include <unistd.h>

using namespace e2e;

/// Symbolic links at and around the log directory. They are put into the container's file system from
/// outside, which gives the same links as its own processes would make, and is quicker.
class AttackLinks : public Attack {
  protected:
    void SetUp() override {
        Attack::SetUp();
        victim = engine.start({"victim", "victim-1"});
        engine.exec(victim, "echo 'what the victim logs' > /opt/logs/app.log; mkdir /opt/logs/logs; cp "
                            "/opt/logs/app.log /opt/logs/logs");
        expect_clean(run_once());
    }
    void TearDown() override {
        EXPECT_EQ(read_file(backup / "victim/victim-1/app.log"), "what the victim logs\n");
        Attack::TearDown();
    }

    /// Targets of a link that lead a program on the host, which follows it, to the secret.
    std::vector<std::string> ways_out() const {
        std::string up;
        for (int i = 0; i < 20; ++i)
            up += "../";
        const std::string there = secret.string();
        return {there,
                up + there.substr(1),
                "hop1",
                "/proc/self/root" + there,
                "/proc/1/root" + there, // not all who may read the file may go through that
                "/proc/" + std::to_string(::getpid()) + "/root" + there,
                "/proc/self/cwd",
                "/proc/thread-self/cwd",
                "/proc/self/fd/9",
                "/dev/fd/9",
                "/proc/self/task/../cwd/."};
    }
    /// Puts a link in the place of a directory, and next to it the chain that one of the ways goes.
    void link(const fs::path& place, const std::string& target) const {
        fs::remove_all(place);
        fs::create_symlink(target, place);
        fs::remove(place.parent_path() / "hop1");
        fs::remove(place.parent_path() / "hop2");
        fs::create_symlink("hop2", place.parent_path() / "hop1");
        fs::create_symlink(secret, place.parent_path() / "hop2");
    }
    /// That the plain way has fallen for it, unless nobody here may go that way; what it made is removed.
    void expect_stolen(const std::string& name, const std::string& target,
                       const std::string& text = secret_text) const {
        std::size_t found = 0;
        for (const auto& [path, content] : tree_of(plain / name))
            found += content.find(text) != std::string::npos ? 1U : 0U;
        EXPECT_TRUE(found > 0 || (target.starts_with("/proc/1/") && ::access(target.c_str(), F_OK) != 0))
            << "the plain way did not fall for " << target;
        fs::remove_all(plain / name);
    }
    /// That nothing but what it may save is saved.
    void expect_saved(const std::string& name, const Tree& expected, const std::string& attack) {
        EXPECT_EQ(tree_of(backup / name), expected) << attack;
    }

    std::string victim;
};
IN_BOTH_WAYS(AttackLinks);

TEST_P(AttackLinks, TheLogDirectoryOrTheOneAboveIsALinkToTheHost) {
    const auto at = engine.start({"evil", "at"});
    const auto above = engine.start({"evil", "above"});
    auto targets = ways_out();
    const auto hostile = targets.size(); // the rest shows other containers' logs, or the backup itself
    targets.push_back((merged(victim) / "opt/logs").string());
    targets.push_back((backup / "victim/victim-1").string());
    for (std::size_t i = 0; i < targets.size(); ++i) {
        link(merged(at) / "opt/logs", targets[i]);
        link(merged(above) / "opt", targets[i]);
        for (const auto& [id, name] : {std::pair(at, "at"), std::pair(above, "above")}) {
            plain_loop(id, name);
            expect_stolen(name, targets[i], i < hostile ? secret_text : "what the victim logs");
        }
        const Result result = exposed_run();
        expect_clean(result);
        expect_nothing_from_outside(result);
        expect_saved("evil/at", {}, targets[i]);
        expect_saved("evil/above", {}, targets[i]);
    }
}

TEST_P(AttackLinks, LinksBelowTheLogDirectoryLeadToTheHostInChainsAndLoops) {
    const auto id = engine.start({"evil", "below"});
    const fs::path logs = merged(id) / "opt/logs";
    write_file(logs / "own/app.log", "own\n");
    std::size_t number = 0;
    for (const auto& target : ways_out()) {
        const std::string n = std::to_string(number++);
        fs::create_symlink(target, logs / ("directory" + n));
        fs::create_symlink(target + "/app.log", logs / ("file" + n));
        fs::create_symlink("directory" + n + "/app.log", logs / ("chained" + n));
        fs::create_symlink("../directory" + n + "/app.log", logs / "own" / ("chained" + n));
        fs::create_symlink("../directory" + n + "/..", logs / "own" / ("up" + n));
    }
    link(logs / "last", "hop1");
    fs::create_symlink("loop2", logs / "loop1");
    fs::create_symlink("loop1", logs / "loop2");
    fs::create_symlink("own/../..", logs / "sly");
    fs::create_symlink("../..", logs / "own/up");
    plain_loop(id, "below");
    EXPECT_EQ(read_file(plain / "below/file0"), std::string(secret_text) + "\n");
    EXPECT_EQ(read_file(plain / "below/directory0/app.log"), std::string(secret_text) + "\n");
    const Result result = exposed_run({"-v"});
    expect_clean(result);
    expect_nothing_from_outside(result);
    EXPECT_EQ(read_file(backup / "evil/below/own/app.log"), "own\n");
    EXPECT_TRUE(fs::is_symlink(backup / "evil/below/loop1")) << "harmless";
    EXPECT_FALSE(fs::is_symlink(backup / "evil/below/sly"));

    // What the plain way has left there goes on as a backup, but not its ways out.
    fs::create_directories(backup / "adopted");
    fs::rename(plain / "below", backup / "adopted/below");
    const auto again = engine.start({"adopted", "below"});
    engine.exec(again, "rm -r /opt/logs; mkdir -p /opt/logs/directory0 /opt/logs/own; echo mine > "
                       "/opt/logs/directory0/app.log; echo mine > /opt/logs/file0");
    expect_clean(exposed_run());
    EXPECT_EQ(read_file(backup / "adopted/below/directory0/app.log"), "mine\n");
    EXPECT_EQ(read_file(backup / "adopted/below/file0"), "mine\n");
    EXPECT_EQ(read_file(secret / "app.log"), std::string(secret_text) + "\n") << "not written to";
}

TEST_P(AttackLinks, OfAStoppedContainerWhoseLayersAreRead) {
    const auto at = engine.start({"evil", "at", {}, "rm -r /opt/logs; exec true"});
    const auto above = engine.start({"evil", "above", {}, "rm -r /opt; exec true"});
    const auto below = engine.start({"evil", "below", {}, "cd /opt/logs; mkdir d; echo own > d/app.log"});
    engine.wait(at);
    engine.wait(above);
    engine.wait(below);
    const auto upper = [&](const std::string& id) -> fs::path {
        auto path = engine.docker({"inspect", "--format", "{{.GraphDriver.Data.UpperDir}}", id});
        path.pop_back();
        return path;
    };
    for (const auto& target : ways_out()) {
        link(upper(at) / "opt/logs", target);
        link(upper(above) / "opt", target);
        link(upper(below) / "opt/logs/link", target);
        for (const auto& id : {at, above}) {
            plain_copy(upper(id) / "opt/logs", "stopped");
            expect_stolen("stopped", target);
        }
        fs::remove_all(backup / "evil");
        fs::remove_all(backup / ".logbackup/live/evil"); // as if it were the first run that sees them
        const Result result = exposed_run();
        expect_clean(result);
        expect_nothing_from_outside(result);
        expect_saved("evil/at", {}, target);
        expect_saved("evil/above", {}, target);
        EXPECT_EQ(read_file(backup / "evil/below/d/app.log"), "own\n");
    }
}

TEST_P(AttackLinks, OnAVolumeWhileItRunsAndAfterwards) {
    const fs::path above = scratch.path() / "above";
    const fs::path below = scratch.path() / "below";
    write_file(above / "logs/app.log", "own\n");
    write_file(below / "d/app.log", "own\n");
    const auto first = engine.start({"evil", "above", {"--volume", above.string() + ":/opt"}});
    const auto second = engine.start({"evil", "below", {"--volume", below.string() + ":/opt/logs"}});
    for (const bool running : {true, false}) {
        for (const auto& target : ways_out()) {
            link(above / "logs", target);
            link(below / "link", target);
            fs::remove_all(below / "d");
            link(below / "d", target);
            plain_copy(above / "logs", "volume");
            expect_stolen("volume", target);
            const Result result = exposed_run();
            expect_clean(result);
            expect_nothing_from_outside(result);
            expect_saved("evil/above", {}, target);
        }
        if (running) {
            engine.kill(first);
            engine.kill(second);
        }
    }
}

// Where docker names no directory of the container's file system, it is read through its process, with its
// own /proc and /dev.
TEST_P(AttackLinks, ThroughTheProcessOfTheContainer) {
    const auto at = engine.start({"evil", "at"});
    const fs::path root = merged(at);
    auto answer = inspect();
    for (auto& container : answer)
        container["GraphDriver"]["Data"] = nullptr;
    const auto docker = docker_with(answer);
    const auto pid = engine.docker({"inspect", "--format", "{{.State.Pid}}", at});
    const fs::path process = "/proc/" + pid.substr(0, pid.size() - 1) + "/root/opt/logs";
    auto targets = ways_out();
    const std::string own_root = "/proc/" + pid.substr(0, pid.size() - 1) + "/root" + secret.string();
    targets.push_back(own_root);
    for (const auto& target : targets) {
        link(root / "opt/logs", target);
        plain_copy(process, "process");
        // Upwards nobody gets out of the container's own mounts.
        if (!target.starts_with("..") && target != own_root)
            expect_stolen("process", target);
        const Result result = exposed_run({"--docker", docker});
        expect_nothing_from_outside(result);
        expect_saved("evil/at", {}, target);
    }
}

// The kernel's own file systems show the host; the engine hides parts of them from the container by mounts.
TEST_P(AttackLinks, ThroughTheProcessToTheKernelsFileSystems) {
    const auto at = engine.start({"evil", "at"});
    const fs::path logs = merged(at) / "opt/logs";
    auto answer = inspect();
    for (auto& container : answer)
        container["GraphDriver"]["Data"] = nullptr;
    const auto docker = docker_with(answer);
    for (const auto* target : {"/proc/sys/kernel", "/proc/1", "/sys/kernel", "/sys/firmware", "/proc"}) {
        link(logs, target);
        const Result result = run_once({"--docker", docker, "--max-duration", "20s"});
        EXPECT_EQ(result.err.find("stopped by --max-duration"), std::string::npos) << target;
        const Tree stolen = tree_of(backup / "evil/at");
        std::size_t bytes = 0;
        for (const auto& [path, content] : stolen)
            bytes += content == "dir" ? 0 : content.size();
        EXPECT_TRUE(stolen.empty()) << target << ": " << stolen.size() << " names, " << bytes << " bytes";
        fs::remove_all(backup / "evil");
        fs::remove_all(backup / ".logbackup/live/evil");
    }
}
