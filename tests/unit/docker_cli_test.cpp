// SPDX-License-Identifier: MIT
#include "runtime/docker/docker_cli.hpp"

#include "support.hpp"
#include "util/error.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

namespace logbackup {
namespace {

std::vector<std::string> unreachable_ids(const Discovery& discovery) {
    std::vector<std::string> ids;
    for (const auto& unreachable : discovery.unreachable)
        ids.push_back(unreachable.id);
    return ids;
}

using namespace std::chrono_literals;
using test::TempDir;

std::string id_of(char digit) {
    return std::string(64, digit);
}

/// What the stand-in's `inspect` runs for each id, with the id in $id; it prints the JSON of it.
constexpr const char* healthy = R"(printf '%s{"Id": "%s"}' "$comma" "$id"; comma=,)";

/// A stand-in for the docker client, a shell script: an engine that hangs on one container, dies between two
/// calls, or prints half of its answer cannot be had at will.
class Discover : public ::testing::Test {
  protected:
    TempDir dir;
    std::vector<std::string> ids;
    mutable Descriptions known;

    void SetUp() override {
        for (const char digit : std::string("0123456789abcdef").substr(0, 4))
            ids.push_back(id_of(digit));
    }

    /// `docker ps` prints `ids`; `docker inspect` runs `script` with the ids as its arguments.
    void make_docker(const std::string& script) const {
        std::string list;
        for (const auto& id : ids)
            list += id + "\n";
        dir.write("ids", list);
        make_docker_with_ps("cat " + dir.at("ids"), script);
    }
    void make_docker_with_ps(const std::string& ps, const std::string& inspect) const {
        dir.write_program("docker", "#!/bin/sh\necho \"$@\" >> " + dir.at("calls") + "\ncase $1 in\nps) " +
                                        ps + " ;;\ninspect) shift 3\n" + inspect + "\n;;\nesac\n");
    }
    /// A script for inspect that runs `per_id` for each.
    static std::string each(const std::string& per_id, const std::string& after = "") {
        return "comma=; printf '['; for id; do " + per_id + "; done; printf ']\\n'; " + after;
    }
    static std::string when(const std::string& id, const std::string& then) {
        return "if [ $id = " + id + " ]; then " + then + "; else " + healthy + "; fi";
    }

    Discovery run(std::chrono::milliseconds limit = 20s) const {
        test::Stop stop;
        return discover({dir.at("docker"), limit}, known, stop.get());
    }
    /// Runs, expects an Error and gives it.
    Error expect_error() const {
        try {
            (void)run();
        } catch (const Error& error) {
            return error;
        }
        ADD_FAILURE() << "no error";
        return Error("");
    }
    [[nodiscard]] std::string calls() const { return dir.read("calls"); }

