// SPDX-License-Identifier: MIT
#include "attack_support.hpp"
#include "rsync_after.hpp"

#include <unistd.h>

using namespace e2e;

/// Mounts that a container makes, roots and process ids that are not what they seem.
class AttackMounts : public Attack {
  protected:
    std::string pid_of(const std::string& id) {
        auto pid = engine.docker({"inspect", "--format", "{{.State.Pid}}", id});
        pid.pop_back();
        return pid;
    }
    /// A docker client that names no directory of a container's file system: it is read through its process.
    std::string docker_without_layers() {
        auto answer = inspect();
        for (auto& container : answer)
            container["GraphDriver"]["Data"] = nullptr;
        return docker_with(answer);
    }
};
IN_BOTH_WAYS(AttackMounts);

TEST_P(AttackMounts, WhatTheContainerMountsOverItsLogsFromElsewhere) {
    const std::vector<std::string> rights{
        "--cap-add",      "SYS_ADMIN",           "--security-opt", "seccomp=unconfined",
        "--security-opt", "apparmor=unconfined", "--volume",       secret.string() + ":/given:ro"};
    const auto at = engine.start({"evil", "at", rights,
                                  "echo own > /opt/logs/app.log; mount --bind /given "
                                  "/opt/logs; exec sleep 1000000"});
    const auto below = engine.start(
        {"evil", "below", rights,
         "cd /opt/logs; mkdir d e; echo own > app.log; echo own > f; mount --bind /given d; mount --bind "
         "/given/app.log f; mount -t tmpfs none e; mkdir e/d; mount --bind /given e/d; exec sleep 1000000"});
    const auto mounts = [&](const std::string& id) {
        return read_file("/proc/" + pid_of(id) + "/mountinfo");
    };
    wait_until("all is mounted", [&] {
        return mounts(at).find(" /opt/logs ") != std::string::npos &&
               mounts(below).find(" /opt/logs/e/d ") != std::string::npos;
    });
    for (const auto& id : {at, below}) {
        plain_copy("/proc/" + pid_of(id) + "/root/opt/logs", "process");
        EXPECT_GT(secrets_in(plain / "process"), 0U);
        fs::remove_all(plain / "process");
    }
    const Result result = exposed_run();
    expect_clean(result);
    expect_nothing_from_outside(result);
    EXPECT_EQ(tree_of(backup / "evil/at"), (Tree{{"app.log", "own\n"}}));
    EXPECT_EQ(read_file(backup / "evil/below/app.log"), "own\n");

    engine.kill(at);
    engine.kill(below);
    expect_nothing_from_outside(exposed_run());
}

TEST_P(AttackMounts, AProcessThatChangesItsRoot) {
    const fs::path jail = scratch.path() / "jail";
    fs::create_directories(jail / "opt");
    fs::create_directories(jail / "bin");
    fs::copy_file("/bin/busybox", jail / "bin/sleep");
    fs::create_directory_symlink(secret, jail / "opt/logs");
    const auto id = engine.start({"evil",
                                  "jailed",
                                  {"--volume", jail.string() + ":/jail"},
                                  "echo own > /opt/logs/app.log; exec chroot /jail /bin/sleep 1000000"});
    const std::string root = "/proc/" + pid_of(id) + "/root";
    wait_until("its root is another", [&] { return fs::is_symlink(root + "/opt/logs"); });
    plain_copy(root + "/opt/logs", "process");
    EXPECT_GT(secrets_in(plain / "process"), 0U);
    expect_nothing_from_outside(exposed_run());
    EXPECT_EQ(tree_of(backup / "evil/jailed"), (Tree{{"app.log", "own\n"}}));

    const auto docker = docker_without_layers();
    for (const auto& target : {secret.string(), std::string("../../host"), std::string("../../../host")}) {
        fs::remove(jail / "opt/logs");
        fs::create_directory_symlink(target, jail / "opt/logs");
        expect_nothing_from_outside(exposed_run({"--docker", docker}));
        EXPECT_EQ(tree_of(backup / "evil/jailed"), (Tree{{"app.log", "own\n"}}));
    }
}

// As when the process has ended since docker was asked, and its id was given to another one.
TEST_P(AttackMounts, AProcessIdThatBelongsToAnotherByNow) {
    const auto victim = engine.start({"victim", "victim-1"});
    engine.exec(victim, "echo 'what the victim logs' > /opt/logs/app.log");
    const auto id = engine.start({"evil", "evil-1"});
    engine.exec(id, "echo own > /opt/logs/app.log");
    plain_copy("/proc/" + pid_of(victim) + "/root/opt/logs", "process");
    EXPECT_EQ(tree_of(plain / "process").size(), 1U);
    for (const bool on_tmpfs : {false, true})
        for (const auto& other : {pid_of(victim), std::to_string(::getpid()), std::string("1")}) {
            auto answer = inspect();
            for (auto& container : answer) {
                if (container["Id"] != id)
                    continue;
                container["State"]["Pid"] = std::stoi(other);
                container["GraphDriver"]["Data"] = nullptr;
                if (on_tmpfs)
                    container["HostConfig"]["Tmpfs"] = {{"/opt/logs", ""}};
            }
            const auto docker = docker_with(answer);
            EXPECT_EQ(exposed_run({"--docker", docker}).code, 3);
            EXPECT_EQ(tree_of(backup), (Tree{{"victim", "dir"},
                                             {"victim/victim-1", "dir"},
                                             {"victim/victim-1/app.log", "what the victim logs\n"}}));
            expect_nothing_from_outside(exposed_run({"--docker", docker, "--log-dir", secret.string()}));
        }
}

// The container can write to the directory in which its other volume begins.
TEST_P(AttackMounts, AVolumesDirectoryThatBecomesALinkDuringARun) {
    const fs::path shared = scratch.path() / "shared";
    write_file(shared / "logs/app.log", "own\n");
    fs::create_directory_symlink(secret, shared / "l");
    const auto id = engine.start(
        {"evil",
         "evil-1",
         {"--volume", shared.string() + ":/shared", "--volume", (shared / "logs").string() + ":/opt/logs"},
         "exec sleep 1000000"});
    {
        const RsyncAfter rsync(scratch.path() / "rsync",
                               "cd '" + shared.string() + "'; mv logs old; mv l logs");
        expect_clean(run_once({"--rsync", rsync.path()}));
    }
    EXPECT_EQ(read_file(shared / "logs/app.log"), std::string(secret_text) + "\n") << "the link is there";
    expect_nothing_from_outside();
    engine.remove(id);
    fs::remove(shared / "logs");
    run_once();
    expect_nothing_from_outside();
    EXPECT_EQ(read_file(backup / "evil/evil-1/app.log"), "own\n");
}
