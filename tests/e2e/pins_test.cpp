// SPDX-License-Identifier: MIT
#include "support.hpp"

#include <nlohmann/json.hpp>

using namespace e2e;

/// Runs with --pin: what was written after the last run into files that are gone at the next.
class Pins : public Test {
  protected:
    std::string start(const std::vector<std::string>& arguments = {}) {
        return engine.start({"web", "web-1", arguments});
    }
    void in_logs(const std::string& id, const std::string& script) {
        engine.exec(id, "cd /opt/logs; " + script);
    }
    Result pinning_tick(std::vector<std::string> arguments = {}) {
        arguments.emplace_back("--pin");
        return tick(arguments);
    }
    Tree saved(const std::string& instance = "web/web-1") { return tree_of(backup / instance); }
    std::size_t pins() { return tree_of(backup / ".logbackup/pins").size(); }
    std::string coverage(const std::string& record) {
        return nlohmann::json::parse(read_file(backup / ".logbackup" / record)).at("coverage");
    }
};

TEST_F(Pins, OfAContainerThatIsRemoved) {
    const auto id = start();
    in_logs(id, "echo a > a.log; mkdir d; echo d > d/d.log");
    expect_clean(pinning_tick());
    EXPECT_EQ(pins(), 4U); // the container's directory, two files and a directory
    in_logs(id, "echo dying >> a.log; echo too >> d/d.log");
    engine.remove(id);
    const auto dry = pinning_tick({"--dry-run"});
    EXPECT_NE(dry.out.find("web-1  gone"), std::string::npos) << dry.out;
    EXPECT_EQ(saved().at("a.log"), "a\n");
    const auto result = pinning_tick();
    expect_clean(result);
    EXPECT_NE(result.out.find("2 changed, 1 log directory cut; 10 B saved"), std::string::npos) << result.out;
    EXPECT_EQ(saved(), (Tree{{"a.log", "a\ndying\n"}, {"d", "dir"}, {"d/d.log", "d\ntoo\n"}}));
    EXPECT_EQ(pins(), 0U);
    EXPECT_EQ(coverage("ended/web/web-1"), "cut"); // it may have had younger files
}

TEST_F(Pins, OfFilesThatAreRotatedAwayBetweenTwoRuns) {
    const auto id = start();
    in_logs(id, "echo first > app.log");
    expect_clean(pinning_tick());
    in_logs(id, "echo last >> app.log; mv app.log app.log.1; echo second > app.log; rm app.log.1");
    expect_clean(pinning_tick());
    std::multiset<std::string> contents;
    for (const auto& [name, content] : saved())
        contents.insert(content);
    EXPECT_EQ(contents, (std::multiset<std::string>{"first\nlast\n", "second\n"}));
    EXPECT_EQ(saved().at("app.log"), "second\n");
    EXPECT_EQ(pins(), 2U);
}

TEST_F(Pins, OfAVolumeThatGoesWithItsPod) {
    const auto volume = scratch.path() / "volume";
    const auto id = start({"--volume", volume.string() + ":/opt/logs"});
    in_logs(id, "echo a > a.log");
    expect_clean(pinning_tick());
    in_logs(id, "echo dying >> a.log");
    engine.remove(id);
    fs::remove_all(volume);
    expect_clean(pinning_tick());
    EXPECT_EQ(saved().at("a.log"), "a\ndying\n");
    EXPECT_EQ(pins(), 0U);
}

TEST_F(Pins, OfAPodThatIsMadeAgainUnderItsName) {
    const auto id = start();
    in_logs(id, "echo first > a.log");
    expect_clean(pinning_tick());
    in_logs(id, "echo dying >> a.log");
    engine.remove(id);
    in_logs(start(), "echo second > a.log");
    expect_clean(pinning_tick());
    EXPECT_EQ(saved("web/web-1@1").at("a.log"), "first\ndying\n");
    EXPECT_EQ(saved("web/web-1").at("a.log"), "second\n");
}

TEST_F(Pins, AreFinishedAndRemovedWhenTheOptionIsNotGivenAnyLonger) {
    const auto id = start();
    const auto other = engine.start({"db", "db-0"});
    in_logs(id, "echo a > a.log");
    in_logs(other, "echo b > b.log");
    expect_clean(pinning_tick());
    in_logs(id, "echo dying >> a.log");
    engine.remove(id);
    expect_clean(tick());
    EXPECT_EQ(saved().at("a.log"), "a\ndying\n");
    EXPECT_EQ(pins(), 0U);
}