    static std::vector<std::string> found(const Discovery& discovery) {
        std::vector<std::string> result;
        for (const auto& container : discovery.containers)
            result.push_back(container.id);
        std::sort(result.begin(), result.end());
        return result;
    }
    std::vector<std::string> without(const std::string& id) const {
        auto rest = ids;
        std::erase(rest, id);
        return rest;
    }
};

TEST_F(Discover, AsksTwice) {
    make_docker(each(healthy));
    const auto discovery = run();
    EXPECT_EQ(discovery.ids, ids);
    EXPECT_EQ(found(discovery), ids);
    EXPECT_TRUE(discovery.unreachable.empty());
    EXPECT_EQ(calls(), "ps --all --quiet --no-trunc\ninspect --type container " + ids[0] + " " + ids[1] +
                           " " + ids[2] + " " + ids[3] + "\n");
}

TEST_F(Discover, DoesNotInspectNothing) {
    ids.clear();
    make_docker(each(healthy));
    const auto discovery = run();
    EXPECT_TRUE(discovery.ids.empty() && discovery.containers.empty());
    EXPECT_EQ(calls(), "ps --all --quiet --no-trunc\n");
}

TEST_F(Discover, RefusesWhatIsNoListOfIds) {
    for (const std::string& line :
         {std::string("<html>"), std::string("--help"), id_of('a') + " x", std::string(63, 'a') + "\\033"}) {
        make_docker_with_ps("printf -- '" + line + "\\n'", each(healthy));
        const auto error = expect_error();
        EXPECT_NE(std::string(error.what()).find("docker ps"), std::string::npos) << error.what();
        EXPECT_EQ(std::string(error.what()).find('\033'), std::string::npos);
    }
}

TEST_F(Discover, GivesANoticeForALineThatIsNoId) {
    for (const std::string& line : {std::string("WARNING: the configuration is old"), std::string("--help"),
                                    std::string(63, 'a') + "\\033"}) {
        make_docker_with_ps("printf -- '\\n" + ids[0] + "\\r\\n" + line + "\\n" + ids[1] + "\\n'",
                            each(healthy));
        const auto discovery = run();
        EXPECT_EQ(discovery.ids, (std::vector<std::string>{ids[0], ids[1]})) << line;
        EXPECT_EQ(discovery.containers.size(), 2U);
        ASSERT_EQ(discovery.notices.size(), 1U);
        EXPECT_NE(discovery.notices[0].find("is not a container id"), std::string::npos);
        EXPECT_EQ(discovery.notices[0].find('\033'), std::string::npos);
    }
    make_docker_with_ps("printf '\\n" + ids[0] + "\\r\\n'", each(healthy));
    EXPECT_TRUE(run().notices.empty()) << "an empty line means nothing";
}

TEST_F(Discover, TakesAnIdAsItIsPrinted) {
    make_docker_with_ps("printf 'web.1_A-b\\n'", each(healthy));
    EXPECT_EQ(run().ids, std::vector<std::string>{"web.1_A-b"});
    make_docker_with_ps("printf 'abcdef012345\\nffffffffffff\\n'",
                        each("if [ $id = abcdef012345 ]; then printf '{\"Id\": \"%s6789\"}' $id; fi"));
    const auto discovery = run();
    EXPECT_EQ(discovery.ids, (std::vector<std::string>{"abcdef0123456789", "ffffffffffff"}));
    ASSERT_EQ(discovery.containers.size(), 1U);
    EXPECT_EQ(discovery.containers[0].id, "abcdef0123456789");
    EXPECT_EQ(unreachable_ids(discovery), std::vector<std::string>{"ffffffffffff"});
}

TEST_F(Discover, ReturnsTheRestWhenSomeAreGone) {
    make_docker(each(when(ids[1], "echo \"Error: No such container: $id\" >&2"), "exit 1"));
    const auto discovery = run();
    EXPECT_EQ(found(discovery), without(ids[1]));
    EXPECT_EQ(discovery.ids, ids);
    EXPECT_TRUE(discovery.unreachable.empty());
}

TEST_F(Discover, KnowsTheMessageOfOtherVersions) {
    make_docker(each(when(ids[0], "echo \"error: no such container: $id\" >&2"), "exit 1"));
    EXPECT_EQ(found(run()), without(ids[0]));
    make_docker(
        each(when(ids[0], "echo \"Error response from daemon: No such container: $id\" >&2"), "exit 1"));
    EXPECT_EQ(found(run()), without(ids[0]));
    make_docker(each(when(ids[0], "echo \"Error: No such object: $id\" >&2"), "exit 1"));
    EXPECT_EQ(found(run()), without(ids[0]));
    EXPECT_TRUE(run().unreachable.empty());
}

TEST_F(Discover, ReturnsNothingWhenAllAreGone) {
    make_docker(each("echo \"Error: No such container: $id\" >&2", "exit 1"));
    const auto discovery = run();
    EXPECT_TRUE(discovery.containers.empty());
    EXPECT_EQ(discovery.ids.size(), 4U);
}

TEST_F(Discover, NarrowsASickContainerDown) {
    make_docker(each(when(ids[2], "exec sleep 1000")));
    const auto discovery = run(600ms);
    EXPECT_EQ(found(discovery), without(ids[2]));
    EXPECT_EQ(unreachable_ids(discovery), std::vector<std::string>{ids[2]});
    const auto made = calls();
    EXPECT_EQ(std::count(made.begin(), made.end(), '\n'), 6) << "ps, 4, 2, 2, 1, 1:\n" << made;
}

TEST_F(Discover, LeavesOutWhatIsNoJson) {
    for (const auto* nonsense :
         {"printf '\\377'", "printf ']'", "printf '{\"Id\": '", "printf '{\"Id\": 1e999}'"}) {
        make_docker(each(when(ids[2], std::string("printf '%s' \"$comma\"; comma=,; ") + nonsense)));
        const auto discovery = run();
        EXPECT_EQ(found(discovery), without(ids[2])) << nonsense;
        EXPECT_EQ(unreachable_ids(discovery), std::vector<std::string>{ids[2]}) << nonsense;
    }
}

TEST_F(Discover, ReportsWhatIsNotDescribed) {
    make_docker(each(when(ids[2], "true")));
    const auto discovery = run();
    EXPECT_EQ(found(discovery), without(ids[2]));
    EXPECT_EQ(unreachable_ids(discovery), std::vector<std::string>{ids[2]});
    make_docker(each("true"));
    EXPECT_NE(std::string(expect_error().what()).find("did not describe it"), std::string::npos);
}

TEST_F(Discover, GivesUpWhenNothingEverAnswers) {
    for (int i = 0; i < 60; ++i)
        ids.push_back(std::string(62, 'f') + std::to_string(10 + i));
    make_docker("exec sleep 1000");
    test::Stop stop;
    EXPECT_THROW((void)discover({dir.at("docker"), 100ms}, known, stop.get()), Error);
    const auto made = calls();
    EXPECT_LT(std::count(made.begin(), made.end(), '\n'), 9) << made;
}

TEST_F(Discover, LeavesOutAContainerThatTheEngineCannotDescribe) {
    // One broken container must not keep all others from being saved.
    make_docker(each(
        when(ids[2], "echo \"Error response from daemon: RWLayer of container $id is unexpectedly nil\" >&2"),
        "exit 1"));
    try {
        const auto discovery = run();
        EXPECT_EQ(found(discovery), without(ids[2]));
        EXPECT_EQ(unreachable_ids(discovery), std::vector<std::string>{ids[2]});
    } catch (const Error& error) {
        ADD_FAILURE() << "the whole run fails: " << error.what();
    }
}

TEST_F(Discover, FailsWithAHintWithoutPermission) {
    make_docker_with_ps("echo 'Got permission denied while trying to connect to the Docker daemon socket at "
                        "unix:///var/run/docker.sock: connect: permission denied' >&2; exit 1",
                        "");
    const auto error = expect_error();
    EXPECT_NE(std::string(error.what()).find("cannot list the containers"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("permission denied"), std::string::npos);
    EXPECT_NE(error.hint().find("root"), std::string::npos);
}

TEST_F(Discover, FailsWithAHintWithoutAnEngine) {
    constexpr const char* message =
        "echo 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the "
        "docker daemon running?' >&2; exit 1";
    make_docker_with_ps(message, "");
    EXPECT_NE(expect_error().hint().find("DOCKER_HOST"), std::string::npos);
    make_docker(message); // it went away between the two calls
    const auto error = expect_error();
    EXPECT_NE(std::string(error.what()).find("cannot inspect"), std::string::npos);
    EXPECT_NE(error.hint().find("DOCKER_HOST"), std::string::npos);
}

TEST_F(Discover, FailsWhenThereIsNoClient) {
    EXPECT_NE(expect_error().hint().find("--docker"), std::string::npos);
}

TEST_F(Discover, FailsWhenPsDoesNotAnswer) {
    make_docker_with_ps("exec sleep 1000", "");
    test::Stop stop;
    EXPECT_THROW((void)discover({dir.at("docker"), 200ms}, known, stop.get()), Error);
}

TEST_F(Discover, FailsWhenTheClientCrashes) {
    make_docker_with_ps("kill -SEGV $$", "");
    EXPECT_NE(std::string(expect_error().what()).find("signal 11"), std::string::npos);
}

TEST_F(Discover, EscapesWhatTheClientSays) {
    make_docker_with_ps("printf '\\033[2Jerror\\n' >&2; exit 1", "");
    EXPECT_EQ(std::string(expect_error().what()).find('\033'), std::string::npos);
}

TEST_F(Discover, FailsOnHalfAnAnswer) {
    for (const std::string answer : {R"([{"Id": "abc")", "", "[", "null", "<html></html>"}) {
        make_docker("printf '%s' '" + answer + "'");
        EXPECT_NE(std::string(expect_error().what()).find("docker inspect"), std::string::npos) << answer;
    }
}

TEST_F(Discover, ReturnsEarlyWhenItIsStopped) {
    make_docker(each("exec sleep 1000"));
    test::Stop stop(300ms);
    const auto discovery = discover({dir.at("docker"), 20s}, known, stop.get());
    EXPECT_TRUE(discovery.containers.empty());
    EXPECT_TRUE(discovery.unreachable.empty());
    EXPECT_TRUE(stop.get().requested());
}

TEST_F(Discover, AskedAgainTellsTheGoneFromTheUnclear) {
    make_docker(each("case $id in " + ids[0] + ") echo \"Error: No such container: $id\" >&2 ;; " + ids[1] +
                         ") ;; *) " + healthy + " ;; esac",
                     "exit 1"));
    test::Stop stop;
    const auto again = ask_again({dir.at("docker"), 20s}, {ids[0], ids[1], ids[2]}, stop.get());
    EXPECT_EQ(found(again), std::vector<std::string>{ids[2]});
    EXPECT_EQ(unreachable_ids(again), std::vector<std::string>{ids[1]});
    EXPECT_EQ(calls(), "inspect --type container " + ids[0] + " " + ids[1] + " " + ids[2] + "\n");
}

TEST_F(Discover, AskedAgainWithoutAnAnswerNothingIsGone) {
    test::Stop stop;
    const auto ask = [&] { return ask_again({dir.at("docker"), 300ms}, ids, stop.get()); };
    for (const auto* script :
         {"echo 'Cannot connect to the Docker daemon. Is the docker daemon running?' >&2; exit 1",
          "exec sleep 1000", "exit 1", "kill -SEGV $$", "echo nonsense"}) {
        make_docker(script);
        EXPECT_TRUE(ask().containers.empty()) << script;
        EXPECT_EQ(ask().unreachable.size(), ids.size()) << script;
    }
    make_docker(each("echo \"Error: No such container: $id\" >&2", "exit 1"));
    EXPECT_TRUE(ask().unreachable.empty());
    test::Stop stopped(0ms);
    EXPECT_EQ(ask_again({dir.at("docker"), 20s}, ids, stopped.get()).unreachable.size(), ids.size());
}

TEST(DockerEnvironment, PassesWhatTheClientNeedsAndNothingElse) {
    const test::Variable host("DOCKER_HOST", "unix:///x=y");
    const test::Variable config("DOCKER_CONFIG", "/home/x/docker");
    const test::Variable context("DOCKER_CONTEXT", "");
    const test::Variable home("HOME", "/home/x");
    const test::Variable proxy("https_proxy", "http://proxy");
    const test::Variable language("LANG", "de_DE.UTF-8");
    const test::Variable all("LC_ALL", "de_DE.UTF-8");
    const test::Variable preload("LD_LIBRARY_PATH", "/evil");
    const test::Variable secret("LOGBACKUP_UNIT_SECRET", "x");
    const test::Variable similar("XDOCKER_HOST", "x");
    const auto environment = docker_environment();
    const auto has = [&](const std::string& variable) {
        return std::count(environment.begin(), environment.end(), variable) == 1;
    };
    for (const char* variable : {"LC_ALL=C", "DOCKER_HOST=unix:///x=y", "DOCKER_CONFIG=/home/x/docker",
                                 "HOME=/home/x", "https_proxy=http://proxy"})
        EXPECT_TRUE(has(variable)) << variable;
    for (const auto& variable : environment)
        for (const char* name :
             {"LANG=", "LC_ALL=de", "LD_LIBRARY_PATH=", "LOGBACKUP_", "XDOCKER_HOST=", "DOCKER_CONTEXT="})
            EXPECT_FALSE(variable.starts_with(name)) << variable;
}

TEST_F(Discover, GivesTheClientThatEnvironment) {
    make_docker_with_ps("env > " + dir.at("environment"), "");
    const test::Variable host("DOCKER_HOST", "unix:///somewhere");
    const test::Variable secret("LOGBACKUP_UNIT_SECRET", "x");
    (void)run();
    const auto environment = dir.read("environment");
    EXPECT_NE(environment.find("DOCKER_HOST=unix:///somewhere\n"), std::string::npos);
    EXPECT_EQ(environment.find("LOGBACKUP_UNIT_SECRET"), std::string::npos);
}

/// Docker's own files of the containers, which it replaces when their state changes.
class DiscoverAgain : public Discover {
  protected:
    void SetUp() override {
        Discover::SetUp();
        for (const auto& id : ids)
            replace_file(id);
        make_docker(each(R"(printf '%s{"Id": "%s", "State": {"Pid": 7}, "ResolvConfPath": ")" + dir.path() +
                         R"(/containers/%s/resolv.conf"}' "$comma" "$id" "$id"; comma=,)"));
    }
    void replace_file(const std::string& id) const {
        dir.make_directory("containers/" + id);
        dir.write("new", "a file of its own inode");
        std::filesystem::rename(dir.at("new"), dir.at("containers/" + id + "/config.v2.json"));
    }
    /// Discovers, and returns the ids that were inspected.
    std::vector<std::string> inspected() const {
        std::filesystem::remove(dir.at("calls"));
        const Discovery found = run();
        EXPECT_EQ(found.ids, ids);
        EXPECT_EQ(found.containers.size(), ids.size());
        for (std::size_t i = 0; i < found.containers.size(); ++i)
            EXPECT_EQ(found.containers[i].id, ids[i]) << "in the order of the list";
        std::istringstream words(dir.read("calls"));
        std::vector<std::string> asked;
        for (std::string word; words >> word;)
            if (word.size() == 64)
                asked.push_back(word);
        return asked;
    }
};

TEST_F(DiscoverAgain, InspectsOnlyWhatHasChanged) {
    EXPECT_EQ(inspected(), ids);
    EXPECT_EQ(inspected(), ids) << "only now it is known where Docker has its files";
    EXPECT_TRUE(inspected().empty());
    replace_file(ids[2]);
    EXPECT_EQ(inspected(), std::vector{ids[2]});
    EXPECT_TRUE(inspected().empty());
    const std::string gone = ids.back();
    ids.pop_back();
    ids.insert(ids.begin(), id_of('f'));
    replace_file(ids.front());
    make_docker(each(R"(printf '%s{"Id": "%s", "ResolvConfPath": ")" + dir.path() +
                     R"(/containers/%s/resolv.conf"}' "$comma" "$id" "$id"; comma=,)"));
    EXPECT_EQ(inspected(), std::vector{id_of('f')});
    EXPECT_FALSE(known.contains(gone));
}

TEST_F(DiscoverAgain, InspectsAllWhoseFilesCannotBeSeen) {
    (void)inspected();
    (void)inspected();
    std::filesystem::remove_all(dir.at("containers"));
    EXPECT_EQ(inspected(), ids);
    EXPECT_EQ(inspected(), ids);
}

TEST_F(DiscoverAgain, LeavesWhatOtherRuntimesKeep) {
    known["web"].container.runtime = "containerd";
    (void)inspected();
    EXPECT_TRUE(known.contains("web"));
}

/// podman, which has the same commands and other words.
class DiscoverWithPodman : public Discover {
  protected:
    DockerSettings settings() const { return {dir.at("docker"), 20s, {}, DockerClient::podman}; }
};

TEST_F(DiscoverWithPodman, TellsTheGoneFromTheUnclear) {
    const auto say = [&](const std::string& words) {
        make_docker(each(when(ids[1], "echo '" + words + "' >&2"), "exit 125"));
    };
    test::Stop stop;
    for (const std::string& words : {"Error: inspecting object: no such container " + ids[1],
                                     "Error: inspecting object: no such object: " + ids[1]}) {
        say(words);
        const auto discovery = discover(settings(), known, stop.get());
        EXPECT_EQ(found(discovery), without(ids[1]));
        EXPECT_TRUE(discovery.unreachable.empty()) << words;
        EXPECT_EQ(discovery.containers.front().runtime, "podman");
    }
    // It prints nothing at all when it cannot describe one for another reason.
    make_docker("for id; do test $id != " + ids[1] +
                " || { echo 'Error: no such volume' >&2; exit 125; }; done; " + each(healthy));
    const auto discovery = discover(settings(), known, stop.get());
    EXPECT_EQ(found(discovery), without(ids[1]));
    ASSERT_EQ(unreachable_ids(discovery), std::vector<std::string>{ids[1]});
    EXPECT_EQ(discovery.unreachable.front().reason, "podman inspect: Error: no such volume");
    EXPECT_TRUE(known.empty()) << "it has no file that tells whether a container has changed";
}

TEST_F(DiscoverWithPodman, FailsUnderItsOwnName) {
    make_docker_with_ps("echo 'Error: open db: permission denied' >&2; exit 125", "");
    test::Stop stop;
    try {
        (void)discover(settings(), known, stop.get());
        ADD_FAILURE() << "no error";
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(), "cannot list the containers: podman exited with code 125: Error: open db: "
                                   "permission denied");
        EXPECT_EQ(error.hint(), "run as root: the containers of other users are not covered");
    }
}

TEST_F(DiscoverWithPodman, IsAskedOnThisHost) {
    make_docker_with_ps("env > " + dir.at("environment"), "");
    const test::Variable elsewhere("CONTAINER_HOST", "ssh://elsewhere/run/podman.sock");
    const test::Variable docker("DOCKER_HOST", "tcp://elsewhere");
    const test::Variable storage("CONTAINERS_STORAGE_CONF", "/etc/x.conf");
    test::Stop stop;
    (void)discover(settings(), known, stop.get());
    const auto environment = dir.read("environment");
    EXPECT_NE(environment.find("CONTAINERS_STORAGE_CONF=/etc/x.conf\n"), std::string::npos);
    EXPECT_EQ(environment.find("_HOST="), std::string::npos) << environment;
}

TEST_F(DiscoverWithPodman, IsAskedForItsWholeHistory) {
    dir.write_program("docker", "#!/bin/sh\necho \"$*\" >" + dir.at("calls") +
                                    R"(; echo '{"ID":"abc","Name":"x","Status":"remove",)" +
                                    R"("Time":"2026-11-30T22:47:13.5Z","Type":"container"}')" + "\n");
    test::Stop stop;
    std::string problem;
    const auto history = recent_history(settings(), Timestamp(1s), stop.get(), problem);
    ASSERT_TRUE(history) << problem;
    EXPECT_EQ(history->runtime, "podman");
    EXPECT_EQ(history->lives.at("abc").container.runtime, "podman");
    EXPECT_EQ(calls(),
              "events --since 1.000000000 --format json --filter type=container --filter event=create "
              "--filter event=start --filter event=died --filter event=remove --stream=false\n");
}

} // namespace
} // namespace logbackup
