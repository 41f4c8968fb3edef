// SPDX-License-Identifier: MIT
#include "support.hpp"

using namespace e2e;

namespace {
/// Runs a command on a terminal of its own (script(1)); gives all that appeared on it.
Result on_terminal(const std::vector<std::string>& argv, const std::vector<std::string>& variables = {}) {
    std::string line;
    for (const auto& argument : argv)
        line += "'" + argument + "' ";
    auto all = variables;
    all.emplace_back("TERM=xterm");
    return run({"script", "--quiet", "--return", "--command", line, "/dev/null"}, all);
}

} // namespace

class Report : public BothWays {};
MOUNTED_ONLY(Report);

TEST_P(Report, ADryRunListsWhatTheRunThenDoesAndWritesNothing) {
    const auto a = engine.start({"web", "web-1"});
    engine.exec(a, "echo one > /opt/logs/a.log; echo two > /opt/logs/b.log");
    const Result before = run_once({"--dry-run", "-v"});
    expect_clean(before);
    EXPECT_FALSE(fs::exists(backup));
    EXPECT_NE(before.out.find("create     a.log  4 B"), std::string::npos) << before.out;
    EXPECT_NE(before.out.find("dry run: 1 container, 2 files: 2 new, 0 changed; 8 B would be saved to " +
                              backup.string()),
              std::string::npos)
        << before.out;
    const Result saved = run_once();
    expect_clean(saved);
    EXPECT_NE(saved.out.find("1 container, 2 files: 2 new, 0 changed; 8 B saved to"), std::string::npos)
        << saved.out;

    const auto b = engine.start({"web", "web-1"});
    engine.exec(b, "echo three > /opt/logs/c.log");
    engine.exec(a, "echo more >> /opt/logs/a.log; echo x > /opt/logs/b.log");
    const std::string state = state_of(scratch.path());
    const Result again = run_once({"--dry-run", "-v"});
    expect_clean(again);
    EXPECT_EQ(state_of(scratch.path()), state);
    EXPECT_NE(again.out.find("append     a.log  5 B"), std::string::npos) << again.out;
    EXPECT_NE(again.out.find("set aside  b.log  as b.log~"), std::string::npos) << again.out;
    EXPECT_NE(again.out.find("web/web-1@1"), std::string::npos) << again.out;
    EXPECT_NE(again.out.find("2 new, 1 changed, 1 set aside; 13 B would be saved"), std::string::npos)
        << again.out;

    const Result done = run_once();
    expect_clean(done);
    EXPECT_NE(done.out.find("2 new, 1 changed, 1 set aside; 13 B saved"), std::string::npos) << done.out;
}

class ReportOnce : public e2e::Test {};

TEST_F(ReportOnce, TheTableShowsEachContainer) {
    const auto running = engine.start({"web", "web-1"});
    engine.exec(running, "echo one > /opt/logs/a.log");
    const auto stopped = engine.start({"db", "db-0", {}, "echo done > /opt/logs/db.log"});
    engine.wait(stopped);
    engine.start({"empty", "empty-0", {}, "rmdir /opt/logs; exec sleep 1000000"});
    const Result result = run_once();
    expect_clean(result);
    EXPECT_EQ(result.out.substr(0, result.out.find("3 containers")),
              "SERVICE  POD      STATE    NEW  CHANGED  FILES  BYTES  SOURCE  TARGET\n"
              "db       db-0     exited     1        -      1    5 B  layers  db/db-0\n"
              "empty    empty-0  running    -        -      -      -  -       no log directory\n"
              "web      web-1    running    1        -      1    4 B  merged  web/web-1\n");
}

TEST_F(ReportOnce, QuietSaysNothingUnlessSomethingIsWrong) {
    const auto id = engine.start({"web", "web-1"});
    engine.exec(id, "echo one > /opt/logs/a.log");
    expect_clean(run_once()); // that a backup is new is always said
    for (const Way each : {Way::mounted, Way::direct}) {
        way = each;
        const Result result = run_once({"--quiet"});
        EXPECT_EQ(result.code, 0);
        EXPECT_EQ(result.out + result.err, "");
    }
    engine.start({"bad_name", "web-1"});
    const Result result = run_once({"--quiet"});
    EXPECT_EQ(result.code, 0);
    EXPECT_EQ(result.out, "");
    EXPECT_NE(result.err.find("is left out"), std::string::npos) << result.err;
    EXPECT_EQ(run_once({"--quiet"}).err, "") << "it is told once";
    EXPECT_NE(run_once().err.find("is left out"), std::string::npos) << "but to who looks, each time";
}

TEST_F(ReportOnce, ColourAndProgressOnATerminalOnly) {
    const auto id = engine.start({"web", "web-1"});
    engine.exec(id, "head -c 5000000 /dev/urandom > /opt/logs/a.log");
    const auto slow = write_script(scratch.path() / "rsync", "exec /usr/bin/rsync --bwlimit=3m \"$@\"");
    const Result terminal = on_terminal(command({"--rsync", slow.string()}));
    EXPECT_EQ(terminal.code, 0) << terminal.out;
    EXPECT_NE(terminal.out.find("\033[32mrunning"), std::string::npos) << terminal.out;
    EXPECT_NE(terminal.out.find(" of 4.8 MiB, "), std::string::npos) << terminal.out;
    EXPECT_NE(terminal.out.find("MiB/s"), std::string::npos) << terminal.out;

    const Result no_colour = on_terminal(command(), {"NO_COLOR=1"});
    EXPECT_EQ(no_colour.out.find("\033[32m"), std::string::npos) << no_colour.out;
    engine.exec(id, "head -c 5000000 /dev/urandom >> /opt/logs/a.log");
    const Result piped = run_once({"--rsync", slow.string()});
    EXPECT_EQ((piped.out + piped.err).find('\033'), std::string::npos);
    EXPECT_EQ((piped.out + piped.err).find('\r'), std::string::npos);
}

TEST_F(ReportOnce, FailsWhenItsOutputCannotBeWritten) {
    engine.exec(engine.start({"web", "web-1"}), "echo one > /opt/logs/app.log");
    record_answers();
    for (const std::vector<std::string>& arguments : {std::vector<std::string>{},
                                                      {"list"},
                                                      {"config"},
                                                      {"--help"},
                                                      {"--version"},
                                                      {"check"},
                                                      {"--dry-run"}}) {
        auto argv = command(arguments);
        argv.insert(argv.begin(), {"sh", "-c", "exec \"$@\" > /dev/full", "sh"});
        const Result result = run(argv);
        EXPECT_EQ(result.code, 1) << testing::PrintToString(arguments);
        EXPECT_NE(result.err.find("cannot write the output"), std::string::npos) << result.err;
    }
}
