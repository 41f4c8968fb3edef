// SPDX-License-Identifier: MIT
#include "fuse_server.hpp"
#include "support.hpp"

#include <algorithm>
#include <csignal>

using namespace e2e;

/// A container that holds the directory above its volume, or its own root, in its hands; and volumes on file
/// systems that do not answer.
class VolumesAttack : public BothWays {
  protected:
    fs::path shared = scratch.path() / "shared";
    fs::path secret = scratch.path() / "secret";

    void SetUp() override {
        BothWays::SetUp();
        write_file(secret / "shadow", "the host's\n");
        write_file(shared / "logs/app.log", "its own\n");
    }
    std::vector<std::string> volumes() const {
        return {"--volume", shared.string() + ":/above", "--volume",
                (shared / "logs").string() + ":/opt/logs"};
    }
    /// A run that is killed when it hangs.
    Result limited_run(const std::vector<std::string>& arguments = {}) {
        auto argv = command(arguments);
        argv.insert(argv.begin(), {"timeout", "--signal=KILL", "60"});
        return run(argv);
    }
    void expect_failure(const Result& result, const std::string& words) {
        EXPECT_EQ(result.code, 3) << result.out << result.err;
        EXPECT_NE(result.err.find(words), std::string::npos) << result.err;
    }
    void expect_nothing_from_outside() {
        for (const auto& [name, content] : tree_of(backup))
            EXPECT_EQ(content.find("the host's"), std::string::npos) << name;
    }
};
IN_BOTH_WAYS(VolumesAttack);

TEST_P(VolumesAttack, AStoppedContainerLeftALinkInThePlaceOfItsVolume) {
    const auto id = engine.start(
        {"web", "web-1", volumes(), "mv /above/logs /above/old; ln -s " + secret.string() + " /above/logs"});
    engine.wait(id);
    expect_failure(limited_run(), "leads through a symbolic link, which a container may have put there");
    expect_nothing_from_outside();
}

TEST_P(VolumesAttack, ALinkThatCameWhileTheContainerRan) {
    const auto id = engine.start({"web", "web-1", volumes()});
    expect_clean(run_once());
    engine.exec(id, "mv /above/logs /above/old; ln -s " + secret.string() +
                        " /above/logs; echo more >> "
                        "/opt/logs/app.log");
    expect_clean(run_once());
    engine.kill(id);
    expect_failure(limited_run(), "leads through a symbolic link");
    expect_nothing_from_outside();
}

// A link that was verified is followed no further than to the place where it led then.
TEST_P(VolumesAttack, ALinkThatLedToTheVolumeAndNowLeadsElsewhere) {
    const auto id = engine.start({"web", "web-1", volumes()});
    engine.exec(id, "mv /above/logs /above/real; ln -s real /above/logs");
    expect_clean(run_once());
    engine.kill(id);
    expect_clean(run_once());
    fs::rename(shared / "real", shared / "old");
    fs::create_directory_symlink(secret, shared / "real");
    append_file(shared / "old/app.log", "more\n");
    expect_failure(limited_run(), "leads through a symbolic link");
    expect_nothing_from_outside();
    fs::remove(shared / "logs");
    fs::create_directory_symlink(secret, shared / "logs");
    expect_failure(limited_run(), "leads through a symbolic link");
    expect_nothing_from_outside();
    EXPECT_EQ(tree_of(backup / "web/web-1"), (Tree{{"app.log", "its own\n"}}));
}

TEST_P(VolumesAttack, TheOperatorsLinkIsFollowedAlsoAfterTheContainerHasEnded) {
    fs::create_directory_symlink(shared, scratch.path() / "data");
    const auto id =
        engine.start({"web", "web-1", {"--volume", (scratch.path() / "data/logs").string() + ":/opt/logs"}});
    expect_clean(run_once());
    engine.exec(id, "echo last words >> /opt/logs/app.log");
    engine.kill(id);
    expect_clean(run_once());
    EXPECT_EQ(tree_of(backup / "web/web-1"), (Tree{{"app.log", "its own\nlast words\n"}}));
}

// Of a container that no run saw running, a link is followed that is older than the container.
TEST_P(VolumesAttack, AnOldLinkIsFollowedAlsoOfAContainerThatWasNeverSeenRunning) {
    const fs::path link = "/.logbackup-e2e-" + std::to_string(::getpid());
    fs::create_directory_symlink(shared, link);
    const auto id =
        engine.start({"web", "web-1", {"--volume", (link / "logs").string() + ":/opt/logs"}, "true"});
    engine.wait(id);
    const auto result = limited_run();
    fs::remove(link);
    expect_clean(result);
    EXPECT_EQ(tree_of(backup / "web/web-1"), (Tree{{"app.log", "its own\n"}}));
}