TEST_F(Pins, OfAnEndedContainerGoWithItsLastPass) {
    const auto id = start();
    in_logs(id, "echo a > a.log");
    expect_clean(pinning_tick());
    EXPECT_EQ(pins(), 2U);
    engine.kill(id);
    expect_clean(pinning_tick());
    EXPECT_EQ(coverage("live/web/web-1"), "complete");
    EXPECT_EQ(pins(), 0U);
}

TEST_F(Pins, WorkWhereTheBackupRootIsAnotherMountOfTheSameFileSystem) {
    const auto other = scratch.path() / "another mount";
    fs::create_directories(other);
    sh("mount --bind '" + other.string() + "' '" + other.string() + "'");
    backup = other / "backup";
    const auto id = start();
    in_logs(id, "echo a > a.log");
    expect_clean(pinning_tick());
    EXPECT_EQ(pins(), 2U);
    in_logs(id, "echo dying >> a.log");
    engine.remove(id);
    expect_clean(pinning_tick());
    EXPECT_EQ(saved().at("a.log"), "a\ndying\n");
}

TEST_F(Pins, AreNotMadeAcrossFileSystemsAndThatIsSaid) {
    const auto other = scratch.path() / "tmpfs";
    fs::create_directories(other);
    sh("mount -t tmpfs tmpfs '" + other.string() + "'");
    backup = other / "backup";
    const auto id = start();
    in_logs(id, "echo a > a.log");
    const auto result = pinning_tick();
    EXPECT_EQ(result.code, 0);
    EXPECT_NE(result.err.find("it is on another file system than the backup"), std::string::npos)
        << result.err;
    EXPECT_EQ(pinning_tick({"--quiet"}).err, "");
    EXPECT_EQ(saved().at("a.log"), "a\n");
}

TEST_F(Pins, WaitForRoom) {
    const auto disk = scratch.path() / "disk";
    fs::create_directories(disk);
    sh("truncate -s 100M '" + disk.string() + ".image' && mkfs.ext4 -q -m 0 '" + disk.string() +
       ".image' && mount -o loop '" + disk.string() + ".image' '" + disk.string() + "'");
    sh("head -c 50000000 /dev/urandom > '" + (disk / "of-others").string() + "'");
    backup = disk / "backup";
    const auto volume = disk / "volume";
    const auto id = start({"--volume", volume.string() + ":/opt/logs"});
    in_logs(id, "echo a > a.log");
    expect_clean(pinning_tick({"--min-free", "0"}));
    in_logs(id, "head -c 25000000 /dev/urandom >> a.log");
    const auto content = read_file(volume / "a.log");
    ASSERT_EQ(content.size(), 25000002U);
    engine.remove(id);
    fs::remove_all(volume);
    const auto refused = pinning_tick({"--min-free", "0"});
    EXPECT_EQ(refused.code, 3);
    EXPECT_NE(refused.err.find("no room"), std::string::npos) << refused.err;
    EXPECT_EQ(coverage("live/web/web-1"), "live");
    EXPECT_EQ(pins(), 2U);
    sh("rm '" + (disk / "of-others").string() + "' && sync --file-system '" + disk.string() +
       "'"); // ext4 frees blocks no sooner
    expect_clean(pinning_tick({"--min-free", "0"}));
    EXPECT_TRUE(saved().at("a.log") == content);
    EXPECT_EQ(coverage("ended/web/web-1"), "cut");
    EXPECT_EQ(pins(), 0U);
}

// Its space is nobody's: the container has deleted the file.
TEST_F(Pins, OfALivingContainerAreGivenUpAfterADay) {
    const auto id = start();
    in_logs(id, "echo a > a.log; mkdir d; head -c 30000000 /dev/zero > d/large.log");
    const std::vector<std::string> small{"--max-file-size", "1M"};
    EXPECT_EQ(pinning_tick(small).code, 3);
    const auto directory = backup / ".logbackup/pins" / id;
    sh("touch -d '3 days ago' '" + directory.string() + "'"); // nothing was made or removed in it since
    EXPECT_EQ(pinning_tick(small).code, 3);
    in_logs(id, "rm d/large.log");
    const auto waits = pinning_tick(small);
    EXPECT_EQ(waits.code, 3);
    EXPECT_EQ(waits.err.find("given up"), std::string::npos) << waits.err;
    EXPECT_TRUE(fs::exists(directory / "d/large.log"));
    sh("touch -d '3 days ago' '" + directory.string() + "'");
    const auto given_up = pinning_tick(small);
    EXPECT_EQ(given_up.code, 3);
    EXPECT_NE(given_up.err.find("its pins are given up"), std::string::npos) << given_up.err;
    EXPECT_FALSE(fs::exists(directory / "d/large.log"));
    EXPECT_TRUE(fs::exists(directory / "a.log"));
    expect_clean(pinning_tick(small));
    EXPECT_EQ(saved().at("d/large.log").size(), 1U << 20U); // what was saved of it stays
}

