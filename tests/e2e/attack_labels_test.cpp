// SPDX-License-Identifier: MIT
#include "attack_support.hpp"

using namespace e2e;

namespace {
const std::string service_label = "io.kubernetes.container.name";
const std::string pod_label = "io.kubernetes.pod.name";
const std::string namespace_label = "io.kubernetes.pod.namespace";

/// Values that are no names of Kubernetes. "<255>" stands for a byte that is not UTF-8.
std::vector<std::string> bad_names() {
    return {"../../etc",
            "..",
            ".",
            "",
            std::string(4096, 'a'),
            "web\nweb-1",
            "\033]0;owned\007",
            "\033[2J",
            "-rf",
            "--help",
            "WEB",
            "web/web-1",
            "/etc",
            "web-1@1",
            "web@1",
            "web~",
            "~root",
            "web-",
            "web..1",
            " web",
            "web ",
            ".logbackup",
            "..web",
            "web\\0",
            "*",
            "$(reboot)",
            "w\u0435b",
            "web\u202e",
            "web\u200b",
            "\uff57eb",
            "web\u009b31m",
            std::string("web\0x", 5),
            "web\x7f",
            "web_1"};
}

std::string text_of(const fs::path& path) {
    return fs::exists(path) ? read_file(path) : "(missing)";
}
} // namespace

class AttackLabels : public Attack {
  protected:
    /// The directories of the backup, of the plain names and of the numbered ones, whose app.log has a text.
    std::vector<std::string> directories_with(const std::string& text) {
        std::vector<std::string> result;
        for (const auto& [path, content] : tree_of(backup))
            if (path.ends_with("/app.log") && content.find(text) != std::string::npos)
                result.push_back(path.substr(0, path.size() - std::string("/app.log").size()));
        return result;
    }
};
MOUNTED_ONLY(AttackLabels);

TEST_P(AttackLabels, ThatAreNoNamesChooseNoPath) {
    const auto id = engine.start({"evil", "evil-1", {}, "echo evil > /opt/logs/app.log; exec sleep 1000000"});
    const auto good = engine.start({"good", "good-1"});
    engine.exec(good, "echo good > /opt/logs/app.log");
    plain_loop(id, "../escaped/evil-1");
    EXPECT_TRUE(fs::exists(scratch.path() / "escaped/evil-1/app.log"));

    nlohmann::json answer = nlohmann::json::array();
    nlohmann::json evil;
    for (const auto& container : inspect())
        (container["Id"] == id ? evil : answer.emplace_back()) = container;
    std::size_t made = 0;
    for (const auto& name : bad_names())
        for (const auto& label : {service_label, pod_label, namespace_label}) {
            if (label == namespace_label && name.empty())
                continue; // none is allowed
            nlohmann::json forged = evil;
            std::string number = std::to_string(++made);
            forged["Id"] = std::string(64 - number.size(), '0') + number;
            forged["Config"]["Labels"][label] = name;
            answer.push_back(forged);
        }
    const auto docker = docker_with(answer);
    fs::create_directory(backup);
    const auto outside = [&] {
        return sh("find '" + scratch.path().string() + "' -path '" + backup.string() +
                  "' -prune -o -printf '%p %y %s\\n' | sort");
    };
    const auto before = outside();
    for (const auto& more : std::vector<std::vector<std::string>>{{"--dry-run", "-v"}, {"-v"}, {"--json"}}) {
        auto arguments = more;
        arguments.insert(arguments.end(), {"--docker", docker});
        const Result result = run_once(arguments);
        EXPECT_EQ(result.code, 0);
        std::size_t reported = 0;
        for (auto at = result.err.find(" is left out"); at != std::string::npos;
             at = result.err.find(" is left out", at + 1))
            ++reported;
        EXPECT_EQ(reported, made) << result.err;
        for (const char c : result.out + result.err)
            EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << int(c);
    }
    EXPECT_EQ(outside(), before);
    EXPECT_EQ(tree_of(backup),
              (Tree{{"good", "dir"}, {"good/good-1", "dir"}, {"good/good-1/app.log", "good\n"}}));
}

