// SPDX-License-Identifier: MIT
#include "support.hpp"

#include <nlohmann/json.hpp>

using namespace e2e;

namespace {
/// When the last run began.
std::string last_run(const fs::path& backup) {
    auto time = sh("date -u -r '" + (backup / ".logbackup/last-run").string() + "' +%Y-%m-%dT%H:%M:%SZ");
    time.pop_back();
    return time;
}

nlohmann::json record(const fs::path& backup, const std::string& which) {
    return nlohmann::json::parse(read_file(backup / ".logbackup" / which));
}
} // namespace

class Assign : public BothWays {};
MOUNTED_ONLY(Assign);

TEST_P(Assign, ARestartedContainerGetsThePlainNameAndTheOlderOnesAreNumbered) {
    const auto first = engine.start({"web", "web-1", {}, "echo first > /opt/logs/app.log"});
    engine.wait(first);
    expect_clean(run_once());
    const ino_t saved = inode_of(backup / "web/web-1/app.log");

    const auto second = engine.start({"web", "web-1", {}, "echo second > /opt/logs/app.log"});
    engine.wait(second);
    expect_clean(run_once());
    EXPECT_EQ(tree_of(backup), (Tree{{"web", "dir"},
                                     {"web/web-1", "dir"},
                                     {"web/web-1/app.log", "second\n"},
                                     {"web/web-1@1", "dir"},
                                     {"web/web-1@1/app.log", "first\n"}}));
    EXPECT_EQ(inode_of(backup / "web/web-1@1/app.log"), saved) << "moved, not copied";

    engine.remove(first);
    const auto third = engine.start({"web", "web-1"});
    engine.exec(third, "echo third > /opt/logs/app.log");
    expect_clean(run_once());
    expect_clean(run_once());
    EXPECT_EQ(tree_of(backup), (Tree{{"web", "dir"},
                                     {"web/web-1", "dir"},
                                     {"web/web-1/app.log", "third\n"},
                                     {"web/web-1@1", "dir"},
                                     {"web/web-1@1/app.log", "first\n"},
                                     {"web/web-1@2", "dir"},
                                     {"web/web-1@2/app.log", "second\n"}}));
    EXPECT_EQ(record(backup, "live/web/web-1")["containers"], nlohmann::json::array({third}));
    EXPECT_EQ(record(backup, "live/web/web-1@2")["containers"], nlohmann::json::array({second}));
    EXPECT_EQ(record(backup, "ended/web/web-1@1")["containers"], nlohmann::json::array({first}));
}

TEST_P(Assign, SeveralInstancesOfAPodAtTheFirstRunAreToldApart) {
    for (const auto* text : {"one", "two", "three"}) {
        const auto id =
            engine.start({"web", "web-1", {}, std::string("echo ") + text + " > /opt/logs/app.log"});
        engine.wait(id);
    }
    expect_clean(run_once());
    const Tree tree = tree_of(backup);
    EXPECT_EQ(tree.at("web/web-1@1/app.log"), "one\n");
    EXPECT_EQ(tree.at("web/web-1@2/app.log"), "two\n");
    EXPECT_EQ(tree.at("web/web-1/app.log"), "three\n");
}

TEST_P(Assign, ThePodOfAStatefulSetThatIsMadeAgainDoesNotContinueTheOldOnesFiles) {
    const auto old = engine.start({"db", "db-0"});
    engine.exec(old, "echo old > /opt/logs/db.log");
    expect_clean(run_once());
    engine.remove(old);
    const auto saved_until = last_run(backup);
    expect_clean(run_once()); // its record ends before the new one comes
    EXPECT_EQ(record(backup, "ended/db/db-0")["saved_until"], saved_until) << "the last run that saw it";
    EXPECT_EQ(record(backup, "ended/db/db-0")["coverage"], "cut");

    const auto again = engine.start({"db", "db-0"});
    engine.exec(again, "echo new > /opt/logs/db.log");
    expect_clean(run_once());
    EXPECT_EQ(tree_of(backup).at("db/db-0/db.log"), "new\n");
    EXPECT_EQ(tree_of(backup).at("db/db-0@1/db.log"), "old\n");
    EXPECT_EQ(record(backup, "ended/db/db-0@1")["containers"], nlohmann::json::array({old}));
}

TEST_P(Assign, TheSameNamesInTwoNamespacesAreTwoDirectoriesThatStay) {
    Pod pod{"web", "web-1"};
    const auto a = engine.start(pod);
    pod.namespace_name = "other";
    const auto b = engine.start(pod);
    for (int i = 0; i < 3; ++i) {
        engine.exec(a, "echo a" + std::to_string(i) + " >> /opt/logs/app.log");
        engine.exec(b, "echo b" + std::to_string(i) + " >> /opt/logs/app.log");
        expect_clean(run_once());
    }
    EXPECT_EQ(tree_of(backup).at("web/web-1/app.log"), "a0\na1\na2\n");
    EXPECT_EQ(tree_of(backup).at("web/web-1@1/app.log"), "b0\nb1\nb2\n");
    EXPECT_EQ(tree_of(backup).size(), 5U);
}