TEST_F(Pins, OfALivingContainerAreGivenUpWhenHardlyAnyRoomIsLeft) {
    const auto id = start();
    in_logs(id, "echo a > a.log; head -c 3000000 /dev/zero > large.log");
    EXPECT_EQ(pinning_tick({"--max-file-size", "1M"}).code, 3);
    in_logs(id, "rm large.log");
    const std::vector<std::string> full{"--max-file-size", "1M", "--min-free", "1000T"};
    const auto given_up = pinning_tick(full);
    EXPECT_EQ(given_up.code, 3);
    EXPECT_NE(given_up.err.find("its pins are given up"), std::string::npos) << given_up.err;
    EXPECT_FALSE(fs::exists(backup / ".logbackup/pins" / id / "large.log"));
    expect_clean(pinning_tick(full));
}

// Not even root can remove what is immutable.
TEST_F(Pins, ThatCannotBeRemovedAreReported) {
    const auto disk = scratch.path() / "disk";
    fs::create_directories(disk);
    sh("truncate -s 20M '" + disk.string() + ".image' && mkfs.ext4 -q '" + disk.string() +
       ".image' && mount -o loop '" + disk.string() + ".image' '" + disk.string() + "'");
    backup = disk / "backup";
    const auto log = disk / "volume/a.log";
    const auto id = start({"--volume", (disk / "volume").string() + ":/opt/logs"});
    in_logs(id, "echo a > a.log; echo b > b.log");
    expect_clean(pinning_tick({"--min-free", "0"}));
    sh("chattr +i '" + log.string() + "'"); // with CAP_LINUX_IMMUTABLE the container can do that
    for (int run = 0; run < 2; ++run) {
        const auto result = tick({"--min-free", "0"});
        EXPECT_EQ(result.code, 3);
        EXPECT_NE(result.err.find("/a.log': Operation not permitted"), std::string::npos) << result.err;
        EXPECT_NE(result.err.find("chattr -i"), std::string::npos) << result.err;
        EXPECT_EQ(pins(), 2U); // the other one is removed
    }
    sh("chattr -i '" + log.string() + "'");
    expect_clean(tick({"--min-free", "0"}));
    EXPECT_EQ(pins(), 0U);
}

TEST_F(Pins, SaveAlsoThatOfWhichNothingWasSavedBefore) {
    const auto id = start();
    in_logs(id, "echo a > a.log");
    const auto refused = pinning_tick({"--min-free", "1000T"});
    EXPECT_EQ(refused.code, 3);
    EXPECT_NE(refused.err.find("no room"), std::string::npos) << refused.err;
    EXPECT_TRUE(saved().empty());
    in_logs(id, "echo dying >> a.log");
    engine.remove(id);
    expect_clean(pinning_tick());
    EXPECT_EQ(saved().at("a.log"), "a\ndying\n");
    EXPECT_EQ(coverage("ended/web/web-1"), "cut");
    EXPECT_EQ(pins(), 0U);
}

TEST_F(Pins, OfWhatIsNoFileAreNotMade) {
    const auto id = start();
    in_logs(id, "echo a > a.log; ln -s /etc/passwd link; mkfifo fifo; echo h > hard; ln hard hard2");
    expect_clean(pinning_tick());
    EXPECT_EQ(pins(), 4U); // its directory, a.log, hard and hard2
    in_logs(id, "rm a.log; ln -s /etc/passwd a.log; echo more >> hard; rm hard hard2");
    expect_clean(pinning_tick());
    EXPECT_EQ(pins(), 1U);
    EXPECT_EQ(saved().at("hard"), "h\nmore\n");
    for (const auto& [name, content] : saved())
        EXPECT_EQ(content.find("root:"), std::string::npos) << name;
}

TEST_F(Pins, OfOthersAreLeftToTheNextFullRunByAFilteredOne) {
    const auto id = start();
    in_logs(id, "echo a > a.log");
    engine.start({"db", "db-0"});
    expect_clean(pinning_tick());
    in_logs(id, "echo dying >> a.log");
    engine.remove(id);
    expect_clean(tick({"--service", "db"})); // and without --pin
    EXPECT_EQ(saved().at("a.log"), "a\n");
    EXPECT_EQ(coverage("live/web/web-1"), "live");
    expect_clean(tick());
    EXPECT_EQ(saved().at("a.log"), "a\ndying\n");
    EXPECT_EQ(coverage("ended/web/web-1"), "cut");
}
