// SPDX-License-Identifier: MIT
#include "support.hpp"

#include <nlohmann/json.hpp>

using namespace e2e;
using Json = nlohmann::json;

/// Containers of which this process cannot see anything, and engines that are not of this machine.
class Unseen : public e2e::Test {
  protected:
    fs::path data() { return engine.socket().parent_path() / "data"; }

    /// A command in a mount namespace of its own, in which a shell script has run before.
    static Result run_after(const std::string& script, std::vector<std::string> argv,
                            const std::vector<std::string>& variables = {}) {
        argv.insert(argv.begin(), {"unshare", "--mount", "sh", "-ec", script + "\nexec \"$@\"", "sh"});
        return run(argv, variables);
    }
    /// A docker client that describes one container as one of another machine: there are no such layers here,
    /// and no such process.
    fs::path client_with_a_foreign(const std::string& id) {
        return write_script(scratch.path() / "docker",
                            "real=$(PATH=$PATH:/usr/local/bin command -v docker)\n"
                            "[ \"$1\" = inspect ] || exec \"$real\" \"$@\"\n"
                            "\"$real\" \"$@\" | sed -E '/\"Id\": \"" +
                                id +
                                "\"/,/^    }/{s#\"Pid\": [0-9]+#\"Pid\": 4194303#;"
                                "s#\"(/[^\"]*)?/overlay2/#\"/nowhere/overlay2/#g}'");
    }
    std::vector<fs::path> missed_records() {
        std::vector<fs::path> found;
        if (fs::exists(backup / ".logbackup/missed"))
            for (const auto& entry : fs::recursive_directory_iterator(backup / ".logbackup/missed"))
                if (entry.is_regular_file())
                    found.push_back(entry.path());
        return found;
    }
};

TEST_F(Unseen, WhereDockersDataIsHiddenNothingIsCalledGone) {
    engine.wait(engine.start({"job", "job-1", {}, "echo x > /opt/logs/a.log"}));
    const std::string hide = "mount -t tmpfs none '" + data().string() + "'";
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"--quiet"}, {"--dry-run"}, {"verify"}, {"check", "--quiet"}}) {
        const Result result = run_after(hide, command(arguments));
        EXPECT_EQ(result.code, 1) << arguments[0];
        EXPECT_NE((result.out + result.err).find("/diff': No such file or directory"), std::string::npos)
            << result.out << result.err;
        EXPECT_NE((result.out + result.err).find("container or chroot"), std::string::npos) << result.err;
    }
    EXPECT_TRUE(missed_records().empty());

    // One that runs can still be read through its process.
    engine.exec(engine.start({"web", "web-1"}), "echo live > /opt/logs/app.log");
    const Result result = run_after(hide, command({"--quiet"}));
    EXPECT_EQ(result.code, 3);
    EXPECT_NE(result.err.find("job/job-1"), std::string::npos) << result.err;
    EXPECT_EQ(tree_of(backup), (Tree{{"web", "dir"}, {"web/web-1", "dir"}, {"web/web-1/app.log", "live\n"}}));
    EXPECT_TRUE(missed_records().empty());

    expect_clean(run_once());
    EXPECT_EQ(tree_of(backup).at("job/job-1/a.log"), "x\n");
}

// As for a user of docker's group, or for root on a network file system that takes it for nobody.
TEST_F(Unseen, WhereDockersDataMayNotBeReadNothingIsCalledGone) {
    engine.wait(engine.start({"job", "job-1", {}, "echo x > /opt/logs/a.log"}));
    auto argv = command({"--quiet"});
    argv.insert(argv.begin(), {"setpriv", "--bounding-set=-dac_override,-dac_read_search",
                               "--inh-caps=-dac_override,-dac_read_search", "--"});
    const Result result = run_after("mkdir '" + (scratch.path() / "closed").string() + "'; chmod 0700 '" +
                                        (scratch.path() / "closed").string() + "'; chown 65534 '" +
                                        (scratch.path() / "closed").string() + "'; mount --bind '" +
                                        (scratch.path() / "closed").string() + "' '" + data().string() + "'",
                                    argv);
    EXPECT_EQ(result.code, 1);
    EXPECT_NE(result.err.find("/diff': Permission denied"), std::string::npos) << result.err;
    EXPECT_NE(result.err.find("hint: run as root"), std::string::npos) << result.err;
    EXPECT_TRUE(missed_records().empty());
}

TEST_F(Unseen, ARunningContainerOfWhichNothingIsHereHasFailed) {
    const auto volume = scratch.path() / "volume";
    write_file(volume / "secret.log", "of this machine\n");
    const auto foreign = engine.start({"web", "web-1", {"--volume", volume.string() + ":/opt/logs"}});
    engine.exec(engine.start({"db", "db-0"}), "echo db > /opt/logs/db.log");
    const auto docker = client_with_a_foreign(foreign).string();
    for (int i = 0; i < 2; ++i) {
        const Result result = run_once({"--quiet", "--docker", docker});
        EXPECT_EQ(result.code, 3);
        EXPECT_EQ(result.err.find("nor can its process 4194303 be reached on this machine") !=
                      std::string::npos,
                  i == 0)
            << "it is said once: " << result.err;
    }
    EXPECT_EQ(tree_of(backup), (Tree{{"db", "dir"}, {"db/db-0", "dir"}, {"db/db-0/db.log", "db\n"}}));
    EXPECT_TRUE(missed_records().empty());
    const Result checked = run(command({"check", "--docker", docker}));
    EXPECT_EQ(checked.code, 3);
    EXPECT_NE(checked.out.find("those of 1 container cannot be reached"), std::string::npos) << checked.out;
}

