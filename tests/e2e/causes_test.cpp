// SPDX-License-Identifier: MIT
#include "support.hpp"

#include <algorithm>
#include <string>
#include <vector>

using namespace e2e;

namespace {

/// What cron's mails say of something that goes wrong from run to run.
class Causes : public e2e::Test {
  protected:
    fs::path heard = scratch.path() / "heard"; ///< what the command of --on-failure got

    Result run_from_cron(const std::vector<std::string>& arguments = {}) {
        std::vector<std::string> all{"--quiet", "--on-failure", "cat >>'" + heard.string() + "'"};
        all.insert(all.end(), arguments.begin(), arguments.end());
        return run_once(all);
    }
    /// As if the runs that met the causes had been in the year 2000.
    void let_years_pass() const {
        sh("sed -i -E 's/(\"(last|since)\": \"20)../\\100/' '" + (backup / ".logbackup/causes").string() +
           "'");
    }
    [[nodiscard]] std::string news() const { return fs::exists(heard) ? read_file(heard) : std::string(); }
};

TEST_F(Causes, AreOneLineWhenTheyBeginAndOneWhenTheyAreOver) {
    for (int i = 1; i <= 5; ++i) {
        const fs::path logs = scratch.path() / ("logs-" + std::to_string(i));
        write_file(logs / "a.log", "a line of it\n");
        write_file(logs / "b.log", "a line of another one\n");
        engine.start({"web", "web-" + std::to_string(i), {"--volume", logs.string() + ":/opt/logs"}});
    }
    const std::vector<std::string> no_room{"--min-free", "99%"};
    const Result first = run_from_cron(no_room);
    EXPECT_EQ(first.code, 3);
    EXPECT_EQ(std::count(first.err.begin(), first.err.end(), '\n'), 2)
        << "the new backup, and: " << first.err;
    EXPECT_NE(first.err.find("'web/web-1: a.log', 'web/web-1: b.log', 'web/web-2: a.log' and 7 others: "),
              std::string::npos)
        << first.err;
    EXPECT_EQ(news().find("failure: 'web/web-1: a.log', "), 0U) << news();

    const Result second = run_from_cron(no_room);
    EXPECT_EQ(second.code, 3) << "the exit code is the true one";
    EXPECT_EQ(second.err, "");
    const Result all = run_once({"--verbose", "--min-free", "99%"});
    EXPECT_NE(all.err.find("'web/web-5: b.log': "), std::string::npos) << all.err;
    const Result each_time = run_from_cron({"--min-free", "99%", "--repeat", "0"});
    EXPECT_NE(each_time.err.find(" and 7 others: "), std::string::npos) << each_time.err;

    write_file(heard, "");
    const Result saved = run_from_cron();
    EXPECT_EQ(saved.code, 0);
    EXPECT_EQ(saved.err, "") << "it may come back";
    let_years_pass();
    const Result over = run_from_cron();
    EXPECT_EQ(over.code, 0);
    EXPECT_NE(over.err.find("is over"), std::string::npos) << over.err;
    EXPECT_EQ(news().find("over: is over"), 0U) << news();
    EXPECT_EQ(run_from_cron().err, "");
}

TEST_F(Causes, OfARunThatCanDoNothingAreToldOnce) {
    engine.start({"web", "web-1"});
    expect_clean(run_once());
    const auto away = write_script(scratch.path() / "docker",
                                   "echo 'Cannot connect to the Docker daemon at unix:///x' >&2; exit 1");
    const Result first = run_from_cron({"--docker", away.string()});
    EXPECT_EQ(first.code, 1);
    EXPECT_NE(first.err.find("Cannot connect to the Docker daemon"), std::string::npos) << first.err;
    EXPECT_NE(news().find("failure: cannot list the containers"), std::string::npos) << news();
    const Result second = run_from_cron({"--docker", away.string()});
    EXPECT_EQ(second.code, 1);
    EXPECT_EQ(second.err, "");
    EXPECT_EQ(run_from_cron().err, "");
}

TEST_F(Causes, ACommandThatFailsIsSaid) {
    engine.start({"web", "web-1"});
    const Result failed =
        run_once({"--min-free", "99%", "--quiet", "--on-failure", "echo no mail >&2; exit 7"});
    EXPECT_EQ(failed.code, 0) << "nothing is wrong yet: there is no file";
    const auto missing = run_once({"--quiet", "--on-failure", "echo no mail >&2; exit 7", "--docker",
                                   write_script(scratch.path() / "docker", "exit 1").string()});
    EXPECT_EQ(missing.code, 1);
    EXPECT_NE(missing.err.find("the command of --on-failure exited with code 7: no mail"), std::string::npos)
        << missing.err;
}

} // namespace