TEST_P(Assign, ARestartedContainerOnAVolumeGoesOnInTheSameDirectory) {
    const auto volume = (scratch.path() / "emptydir").string();
    fs::create_directories(volume);
    const Pod pod{"web", "web-1", {"--volume", volume + ":/opt/logs"}, "echo run >> /opt/logs/app.log"};
    for (int i = 1; i <= 3; ++i) {
        const auto id = engine.start(pod);
        engine.wait(id);
        expect_clean(run_once());
        if (i > 1)
            engine.remove(id);
    }
    EXPECT_EQ(tree_of(backup),
              (Tree{{"web", "dir"}, {"web/web-1", "dir"}, {"web/web-1/app.log", "run\nrun\nrun\n"}}));
    EXPECT_EQ(record(backup, "live/web/web-1")["containers"].size(), 3U);
}

TEST_P(Assign, ADirectoryThatSeveralContainersMountIsSavedOnceUnderItsWriter) {
    const auto shared = (scratch.path() / "shared").string();
    fs::create_directories(shared);
    engine.start({"reader", "web-1", {"--volume", shared + ":/opt/logs:ro"}});
    const auto writer = engine.start({"web", "web-1", {"--volume", shared + ":/opt/logs"}});
    engine.start({"web", "web-2", {"--volume", shared + ":/opt/logs"}});
    engine.exec(writer, "echo once > /opt/logs/app.log");
    const auto expected = [](const std::string& text) {
        return Tree{{"reader", "dir"},    {"reader/web-1", "-> ../web/web-1"}, {"web", "dir"},
                    {"web/web-1", "dir"}, {"web/web-1/app.log", text},         {"web/web-2", "-> web-1"}};
    };

    for (int i = 0; i < 2; ++i) {
        const Result result = run_once();
        expect_clean(result);
        EXPECT_EQ(tree_of(backup), expected("once\n"));
        EXPECT_NE(result.out.find("shared, see web/web-1"), std::string::npos) << result.out;
    }

    // The others go on in it when the first is gone.
    engine.remove(writer);
    append_file(fs::path(shared) / "app.log", "more\n");
    expect_clean(run_once());
    EXPECT_EQ(tree_of(backup), expected("once\nmore\n"));
    for (const auto* service : {"reader", "web"})
        EXPECT_NE(run_once({"list", "--service", service}).out.find("web-1"), std::string::npos) << service;
}

TEST_P(Assign, ATreeOfAPlainRsyncLoopIsAdoptedWithoutCopyingAgain) {
    const auto id = engine.start({"web", "web-1"});
    const std::string log = log_text(300'000);
    const fs::path from = scratch.path() / "from";
    write_file(from / "app.log", log);
    write_file(from / "old/app.1.log", "rotated\n");
    sh("chown -R 1000:1000 '" + from.string() + "'; chmod 4755 '" + from.string() + "/app.log'");
    engine.docker({"cp", from.string() + "/.", id + ":/opt/logs"});
    sh("m=$(docker inspect -f '{{.GraphDriver.Data.MergedDir}}' " + id + "); mkdir -p '" +
       (backup / "web/web-1").string() + "'; rsync -a \"$m/opt/logs/\" '" + (backup / "web/web-1").string() +
       "/'");
    write_file(backup / "web/web-1/gone.log", "dropped by the application since\n");
    const ino_t saved = inode_of(backup / "web/web-1/app.log");
    engine.exec(id, "echo one more line >> /opt/logs/app.log");

    const Result result = run_once();

    expect_clean(result);
    EXPECT_EQ(tree_of(backup), (Tree{{"web", "dir"},
                                     {"web/web-1", "dir"},
                                     {"web/web-1/app.log", log + "one more line\n"},
                                     {"web/web-1/gone.log", "dropped by the application since\n"},
                                     {"web/web-1/old", "dir"},
                                     {"web/web-1/old/app.1.log", "rotated\n"}}));
    EXPECT_EQ(inode_of(backup / "web/web-1/app.log"), saved);
    EXPECT_NE(result.out.find("0 new, 1 changed; 14 B saved"), std::string::npos) << result.out;
    EXPECT_EQ(sh("stat -c '%a %u %g' '" + (backup / "web/web-1/app.log").string() + "' '" +
                 (backup / "web/web-1/old").string() + "'"),
              "640 0 0\n750 0 0\n");
}
