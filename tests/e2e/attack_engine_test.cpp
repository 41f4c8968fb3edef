// SPDX-License-Identifier: MIT
#include "attack_support.hpp"

#include <sys/resource.h>
#include <sys/wait.h>

using namespace e2e;

/// A docker client, or the engine behind it, that is sick or lies.
class AttackEngine : public Attack {
  protected:
    /// Runs in place of the client: $real is the real one.
    std::string docker_that(const std::string& body) {
        return write_script(scratch.path() / "docker",
                            "real=$(PATH=$PATH:/usr/local/bin command -v docker)\n" + body)
            .string();
    }
    std::string start_good() {
        const auto id = engine.start({"good", "good-1"});
        engine.exec(id, "echo good > /opt/logs/app.log");
        return id;
    }
    static std::string fake_id(std::size_t number) {
        const std::string digits = std::to_string(number);
        return std::string(64 - digits.size(), '0') + digits;
    }
    Tree only_good() const {
        return {{"good", "dir"}, {"good/good-1", "dir"}, {"good/good-1/app.log", "good\n"}};
    }
    /// A run's exit code, and its and its children's peak memory in KiB.
    std::pair<int, long> peak_of(const std::vector<std::string>& arguments) {
        Background running(command(arguments));
        siginfo_t info{};
        EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(running.pid()), &info, WEXITED | WNOWAIT), 0);
        int status = 0;
        rusage usage{};
        ::wait4(running.pid(), &status, WNOHANG, &usage);
        running.wait();
        return {WIFEXITED(status) ? WEXITSTATUS(status) : 128, usage.ru_maxrss};
    }
};
MOUNTED_ONLY(AttackEngine);