// The engine never prints such, but if it did the others were not to be lost.
TEST_P(AttackLabels, ThatAreNotUtf8) {
    const auto id = engine.start({"evil", "evil-1", {}, "echo evil > /opt/logs/app.log; exec sleep 1000000"});
    const auto good = engine.start({"good", "good-1"});
    engine.exec(good, "echo good > /opt/logs/app.log");
    std::map<std::string, std::string> containers;
    for (const auto& container : inspect())
        containers[container["Id"]] = container.dump();
    std::string& evil = containers.at(id);
    evil.replace(evil.find("\"evil-1\""), 8, "\"evil\xff\xfe\"");
    const Result result = run_once({"--docker", docker_describing(containers)});
    EXPECT_EQ(result.code, 3) << result.err;
    EXPECT_EQ(tree_of(backup),
              (Tree{{"good", "dir"}, {"good/good-1", "dir"}, {"good/good-1/app.log", "good\n"}}));
}

TEST_P(AttackLabels, ForgedNamesOfARunningPodTouchNothingOfIt) {
    const auto victim = engine.start({"web", "web-1"});
    engine.exec(victim, "echo victim 1 > /opt/logs/app.log");
    expect_clean(run_once());
    const ino_t directory = inode_of(backup / "web/web-1");
    const ino_t file = inode_of(backup / "web/web-1/app.log");

    const auto forger = engine.start({"web", "web-1"});
    engine.exec(forger, "echo forged > /opt/logs/app.log; echo forged > /opt/logs/added.log");
    plain_loop(victim, "web/web-1");
    plain_loop(forger, "web/web-1");
    EXPECT_EQ(read_file(plain / "web/web-1/app.log"), "forged\n");
    for (int i = 2; i <= 4; ++i) {
        engine.exec(victim, "echo victim " + std::to_string(i) + " >> /opt/logs/app.log");
        engine.exec(forger, "echo forged again >> /opt/logs/app.log");
        const Result result = run_once();
        EXPECT_TRUE(result.code == 0 || result.code == 3) << result.err;
        EXPECT_EQ(inode_of(backup / "web/web-1"), directory);
        EXPECT_EQ(inode_of(backup / "web/web-1/app.log"), file);
        EXPECT_EQ(text_of(backup / "web/web-1/app.log"), engine.cat(victim, "/opt/logs/app.log"));
        EXPECT_EQ(directories_with("victim"), std::vector<std::string>{"web/web-1"});
        EXPECT_EQ(tree_of(backup / "web/web-1").size(), 1U) << "nothing added, nothing set aside";
        EXPECT_EQ(directories_with("forged").size(), 1U);
    }

    // When it has ended, a newer one of these names takes over the plain one as after a restart; all stays.
    const auto content = engine.cat(victim, "/opt/logs/app.log");
    engine.kill(victim);
    const auto restarted = engine.start({"web", "web-1"});
    engine.exec(restarted, "echo restarted > /opt/logs/app.log");
    run_once();
    run_once();
    const auto now = directories_with("victim");
    ASSERT_EQ(now.size(), 1U);
    EXPECT_EQ(text_of(backup / now[0] / "app.log"), content);
    EXPECT_EQ(inode_of(backup / now[0]), directory);
    EXPECT_EQ(directories_with("restarted").size(), 1U);
}

// Whoever can write to a directory that another's volume lies in can put another one in its place.
TEST_P(AttackLabels, ADirectoryInThePlaceOfTheVolumeOfAnother) {
    const fs::path shared = scratch.path() / "shared";
    write_file(shared / "victim/app.log", "victim\n");
    engine.start({"web", "web-1", {"--volume", (shared / "victim").string() + ":/opt/logs"}});
    expect_clean(run_once());
    const ino_t directory = inode_of(backup / "web/web-1");
    engine.start({"evil",
                  "evil-1",
                  {"--volume", shared.string() + ":/shared"},
                  "cd /shared; mv victim moved; mkdir victim; echo forged > victim/app.log; echo more >> "
                  "moved/app.log; rmdir /opt/logs; ln -s /shared/victim /opt/logs; exec sleep 1000000"});
    wait_until("it is in place", [&] {
        return fs::exists(shared / "moved/app.log") &&
               read_file(shared / "moved/app.log") == "victim\nmore\n";
    });
    for (int i = 0; i < 3; ++i) {
        const Result result = run_once();
        EXPECT_TRUE(result.code == 0 || result.code == 3) << result.err;
    }
    EXPECT_EQ(inode_of(backup / "web/web-1"), directory);
    EXPECT_EQ(tree_of(backup / "web/web-1"), (Tree{{"app.log", "victim\nmore\n"}}));
    EXPECT_EQ(directories_with("victim"), std::vector<std::string>{"web/web-1"}) << "saved once";
    EXPECT_LE(directories_with("forged").size(), 1U);
}