TEST_F(Unseen, OneThatHasLostItsLayerIsMissedOnce) {
    const auto id = engine.start({"job", "job-1", {}, "echo x > /opt/logs/a.log"});
    engine.wait(id);
    engine.start({"web", "web-1"});
    const auto docker = write_script(scratch.path() / "docker",
                                     "real=$(PATH=$PATH:/usr/local/bin command -v docker)\n"
                                     "[ \"$1\" = inspect ] || exec \"$real\" \"$@\"\n"
                                     "\"$real\" \"$@\" | sed -E '/\"Id\": \"" +
                                         id + "\"/,/^    }/s#(/overlay2/)[0-9a-f]+(/diff\",?)$#\\1gone\\2#'")
                            .string();
    const Result first = run_once({"--docker", docker});
    expect_clean(first);
    EXPECT_NE(first.out.find("removed meanwhile"), std::string::npos) << first.out;
    EXPECT_NE(first.out.find("1 container missed"), std::string::npos) << first.out;
    for (const auto& arguments :
         {std::vector<std::string>{"--docker", docker}, {"--docker", docker, "--dry-run"}}) {
        const Result again = run_once(arguments);
        expect_clean(again);
        EXPECT_EQ(again.out.find("missed"), std::string::npos) << again.out;
    }
    EXPECT_EQ(missed_records().size(), 1U);
}

TEST_F(Unseen, OneThatIsRemovedWhileARunWorksIsNoFailure) {
    const auto doomed = engine.start({"job", "job-1"});
    engine.exec(engine.start({"web", "web-1"}), "echo here > /opt/logs/app.log");
    const auto docker =
        write_script(scratch.path() / "docker", "real=$(PATH=$PATH:/usr/local/bin command -v docker)\n"
                                                "\"$real\" \"$@\"; code=$?\n"
                                                "[ \"$1\" != inspect ] || \"$real\" rm -f " +
                                                    doomed + " >/dev/null 2>&1\nexit $code")
            .string();
    const Result first = run_once({"--docker", docker});
    expect_clean(first);
    EXPECT_NE(first.out.find("removed meanwhile"), std::string::npos) << first.out;
    const Result second = run_once(); // docker's events tell of it again
    expect_clean(second);
    EXPECT_EQ(second.out.find("missed"), std::string::npos) << second.out;
    EXPECT_EQ(missed_records().size(), 1U);
    EXPECT_EQ(tree_of(backup).at("web/web-1/app.log"), "here\n");
}

TEST_F(Unseen, AnEngineThatIsNotAskedThroughALocalSocketIsRefused) {
    engine.exec(engine.start({"web", "web-1"}), "echo x > /opt/logs/app.log");
    const std::string config = "DOCKER_CONFIG=" + (scratch.path() / "client").string();
    run({"env", "-u", "DOCKER_HOST", config, "docker", "context", "create", "far", "--docker",
         "host=ssh://other.example"});
    run({"env", "-u", "DOCKER_HOST", config, "docker", "context", "create", "near", "--docker",
         "host=" + engine.host()});
    const auto run_with = [&](const std::vector<std::string>& variables,
                              const std::vector<std::string>& arguments) {
        std::vector<std::string> argv{"env", "-u", "DOCKER_HOST", config};
        argv.insert(argv.end(), variables.begin(), variables.end());
        for (const auto& word : command(arguments))
            argv.push_back(word);
        return run(argv);
    };
    const auto expect_refused = [&](const std::vector<std::string>& variables, const std::string& address) {
        for (const std::vector<std::string>& arguments :
             {std::vector<std::string>{"--quiet"}, {"--dry-run"}, {"verify"}, {"check"}}) {
            const Result result = run_with(variables, arguments);
            EXPECT_EQ(result.code, 1) << arguments[0];
            EXPECT_NE((result.out + result.err).find(address), std::string::npos) << result.out << result.err;
            EXPECT_NE((result.out + result.err).find("engine's own machine"), std::string::npos);
        }
    };
    expect_refused({"DOCKER_HOST=ssh://other.example"}, "'ssh://other.example' (DOCKER_HOST)");
    expect_refused({"DOCKER_HOST=tcp://127.0.0.1:2375"}, "'tcp://127.0.0.1:2375' (DOCKER_HOST)");
    expect_refused({"DOCKER_CONTEXT=far"}, "the docker context 'far' of DOCKER_CONTEXT");
    run({"env", "-u", "DOCKER_HOST", config, "docker", "context", "use", "far"});
    expect_refused({}, "the docker context 'far' of '");
    EXPECT_EQ(tree_of(backup), Tree());

    expect_clean(run_with({"DOCKER_CONTEXT=near"}, {"--quiet"}));
    EXPECT_EQ(tree_of(backup).at("web/web-1/app.log"), "x\n");
    EXPECT_NE(run_with({"DOCKER_CONTEXT=near"}, {"check"}).out.find("'near' of DOCKER_CONTEXT unix://"),
              std::string::npos);
    expect_clean(run_with({"DOCKER_HOST=" + engine.host()}, {"--quiet"}));
}