TEST_P(AttackEngine, HangsOrPrintsWithoutAnEndOrByDrops) {
    start_good();
    const std::string ps = "[ $1 = ps ] && exec echo " + fake_id(1) + "\n";
    const std::string drops = "while :; do echo x; sleep 0.05; done";
    const std::vector<std::string> bodies{
        "exec sleep 1000",
        drops,
        "yes >&2",
        ps + "exec sleep 1000",
        ps + "trap '' TERM; " + drops,
        ps + "yes | head -c 3G",
        ps + "tr '\\0' '[' < /dev/zero | head -c 3G",
        ps + "printf '[{\"Id\":\"'; tr '\\0' a < /dev/zero",
    };
    for (const auto& body : bodies) {
        const auto [code, peak] = peak_of({"--docker", docker_that(body), "--docker-timeout", "0.5s"});
        EXPECT_TRUE(code == 1 || code == 3) << body << ": " << code;
        EXPECT_LT(peak, 400'000) << "KiB: " << body;
    }
    EXPECT_EQ(tree_of(backup), Tree());
    expect_clean(run_once());
    EXPECT_EQ(tree_of(backup), only_good());
}

TEST_P(AttackEngine, AnswersHalfOrNothingOrDiesMeanwhile) {
    const auto id = start_good();
    expect_clean(run_once());
    const auto expect_failed = [&](const std::string& body, const std::string& what) {
        const Result result = run_once({"--docker", docker_that(body)});
        EXPECT_TRUE(result.code == 1 || result.code == 3) << what << ": " << result.code << result.out;
        EXPECT_FALSE(result.err.empty()) << what;
        EXPECT_EQ(tree_of(backup), only_good()) << what;
    };
    const std::string others = "[ \"$1\" = inspect ] || exec \"$real\" \"$@\"\n";
    expect_failed(others + "\"$real\" \"$@\" | head -c 1000", "half an array, as if nothing was wrong");
    expect_failed(others + "\"$real\" \"$@\" | head -c 1000; exit 1", "half an array");
    expect_failed(others + "\"$real\" \"$@\" | head -c 1000; kill -9 $$", "killed in the middle");
    expect_failed(others + "\"$real\" \"$@\"; kill -9 $$", "killed at the end");
    expect_failed(others + "exit 0", "nothing, as if nothing was wrong");
    expect_failed(others + "echo '[]'", "no container, as if nothing was wrong");
    expect_failed("[ \"$1\" = ps ] || exec \"$real\" \"$@\"\nhead -c 40 /dev/zero | tr '\\0' a",
                  "half an id");

    // An engine that has lost its containers for a while: they go on where they were.
    run_once({"--docker", docker_that("[ \"$1\" = ps ] || exec \"$real\" \"$@\"")});
    engine.exec(id, "echo more >> /opt/logs/app.log");
    expect_clean(run_once());
    EXPECT_EQ(tree_of(backup),
              (Tree{{"good", "dir"}, {"good/good-1", "dir"}, {"good/good-1/app.log", "good\nmore\n"}}));
}

TEST_P(AttackEngine, OneContainerIsNonsenseAndTheOthersAreSaved) {
    start_good();
    const auto id = engine.start({"evil", "evil-1"});
    nlohmann::json real;
    nlohmann::json evil;
    for (const auto& container : inspect())
        (container["Id"] == id ? evil : real) = container;
    const auto wrong = [&](const std::string& path, nlohmann::json value) {
        nlohmann::json changed = evil;
        changed[nlohmann::json::json_pointer(path)] = std::move(value);
        return changed.dump();
    };
    const std::string deep(100'000, '[');
    const std::string deep_end(100'000, ']');
    std::vector<std::string> nonsense{
        "5",
        "\"x\"",
        "null",
        "[]",
        "[[[]]]",
        "{}",
        "true",
        "-0.0",
        R"({"Id":5})",
        R"({"Id":{}})",
        R"({"Id":null,"State":null})",
        deep + deep_end,
        R"({"Id":)" + deep + deep_end + "}",
        R"({"State":{"Pid":)" + deep + deep_end + "}}",
        R"({"Id":")" + id + R"(","Id":5,"Id":")" + id +
            R"(","State":{"Pid":1e300,"Pid":-1},"Config":{"Labels":{"io.kubernetes.pod.name":1}}})"};
    for (const auto* path :
         {"/State", "/Config", "/Config/Labels", "/GraphDriver", "/GraphDriver/Data", "/Mounts",
          "/HostConfig", "/HostConfig/Tmpfs", "/Created", "/State/Pid", "/State/StartedAt"})
        for (const auto& value : std::vector<nlohmann::json>{7,
                                                             "x",
                                                             {1, "x", nullptr},
                                                             {{"a", {{"b", 1}}}},
                                                             nullptr,
                                                             18446744073709551615ULL,
                                                             -1,
                                                             1.5,
                                                             false})
            nonsense.push_back(wrong(path, value));
    for (const auto* directory : {"/", "/etc", "relative", "..", "", "/dev/null", "/proc/self/fd", "/\n"})
        for (const auto* path :
             {"/GraphDriver/Data/MergedDir", "/GraphDriver/Data/UpperDir", "/GraphDriver/Data/LowerDir"})
            nonsense.push_back(wrong(path, directory));
    nonsense.push_back(wrong("/Mounts", {{{"Type", "bind"}, {"Source", "/"}, {"Destination", "/opt/logs"}},
                                         {{"Type", 5}, {"Source", {}}, {"Destination", "////"}},
                                         {{"Type", "tmpfs"}, {"Destination", "../../.."}}}));
    std::map<std::string, std::string> containers{{real["Id"], real.dump()}};
    for (const auto& description : nonsense)
        containers[fake_id(containers.size())] = description;
    const Result result = run_once({"--docker", docker_describing(containers)});
    EXPECT_EQ(result.code, 3) << "those without an id are reported";
    EXPECT_EQ(read_file(backup / "good/good-1/app.log"), "good\n") << result.err;
}

// Neither does the engine print such.
TEST_P(AttackEngine, OneContainerIsNoJsonAndTheOthersAreSaved) {
    start_good();
    const nlohmann::json real = inspect()[0];
    for (const auto* broken : {"{\"Id\":", "{\"Id\":1e999}", "\"\xff\"", "{\"Id\":\"\n\"}", "]", ""}) {
        const Result result =
            run_once({"--docker", docker_describing({{real["Id"], real.dump()}, {fake_id(1), broken}})});
        EXPECT_EQ(result.code, 3) << broken << ": " << result.err;
        EXPECT_EQ(tree_of(backup), only_good()) << broken;
        fs::remove_all(backup);
    }
}

// Docker does not say which container it is that makes the whole call hang.
TEST_P(AttackEngine, NoInspectEverAnswers) {
    std::string ids;
    for (int i = 10; i < 42; ++i)
        ids += "echo " + std::string(62, 'a') + std::to_string(i) + ";";
    const auto calls = scratch.path() / "calls";
    const auto docker = docker_that("case $1 in ps) " + ids + "true ;; inspect) echo >> '" + calls.string() +
                                    "'; exec sleep 1000;; esac");
    const Result result = run_once({"--docker", docker, "--docker-timeout", "0.5s", "--max-duration", "20s"});
    EXPECT_TRUE(result.code == 1 || result.code == 3) << result.err;
    EXPECT_LT(fs::file_size(calls), 16U) << "each of them takes as long as it may";
}
