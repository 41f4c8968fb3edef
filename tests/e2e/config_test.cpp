// SPDX-License-Identifier: MIT
#include "rsync_after.hpp"
#include "support.hpp"

#include <nlohmann/json.hpp>

#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <sstream>

using namespace e2e;

class Config : public e2e::Test {
  protected:
    const fs::path file = scratch.path() / "logbackup.toml";

    Result logbackup(std::vector<std::string> arguments, const std::vector<std::string>& variables = {}) {
        arguments.insert(arguments.begin(), LOGBACKUP_BINARY);
        return run(arguments, variables);
    }
};

TEST_F(Config, OfAFileIsWhatARunDoes) {
    engine.exec(engine.start({"web", "web-1"}), "echo web > /opt/logs/app.log");
    engine.exec(engine.start({"payments", "pay-1"}),
                "mkdir -p /var/log/pay; echo pay > /var/log/pay/pay.log; echo no > /opt/logs/other.log");
    write_file(file, "dest = \"" + backup.string() +
                         "\"\nquiet = true\n\n[service.\"pay*\"]\nlog-dir = \"/var/log/pay\"\n");
    const Result result = logbackup({"--config", file.string()}, {"DOCKER_HOST=" + engine.host()});
    expect_clean(result);
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(tree_of(backup), (Tree{{"web", "dir"},
                                     {"web/web-1", "dir"},
                                     {"web/web-1/app.log", "web\n"},
                                     {"payments", "dir"},
                                     {"payments/pay-1", "dir"},
                                     {"payments/pay-1/pay.log", "pay\n"}}));
    EXPECT_NE(run({"grep", "-rF", "/var/log/pay", (backup / ".logbackup/live").string()}).out, "")
        << "the record says where it was";
}

TEST_F(Config, ShowsWhatTakesEffectAndWhy) {
    write_file(file, "dest = \"/file\"\nmin-free = \"1G\"\nmax-files = 7\n");
    const std::vector<std::string> variables{"LOGBACKUP_CONFIG=" + file.string(), "LOGBACKUP_MIN_FREE=2G",
                                             "LOGBACKUP_MAX_FILES=8"};
    const Result result = logbackup({"config", "--max-files", "9"}, variables);
    expect_clean(result);
    for (const auto& [name, value, source] : {std::tuple{"dest", "/file", file.string()},
                                              {"min-free", "2G", "LOGBACKUP_MIN_FREE"},
                                              {"max-files", "9", "command line"},
                                              {"max-depth", "100", "default"}}) {
        std::istringstream lines(result.out);
        std::string line;
        while (std::getline(lines, line) && !line.starts_with(std::string(name) + " = "))
            continue;
        EXPECT_TRUE(line.starts_with(std::string(name) + " = \"" + value + "\"")) << line;
        EXPECT_TRUE(line.ends_with("  # " + source)) << line;
    }
    const auto json = nlohmann::json::parse(logbackup({"config", "--json"}, variables).out);
    EXPECT_EQ(json["settings"][1]["name"], "dest");
    EXPECT_EQ(json["settings"][1]["source"], file.string());
}

TEST_F(Config, ThatIsWrongEndsTheRunBeforeItBegins) {
    write_file(file, "dest = \"" + backup.string() + "\"\nmax-fils = 3\n");
    const Result result = logbackup({"--config", file.string()}, {"DOCKER_HOST=" + engine.host()});
    EXPECT_EQ(result.code, 2);
    EXPECT_EQ(result.err, "logbackup: unknown option 'max-fils' in '" + file.string() +
                              "' (the nearest is 'max-files')\n");
    EXPECT_FALSE(fs::exists(backup));
}

class Neighbour : public e2e::Test {};

namespace {
/// The children of a process.
std::vector<pid_t> children_of(pid_t pid) {
    std::istringstream list(
        read_file("/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children"));
    std::vector<pid_t> children;
    for (pid_t child = 0; list >> child;)
        children.push_back(child);
    return children;
}

// As ioprio_set(2) has them.
constexpr int ioprio_who_process = 1;
constexpr long best_effort_7 = 2L << 13 | 7;
constexpr long idle = 3L << 13;

struct Priorities {
    int nice = 0;
    long io = 0;
    std::string command;
};

Priorities of(pid_t pid) {
    return {::getpriority(PRIO_PROCESS, static_cast<id_t>(pid)),
            ::syscall(SYS_ioprio_get, ioprio_who_process, pid),
            read_file("/proc/" + std::to_string(pid) + "/cmdline")};
}
} // namespace

TEST_F(Neighbour, GivesWayWithAllThatItStarts) {
    engine.exec(engine.start({"web", "web-1"}), "echo web > /opt/logs/app.log");
    const auto while_it_saves = [&](const std::vector<std::string>& arguments) {
        fs::remove_all(backup);
        const fs::path go_on = scratch.path() / "go-on";
        fs::remove(go_on);
        const RsyncAfter rsync(scratch.path() / "rsync",
                               "while [ ! -e '" + go_on.string() + "' ]; do sleep 0.05; done");
        auto all = arguments;
        all.insert(all.end(), {"--rsync", rsync.path()});
        Background running(command(all), {"DOCKER_HOST=" + engine.host()});
        std::pair<Priorities, Priorities> seen;
        wait_until("its rsync runs", [&] {
            for (const pid_t child : children_of(running.pid()))
                try {
                    seen = {of(running.pid()), of(child)};
                    if (seen.second.command.find("--append") != std::string::npos)
                        return true;
                } catch (const std::exception&) { // a client of the engine has ended meanwhile
                }
            return false;
        });
        write_file(go_on, "");
        EXPECT_EQ(running.wait(), 0);
        return seen;
    };
    const auto [us, rsync] = while_it_saves({});
    EXPECT_EQ(us.nice, 10);
    EXPECT_EQ(rsync.nice, 10);
    EXPECT_EQ(us.io, best_effort_7);
    EXPECT_EQ(rsync.io, best_effort_7);
    EXPECT_EQ(rsync.command.find("--bwlimit"), std::string::npos);
    const auto asked = while_it_saves({"--nice", "19", "--ionice", "idle", "--bwlimit", "3M"});
    EXPECT_EQ(asked.second.nice, 19);
    EXPECT_EQ(asked.second.io, idle);
    EXPECT_NE(asked.second.command.find("--bwlimit=3072"), std::string::npos) << asked.second.command;
}
