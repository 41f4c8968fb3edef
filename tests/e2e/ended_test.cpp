// SPDX-License-Identifier: MIT
#include "support.hpp"

#include "ledger/ledger.hpp"
#include "util/files.hpp"

#include <fcntl.h>

using namespace e2e;
using logbackup::Coverage;
using logbackup::Record;

/// Containers that end, and what the records say of them then.
class Ended : public BothWays {
  protected:
    std::string start(const std::string& script) { return engine.start({"job", "job-1", {}, script}); }
    std::string upper(const std::string& id) {
        auto path = engine.docker({"inspect", "--format", "{{.GraphDriver.Data.UpperDir}}", id});
        path.pop_back();
        return path + "/opt/logs/";
    }
    Record record() {
        std::vector<std::string> problems;
        const logbackup::UniqueFd held(::open(backup.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        auto records = logbackup::load_live_records(held.get(), problems);
        auto ended = logbackup::load_ended_records(held.get(), problems);
        records.insert(records.end(), ended.begin(), ended.end());
        EXPECT_TRUE(problems.empty());
        EXPECT_EQ(records.size(), 1U);
        return records.empty() ? Record{} : records.front();
    }
    fs::path saved(const std::string& name) { return backup / "job/job-1" / name; }
};
MOUNTED_ONLY(Ended);

TEST_P(Ended, IsSavedComparedInFullAndNotTouchedAgain) {
    const auto id = start("echo first > /opt/logs/a.log");
    engine.wait(id);
    expect_clean(run_once());
    EXPECT_EQ(record().coverage, Coverage::complete);
    EXPECT_FALSE(record().saved_until.empty());
    EXPECT_EQ(read_file(saved("a.log")), "first\n");

    // Nobody can write there any more; were it read, this would be seen.
    append_file(upper(id) + "a.log", "from outside\n");
    const auto second = run_once();
    expect_clean(second);
    EXPECT_NE(second.out.find("complete"), std::string::npos) << second.out;
    EXPECT_EQ(read_file(saved("a.log")), "first\n");
}

TEST_P(Ended, ThatIsStartedAgainIsLiveAgain) {
    const auto id = start("echo run >> /opt/logs/a.log; [ -e /keep ] && exec sleep 1000000; touch /keep");
    engine.wait(id);
    expect_clean(run_once());
    EXPECT_EQ(record().coverage, Coverage::complete);
    engine.docker({"start", id});
    wait_until("it has written again", [&] { return read_file(upper(id) + "a.log") == "run\nrun\n"; });
    expect_clean(run_once());
    EXPECT_EQ(record().coverage, Coverage::live);
    EXPECT_EQ(record().saved_until, "");
    EXPECT_EQ(read_file(saved("a.log")), "run\nrun\n");
    engine.kill(id);
    append_file(upper(id) + "a.log", "last\n");
    expect_clean(run_once());
    EXPECT_EQ(record().coverage, Coverage::complete);
    EXPECT_EQ(read_file(saved("a.log")), "run\nrun\nlast\n");
}

TEST_P(Ended, ThatRanAgainBetweenTwoRunsGetsAnotherLastPass) {
    const auto id = start("echo run >> /opt/logs/a.log");
    engine.wait(id);
    expect_clean(run_once());
    engine.docker({"start", id});
    engine.wait(id);
    expect_clean(run_once());
    EXPECT_EQ(record().coverage, Coverage::complete);
    EXPECT_EQ(read_file(saved("a.log")), "run\nrun\n");
}

TEST_P(Ended, IsCutWhenItIsRemovedBeforeItsLastPassElseComplete) {
    auto id = start("echo x > /opt/logs/a.log; exec sleep 1000000");
    expect_clean(run_once());
    engine.remove(id);
    expect_clean(run_once());
    EXPECT_EQ(record().coverage, Coverage::cut);
    EXPECT_FALSE(record().saved_until.empty());

    fs::remove_all(backup);
    id = start("echo x > /opt/logs/a.log");
    engine.wait(id);
    expect_clean(run_once());
    engine.remove(id);
    expect_clean(run_once());
    EXPECT_EQ(record().coverage, Coverage::complete);
    EXPECT_TRUE(fs::exists(backup / ".logbackup/ended/job/job-1"));
}
