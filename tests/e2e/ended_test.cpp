// SPDX-License-Identifier: MIT
#include "support.hpp"

#include "ledger/ledger.hpp"
#include "util/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>

using namespace e2e;
using logbackup::Coverage;
using logbackup::Record;

/// Containers that end, and what the records say of them then.
class Ended : public BothWays {
  protected:
    std::string start(const std::string& script, std::vector<std::string> arguments = {}) {
        return engine.start({"job", "job-1", std::move(arguments), script});
    }
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

// Neither size nor time tell, nor the windows at both ends.
TEST_P(Ended, ARewriteThatHidItselfIsFoundByTheLastPass) {
    const auto id = start("exec sleep 1000000");
    const std::string before = log_text(200'000, 1);
    write_file(upper(id) + "a.log", before);
    expect_clean(run_once());
    struct stat status {};
    ASSERT_EQ(::stat((upper(id) + "a.log").c_str(), &status), 0);
    std::string after = before;
    after.replace(100'000, 8, "REWRITTEN", 8);
    write_file(upper(id) + "a.log", after);
    const timespec times[2] = {status.st_atim, status.st_mtim};
    ASSERT_EQ(::utimensat(AT_FDCWD, (upper(id) + "a.log").c_str(), times, 0), 0);
    expect_clean(run_once());
    EXPECT_EQ(read_file(saved("a.log")), before); // not to be seen while it runs
    engine.kill(id);
    const auto last = run_once();
    expect_clean(last);
    EXPECT_EQ(read_file(saved("a.log")), after);
    EXPECT_NE(last.out.find("1 set aside"), std::string::npos) << last.out;
    EXPECT_EQ(record().coverage, Coverage::complete);
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

TEST_P(Ended, OthersCanStillWriteToItsVolume) {
    const auto volume = scratch.path() / "volume";
    const auto id = start("echo one > /opt/logs/a.log", {"--volume", volume.string() + ":/opt/logs"});
    engine.wait(id);
    expect_clean(run_once());
    EXPECT_EQ(record().coverage, Coverage::complete);
    append_file(volume / "a.log", "two\n");
    expect_clean(run_once());
    EXPECT_EQ(record().coverage, Coverage::live);
    EXPECT_EQ(read_file(saved("a.log")), "one\ntwo\n");
}

TEST_P(Ended, IsNotCompleteBeforeAllOfItIsSaved) {
    const auto id = start("mkdir /opt/logs/big; head -c 3000000 /dev/urandom > /opt/logs/big/b.log");
    engine.wait(id);
    expect_clean(run_once());
    EXPECT_EQ(record().coverage, Coverage::complete);
    fs::remove_all(backup);

    const auto small = scratch.path() / "small";
    fs::create_directory(small);
    sh("mount -t tmpfs -o size=1m tmpfs '" + small.string() + "'");
    backup = small / "backup";
    EXPECT_EQ(run_once().code, 3);
    EXPECT_EQ(record().coverage, Coverage::live);
    sh("mount -o remount,size=100m '" + small.string() + "'");
    expect_clean(run_once());
    EXPECT_EQ(record().coverage, Coverage::live) << "saved, but not yet compared";
    expect_clean(run_once());
    EXPECT_EQ(record().coverage, Coverage::complete);
    EXPECT_EQ(fs::file_size(saved("big/b.log")), 3'000'000U);
}