// Its process shows a directory of its own where docker has mounted somebody else's volume.
TEST_P(VolumesAttack, AProcessThatChangedItsRootClaimsNobodyElsesVolume) {
    fs::create_directory(shared / "logs/mem");
    const std::string volume = (shared / "logs").string() + ":/opt/logs";
    engine.start({"victim", "victim-1", {"--volume", volume}});
    expect_clean(run_once());
    const auto id = engine.start({"evil",
                                  "evil-1",
                                  {"--volume", volume + ":ro", "--tmpfs", "/opt/logs/mem"},
                                  "mkdir -p /fake/opt/logs/mem /fake/bin; cp /bin/busybox /fake/bin; echo "
                                  "forged > /fake/opt/logs/forged.log; exec chroot /fake /bin/busybox "
                                  "sleep 1000000"});
    const auto pid = engine.docker({"inspect", "--format", "{{.State.Pid}}", id});
    wait_until("it has changed its root",
               [&] { return sh("readlink /proc/" + std::to_string(std::stoi(pid)) + "/root") == "/fake\n"; });
    const auto result = limited_run();
    for (const auto& [name, content] : tree_of(backup))
        EXPECT_NE(content, "forged\n") << name;
    EXPECT_EQ(tree_of(backup / "victim/victim-1").at("app.log"), "its own\n");
    const Tree saved = tree_of(backup);
    EXPECT_EQ(saved.at("evil/evil-1"), "-> ../victim/victim-1") << "nothing of its own";
    EXPECT_EQ(saved.size(), tree_of(backup / "victim").size() + 3); // the link, and two directories
    expect_failure(result, "the root directory of its process is not the container's");
}

/// Containers that read the volumes of others, which they have not to write to, as their own log directories.
class SpiesAttack : public VolumesAttack {
  protected:
    static constexpr int pairs = 3;
    std::vector<std::string> victims;

    fs::path log(int pair) const { return shared / std::to_string(pair) / "logs/app.log"; }
    static std::string victims_directory(int pair) { return "victim/victim-" + std::to_string(pair); }
    static std::string spys_directory(int pair) { return "spy/spy-" + std::to_string(pair); }

    void start_victims() {
        for (int pair = 0; pair < pairs; ++pair) {
            fs::create_directories(log(pair).parent_path());
            victims.push_back(engine.start({"victim",
                                            "victim-" + std::to_string(pair),
                                            {"--volume", log(pair).parent_path().string() + ":/opt/logs"}}));
        }
    }
    /// By a link in the image, by one that is made later, by a mount of the directory itself.
    void start_spies() {
        engine.build("spy:1", {"rmdir /opt/logs; ln -s /shared/logs /opt/logs"});
        for (int pair = 0; pair < pairs; ++pair) {
            fs::create_directories(log(pair).parent_path());
            const std::string above = (shared / std::to_string(pair)).string() + ":/shared:ro";
            Pod pod{"spy", "spy-" + std::to_string(pair), {"--volume", above}};
            if (pair == 0)
                pod.image = "spy:1";
            if (pair == 2)
                pod.arguments = {"--volume", log(pair).parent_path().string() + ":/opt/logs:ro"};
            const auto id = engine.start(pod);
            if (pair == 1)
                engine.exec(id, "rmdir /opt/logs; ln -s /shared/logs /opt/logs");
        }
    }
    void append(const std::string& text) {
        for (int pair = 0; pair < pairs; ++pair)
            append_file(log(pair), text);
    }
    /// What is saved of each volume, and where.
    void expect_saved(const std::string& under_victim, const std::string& under_spy) {
        const Tree tree = tree_of(backup);
        for (int pair = 0; pair < pairs; ++pair) {
            const auto text = [&](const std::string& directory) {
                const auto found = tree.find(directory + "/app.log");
                return found == tree.end() ? std::string() : found->second;
            };
            EXPECT_EQ(text(victims_directory(pair)), under_victim) << pair;
            EXPECT_EQ(text(spys_directory(pair)), under_spy) << pair;
        }
        EXPECT_LE(std::count_if(tree.begin(), tree.end(),
                                [](const auto& file) { return file.first.ends_with("app.log"); }),
                  pairs * 2);
    }
};
IN_BOTH_WAYS(SpiesAttack);

