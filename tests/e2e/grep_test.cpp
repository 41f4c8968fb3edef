// SPDX-License-Identifier: MIT
#include "support.hpp"

#include <nlohmann/json.hpp>

#include <unistd.h>

#include <sstream>
#include <string>
#include <vector>

using namespace e2e;

/// The operator looks for a line of containers that came and went.
class Grep : public e2e::Test {
  protected:
    Result grep(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), "grep");
        return run(command(arguments), {"DOCKER_HOST=unix:///nowhere/docker.sock"}); // it needs none
    }
    void expect(const Result& result, int code, const std::string& out, const std::string& words) {
        EXPECT_EQ(result.code, code) << result.err;
        EXPECT_EQ(result.out, out);
        EXPECT_NE(result.err.find(words), std::string::npos) << result.err;
    }
};

TEST_F(Grep, FindsALineAndTellsWhatIsMissing) {
    // A volume can have lines from before its container. (They lie long before any run of this test, so
    // the layer of web-1, which cannot have such lines, is not searched for them, whatever the date is.)
    const auto first = engine.start(
        {"orders", "orders-1", {"--volume", (scratch.path() / "volume").string() + ":/opt/logs"}});
    engine.exec(first,
                "cd /opt/logs; echo '2020-11-30 07:00:10,000 order 4711 begins' > app.log; gzip app.log; "
                "echo '2020-11-30 07:01:00,000 other' > app.log; echo ' of order 4711' >> app.log; "
                "echo '2020-11-30 09:00:00,000 order 4711 ends' >> app.log");
    const auto second = engine.start({"web", "web-1"});
    engine.exec(second, "printf 'bad \\033]0;order 4711\\007\\n' > /opt/logs/web.log");
    expect_clean(run_once());
    const std::string before = state_of(backup);

    expect(grep({"order 4711", "orders"}), 0,
           "orders/orders-1 app.log.gz:1:2020-11-30 07:00:10,000 order 4711 begins\n"
           "orders/orders-1 app.log:2: of order 4711\n"
           "orders/orders-1 app.log:3:2020-11-30 09:00:00,000 order 4711 ends\n",
           "1 log directory, 2 files");
    expect(grep({"order 4711", "--since", "2020-11-30 07:00:30Z", "--until", "2020-11-30 08:00Z"}), 0,
           "orders/orders-1 app.log:2: of order 4711\n", "2 outside the time window");
    expect(grep({"order 4711", "web"}), 0, "web/web-1 web.log:1:bad \\x1b]0;order 4711\\x07\n", "1 line");
    expect(grep({"nothing", "orders/orders-1"}), 4, "",
           "a line can be missing: 'orders/orders-1': saved until ");
    expect(grep({"order 4711", "--files"}), 0,
           (backup / "orders/orders-1/app.log").string() + "\n" +
               (backup / "orders/orders-1/app.log.gz").string() + "\n" +
               (backup / "web/web-1/web.log").string() + "\n",
           "4 lines");

    for (const auto& id : {first, second})
        engine.kill(id);
    expect_clean(run_once()); // the last pass
    expect(grep({"nothing"}), 1, "", "no line; no gap is known");
    expect(grep({"("}), 2, "", "cannot search for this pattern");
    expect(grep({"order", "nobody"}), 2, "", "the backup has the services 'orders', 'web'");

    const Result json = grep({"begins", "--json", "--quiet"});
    EXPECT_EQ(json.err, "");
    const auto line = nlohmann::json::parse(json.out);
    EXPECT_EQ(line["service"], "orders");
    EXPECT_EQ(line["pod"], "orders-1");
    EXPECT_EQ(line["namespace"], "default");
    EXPECT_EQ(line["container"], first);
    EXPECT_EQ(line["file"], "app.log.gz");
    EXPECT_EQ(line["line_number"], 1);
    EXPECT_EQ(line["time"], "2020-11-30T07:00:10.000000000Z");
    EXPECT_EQ(line["line"], "2020-11-30 07:00:10,000 order 4711 begins");

    // A container that no run saw can have had it.
    const auto lost = engine.start({"job", "job-1", {}, "echo order 4712 > /opt/logs/app.log"});
    engine.wait(lost);
    engine.remove(lost);
    expect_clean(run_once());
    expect(grep({"order 4712"}), 4, "", "a line can be missing: 'job/job-1': missed, from ");
    expect(grep({"order 4712", "--until", "2020-11-01"}), 1, "", "no gap is known");
    EXPECT_EQ(grep({"x"}).code, 4);
    EXPECT_NE(before, "");
}

// Another run can rotate a log in the backup while a long search is at it.
TEST_F(Grep, TellsThatFilesWereRenamedMeanwhile) {
    engine.exec(engine.start({"web", "web-1"}), "echo x > /opt/logs/app.log");
    expect_clean(run_once());
    fs::create_directory(scratch.path() / "bin");
    const auto slow = write_script(scratch.path() / "bin/rg",
                                   "case $* in *' -') ;; *) sleep 2 ;; esac; exec /usr/bin/rg \"$@\"");
    for (const auto& path : {scratch.path(), scratch.path() / "bin", slow})
        fs::permissions(path, fs::perms(0755)); // it runs as nobody
    auto argv = command({"grep", "nothing"});
    argv.insert(argv.begin(), {"sh", "-c", "(sleep 0.7; mv \"$0\" \"$0.1\") & exec \"$@\"",
                               (backup / "web/web-1/app.log").string()});
    const Result result = run(argv, {"PATH=" + (scratch.path() / "bin").string() + ":/usr/bin:/bin"});
    EXPECT_EQ(result.code, 4);
    EXPECT_NE(result.err.find("'web/web-1': a run renamed files during the search"), std::string::npos)
        << result.err;
}

// What searches reads what containers wrote: it can write nothing, and open no other file.
TEST_F(Grep, KeepsTheProgramsThatReadFromOtherFiles) {
    if (::syscall(444, nullptr, 0, 1) < 1) // landlock_create_ruleset: its version
        GTEST_SKIP() << "needs a kernel with Landlock";
    engine.exec(engine.start({"web", "web-1"}), "echo x > /opt/logs/a; echo x | gzip > /opt/logs/b.gz");
    expect_clean(run_once());
    write_file(scratch.path() / "secret", "a secret of the host\n");
    fs::create_directory(scratch.path() / "bin");
    const auto searcher = write_script(scratch.path() / "bin/rg",
                                       "case $* in *' -') ;; *) cat " + (scratch.path() / "secret").string() +
                                           "; echo y > " + (backup / "web/web-1/a").string() +
                                           ";; esac\n"
                                           "exec /usr/bin/rg \"$@\"");
    for (const auto& path : {scratch.path(), scratch.path() / "bin", searcher})
        fs::permissions(path, fs::perms(0755)); // it runs as nobody
    auto argv = command({"grep", "x"});
    const Result result = run(argv, {"PATH=" + (scratch.path() / "bin").string() + ":/usr/bin:/bin"});
    EXPECT_EQ(result.code, 0) << result.err;
    EXPECT_EQ(result.out, "web/web-1 a:1:x\nweb/web-1 b.gz:1:x\n");
    EXPECT_EQ(read_file(backup / "web/web-1/a"), "x\n");
}