TEST_P(SpiesAttack, WhoComesBeforeTheWriterGivesWayToIt) {
    start_spies();
    append("before\n");
    expect_clean(run_once());
    expect_saved("", "before\n");
    start_victims();
    for (const std::string more : {"1\n", "2\n"}) {
        append(more);
        expect_clean(run_once());
        expect_saved(more == "1\n" ? "before\n1\n" : "before\n1\n2\n", "before\n");
    }
    for (int pair = 0; pair < pairs; ++pair) {
        EXPECT_TRUE(fs::exists(backup / ".logbackup/live" / victims_directory(pair)));
        EXPECT_TRUE(fs::exists(backup / ".logbackup/ended" / spys_directory(pair)));
        EXPECT_FALSE(fs::exists(backup / ".logbackup/live" / spys_directory(pair)));
    }
    EXPECT_EQ(run_once({"verify"}).code, 0);
    for (const auto& id : victims)
        engine.remove(id);
    append("3\n");
    expect_clean(run_once());
    expect_saved("before\n1\n2\n3\n", "before\n");
}

TEST_P(SpiesAttack, WhoComesAfterTheWriterGetsNoName) {
    start_victims();
    append("1\n");
    expect_clean(run_once());
    start_spies();
    append("2\n");
    expect_clean(run_once());
    expect_saved("1\n2\n", "");
}

TEST_P(SpiesAttack, WhoIsThereWithTheWriterAtTheFirstRunGetsNoName) {
    start_spies();
    start_victims();
    append("1\n");
    expect_clean(run_once());
    expect_clean(run_once());
    expect_saved("1\n", "");
}

// What masks parts of /proc and /sys for the container does not mask them for others.
TEST_P(VolumesAttack, AFileSystemOfTheKernelIsNoLogDirectory) {
    const std::string aside = "mkdir -p /srv; [ ! -e /srv/logs ] || mv /srv/logs /srv/old; ln -s ";
    const std::string wait = " /srv/logs; exec sleep 1000000";
    engine.start({"web", "web-1", {"--tmpfs", "/srv/logs/mem"}, aside + "/proc" + wait});
    engine.start({"web", "web-2", {"--tmpfs", "/srv/logs/mem"}, aside + "/sys" + wait});
    engine.start({"web", "web-3", {"--volume", "/sys:/host:ro"}, aside + "/host/power" + wait});
    wait_until("the links are made", [&] {
        return sh("docker ps --quiet | xargs -n 1 -I{} docker exec {} readlink /srv/logs | wc -l") == "3\n";
    });
    const auto result = limited_run({"--dry-run", "-v", "--log-dir", "/srv/logs"});
    EXPECT_EQ(result.out.find("create"), std::string::npos) << result.out;
    for (const auto* words : {"web-1", "web-2", "web-3"})
        expect_failure(result, words);
    expect_failure(result, "is the kernel's own");
}

TEST_P(VolumesAttack, AFileSystemThatDoesNotAnswerStopsNobodyElse) {
    const FuseServer server(scratch.path() / "fuse");
    const std::string fuse = (scratch.path() / "fuse").string();
    const auto start = [&](const std::string& pod, const std::vector<std::string>& volumes) {
        for (const auto* state : {"running", "stopped"}) {
            const auto id = engine.start({"web", pod + "-" + state, volumes});
            if (std::find(volumes.begin(), volumes.end(), fuse + ":/opt/logs") == volumes.end())
                engine.exec(id, "echo own > /opt/logs/own.log");
            if (std::string(state) == "stopped")
                engine.kill(id);
        }
    };
    start("on", {"--volume", fuse + ":/opt/logs"});
    start("above", {"--volume", fuse + ":/opt/logs/sub"});
    start("beside", {"--volume", fuse + ":/data"});
    start("apart", {});
    EXPECT_EQ(read_file(scratch.path() / "fuse/app.log"), FuseServer::content) << "so far it answers";
    expect_failure(limited_run(), "(fuse.test) may not answer, so it is not read");
    EXPECT_EQ(sh("grep -rl 'user space' '" + backup.string() + "' | wc -l"), "0\n");
    server.stop();
    const auto result = limited_run({"--verbose"});
    expect_failure(result, "(fuse.test) may not answer, so it is not read");
    for (const std::string state : {"running", "stopped"}) {
        for (const std::string pod : {"above", "beside", "apart"}) {
            const auto saved = tree_of(backup / ("web/" + pod + "-" + state));
            EXPECT_TRUE(saved.contains("own.log") && saved.at("own.log") == "own\n")
                << pod << state << result.out;
            EXPECT_EQ(result.err.find("web/" + pod + "-" + state) != std::string::npos, pod == "above")
                << result.err;
        }
        EXPECT_FALSE(fs::exists(backup / ("web/on-" + state)));
        EXPECT_NE(result.err.find("on-" + state), std::string::npos) << result.err;
    }
}
