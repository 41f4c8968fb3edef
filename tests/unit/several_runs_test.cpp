// SPDX-License-Identifier: MIT
#include "program_node.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace logbackup {
namespace {

namespace fs = std::filesystem;
using test::expect_clean;
using test::ProgramEnd;
using test::says;
using Json = nlohmann::json;

/// Several log directories in a container: runs of the program.
class SeveralRuns : public test::ProgramNode {
  protected:
    static inline const std::string a = "/opt/logs";
    static inline const std::string b = "/var/log/app";

    static Arguments with(const Arguments& log_directories, Arguments arguments = {}) {
        for (const auto& path : log_directories)
            arguments.insert(arguments.end(), {"--log-dir", path});
        return arguments;
    }
    static Arguments with_two(Arguments arguments = {}) { return with({a, b}, std::move(arguments)); }
    /// A container with both.
    std::string start_two(const std::string& pod, const std::vector<Mount>& mounts = {}) {
        const auto id = start("web", pod, mounts);
        make(id, b);
        return id;
    }
    void make(const std::string& id, const std::string& path) const { dir.make_directory(below(id, path)); }
    void make_link(const std::string& id, const std::string& path, const std::string& target) const {
        dir.link(below(id, path), target);
    }
    static Mount volume_at(const std::string& source, const std::string& path) {
        return {"bind", source, path};
    }
    const std::string volume = dir.at("volume");
};

TEST_F(SeveralRuns, OneThatIsNotThereIsNoFailure) {
    const auto id = start("web", "web-1");
    fs::remove(dir.at(below(start("web", "web-2"), a)));
    write(id, "/opt/logs/a.log", "a\n");
    const ProgramEnd result = run_once(with_two({"--json"}));
    expect_clean(result);
    const auto rows = Json::parse(result.out)["containers"];
    std::vector<std::string> statuses;
    for (const auto& row : rows)
        statuses.push_back(row["pod"].get<std::string>() + " " + row["status"].get<std::string>());
    EXPECT_EQ(statuses, (std::vector<std::string>{"web-1 saved", "web-2 no log directory"}));
}

TEST_F(SeveralRuns, OfARestartTheVolumeGoesOnAndTheOtherIsNumbered) {
    const auto first = start_two("web-0", {volume_at(volume, b)});
    write(first, "/opt/logs/a.log", "first\n");
    dir.write("volume/v.log", "first\n");
    expect_clean(run_once(with_two()));
    kill(first);
    const auto second = start_two("web-0", {volume_at(volume, b)});
    write(second, "/opt/logs/a.log", "second\n");
    dir.write("volume/v.log", "first\nsecond\n");
    expect_clean(run_once(with_two()));
    const Tree expected{{"web/web-0/a.log", "second\n"},
                        {"web/web-0@1/a.log", "first\n"},
                        {"web/web-0+var+log+app/v.log", "first\nsecond\n"}};
    EXPECT_EQ(files(), expected);
    expect_clean(run_once(with_two({"verify"})));
    remove(first);
    expect_clean(run_once(with_two()));
    EXPECT_EQ(files(), expected);
    EXPECT_TRUE(has_record("ended/web/web-0@1"));
}

/// A running container, one that has ended and is saved in full, and one whose log directory is a volume.
TEST_F(SeveralRuns, ASecondOneMovesCopiesAndEndsNothingOfTheFirst) {
    const std::string ended = start_two("ended");
    for (const auto& id : {start_two("runs"), ended}) {
        write(id, "/opt/logs/a.log", "first\n");
        write(id, "/var/log/app/b.log", "second\n");
    }
    const auto on_volume = start_two("volume", {volume_at(volume, a)});
    dir.write("volume/a.log", "first\n");
    write(on_volume, "/var/log/app/b.log", "second\n");
    kill(ended);
    for (int i = 0; i < 2; ++i)
        expect_clean(run_once());
    const std::vector<std::string> pods{"runs", "ended", "volume"};
    const auto state = [&] {
        std::string all;
        for (const auto& pod : pods) {
            struct stat status {};
            EXPECT_EQ(::stat((backup + "/web/" + pod + "/a.log").c_str(), &status), 0);
            all += std::to_string(status.st_ino) + " " + std::to_string(status.st_ctim.tv_sec) + "." +
                   std::to_string(status.st_ctim.tv_nsec) + content(".logbackup/live/web/" + pod);
        }
        return all;
    };
    const std::string before = state();
    EXPECT_EQ(record("live/web/ended").at("coverage"), "complete");

    for (int i = 0; i < 2; ++i) {
        const ProgramEnd result = run_once(with_two());
        expect_clean(result);
        EXPECT_NE(result.out.find(i == 0 ? "3 new, 0 changed; 21 B saved" : "0 new, 0 changed; 0 B saved"),
                  std::string::npos)
            << result.out;
        EXPECT_EQ(result.out.find("cut"), std::string::npos) << result.out;
        Tree expected;
        for (const auto& pod : pods) {
            expected["web/" + pod + "/a.log"] = "first\n";
            expected["web/" + pod + "+var+log+app/b.log"] = "second\n";
        }
        EXPECT_EQ(files(), expected);
        EXPECT_EQ(state(), before);
        EXPECT_FALSE(has_record("ended"));
    }
    EXPECT_EQ(record("live/web/ended+var+log+app").at("coverage"), "complete");
    expect_clean(run_once(with_two({"verify"})));
}

TEST_F(SeveralRuns, KeepTheirNamesWhateverIsConfiguredLater) {
    const auto id = start_two("web-1");
    write(id, "/opt/logs/a.log", "a\n");
    write(id, "/var/log/app/b.log", "b\n");
    expect_clean(run_once(with_two()));
    const Tree expected{{"web/web-1/a.log", "a\n"}, {"web/web-1+var+log+app/b.log", "b\n"}};
    const auto are_there = [&](const std::string& kind) {
        return std::pair(has_record(kind + "/web/web-1"), has_record(kind + "/web/web-1+var+log+app"));
    };
    for (const bool runs : {true, false}) {
        for (const auto& paths : {Arguments{b, a}, {a}, {b}, {a, b}}) {
            expect_clean(run_once(with(paths)));
            EXPECT_EQ(files(), expected);
            const bool has_a = paths != Arguments{b};
            const bool has_b = paths != Arguments{a};
            EXPECT_EQ(are_there("live"), std::pair(has_a, has_b));
            EXPECT_EQ(are_there("ended"), std::pair(!has_a, !has_b));
        }
        if (runs)
            kill(id);
    }
    EXPECT_EQ(record("live/web/web-1").at("coverage"), "complete");
    EXPECT_EQ(record("live/web/web-1+var+log+app").at("coverage"), "complete");
}

TEST_F(SeveralRuns, ThatAreOneAreSavedOnce) {
    const auto id = start("web", "web-1");
    make_link(id, b, a);
    write(id, "/opt/logs/a.log", "a\n");
    for (int i = 0; i < 2; ++i) {
        const ProgramEnd result = run_once(with_two());
        expect_clean(result);
        EXPECT_NE(result.out.find("shared, see web/web-1"), std::string::npos) << result.out;
    }
    kill(id);
    for (int i = 0; i < 3; ++i) { // nor again after the end
        expect_clean(run_once(with_two()));
        EXPECT_EQ(files(), (Tree{{"web/web-1/a.log", "a\n"}}));
        EXPECT_EQ(record("live/web/web-1").at("coverage"), "complete");
    }
}

TEST_F(SeveralRuns, ComeFromTheFileAndTheEnvironment) {
    const auto id = start_two("web-1");
    write(id, "/opt/logs/a.log", "a\n");
    write(id, "/var/log/app/b.log", "b\n");
    expect_clean(run_once({}, {"LOGBACKUP_LOG_DIR=/opt/logs:/var/log/app"}));
    EXPECT_EQ(files().size(), 2U);
    const std::string file =
        dir.write("logbackup.toml", "[service.web]\nlog-dir = [\"/opt/logs\", \"/var/log/app/\"]\n");
    append(id, "/opt/logs/a.log", "more\n");
    const ProgramEnd result = run_once({"--config", file});
    expect_clean(result);
    EXPECT_NE(result.out.find("0 new, 1 changed"), std::string::npos) << result.out;
    const ProgramEnd wrong = run_once({"--log-dir", "/opt", "--log-dir", "/opt/./logs"});
    EXPECT_EQ(wrong.code, 2);
    EXPECT_TRUE(says(wrong, "'/opt/logs' lies in '/opt'")) << wrong.err;
}

TEST_F(SeveralRuns, ArePrunedEachByItself) {
    const auto id = start_two("web-1");
    write(id, "/opt/logs/a.log", "a\n");
    write(id, "/var/log/app/b.log", "b\n");
    const auto gone = start_two("web-2");
    write(gone, "/opt/logs/c.log", "c\n");
    write(gone, "/var/log/app/d.log", "d\n");
    expect_clean(run_once(with_two()));
    remove(gone);
    write(id, "/opt/logs/x.log", "x\n");
    expect_clean(run_once(with_two()));
    fs::remove(dir.at(below(id, "/opt/logs/x.log")));
    expect_clean(run_once(with_two()));
    for (const std::string ended : {"web-2", "web-2+var+log+app"})
        age("web/" + ended, std::chrono::hours(300 * 24));
    const ProgramEnd dry = run_once(with_two({"prune", "--keep", "0.001s", "--dry-run", "--json"}));
    expect_clean(dry);
    std::vector<std::string> doomed;
    const auto pruned = Json::parse(dry.out)["pruned"];
    for (const auto& item : pruned)
        doomed.push_back(item["instance"].get<std::string>() + " " + item["path"].get<std::string>());
    std::sort(doomed.begin(), doomed.end());
    EXPECT_EQ(doomed, (std::vector<std::string>{"web-1 x.log", "web-2 ", "web-2+var+log+app "})) << dry.out;
    expect_clean(run_once(with_two({"prune", "--keep", "0.001s"})));
    EXPECT_EQ(files(), (Tree{{"web/web-1/a.log", "a\n"}, {"web/web-1+var+log+app/b.log", "b\n"}}));
    EXPECT_FALSE(has("web/web-2"));
    EXPECT_FALSE(has("web/web-2+var+log+app"));
    EXPECT_EQ(saved(".logbackup/ended"), Names{});
    EXPECT_TRUE(fs::is_empty(backup + "/.logbackup/ended"));
}

/// Several log directories of a container that does with them what it likes, and an operator who changes his
/// mind.
class SeveralAttackRuns : public SeveralRuns {};

TEST_F(SeveralAttackRuns, NoInstanceLiesInAnother) {
    const auto id = start("web", "web-1");
    write(id, "/opt/logs/a.log", "a\n");
    write(id, "/x/x.log", "x\n");
    expect_clean(run_once(with({"/opt", "/x"})));
    expect_clean(run_once(with({a, "/x"})));
    const Tree expected{
        {"web/web-1/logs/a.log", "a\n"}, {"web/web-1@1/a.log", "a\n"}, {"web/web-1+x/x.log", "x\n"}};
    EXPECT_EQ(files(), expected);
    expect_clean(run_once(with({"/opt", "/x"})));
    EXPECT_EQ(files(), expected);
    expect_clean(run_once(with({a, "/x"}, {"prune", "--keep", "0.001s"})));
    EXPECT_EQ(files(), expected) << "nothing of a container that is there is pruned";
}

TEST_F(SeveralAttackRuns, ChangingBackAndForthDoesNotPileUp) {
    const auto id = start_two("web-1");
    write(id, "/opt/logs/a.log", "a\n");
    write(id, "/var/log/app/b.log", "b\n");
    for (int i = 0; i < 3; ++i) {
        expect_clean(run_once(with_two()));
        expect_clean(run_once());
    }
    EXPECT_EQ(files(), (Tree{{"web/web-1/a.log", "a\n"}, {"web/web-1+var+log+app/b.log", "b\n"}}));
}

TEST_F(SeveralAttackRuns, AnotherSingleOneIsAnotherInstance) {
    const auto id = start_two("web-1");
    write(id, "/opt/logs/app.log", "a\n");
    write(id, "/var/log/app/app.log", "b\n");
    expect_clean(run_once());
    kill(id);
    expect_clean(run_once());
    EXPECT_EQ(record("live/web/web-1").at("coverage"), "complete");
    const Tree expected{{"web/web-1/app.log", "a\n"}, {"web/web-1@1/app.log", "b\n"}};
    for (int i = 0; i < 2; ++i) {
        expect_clean(run_once(with({b})));
        EXPECT_EQ(files(), expected);
        EXPECT_EQ(record("live/web/web-1@1").at("coverage"), "complete");
        EXPECT_EQ(record("ended/web/web-1").at("coverage"), "complete");
        expect_clean(run_once());
        EXPECT_EQ(files(), expected);
        EXPECT_EQ(record("live/web/web-1").at("coverage"), "complete");
        EXPECT_EQ(record("ended/web/web-1@1").at("coverage"), "complete");
    }
}

TEST_F(SeveralAttackRuns, OneThatIsNoLongerAskedForIsNotSaidToBeSaved) {
    const auto id = start_two("web-1");
    make(id, "/x");
    write(id, "/opt/logs/a.log", "a\n");
    write(id, "/var/log/app/b.log", "b\n");
    expect_clean(run_once(with_two()));
    expect_clean(run_once(with({a, "/x"})));
    EXPECT_EQ(record("ended/web/web-1+var+log+app").at("coverage"), "cut");
    EXPECT_TRUE(has_record("live/web/web-1"));
    append(id, "/var/log/app/b.log", "more\n");
    expect_clean(run_once(with_two()));
    EXPECT_EQ(files(), (Tree{{"web/web-1/a.log", "a\n"}, {"web/web-1+var+log+app/b.log", "b\nmore\n"}}));
    EXPECT_TRUE(has_record("live/web/web-1+var+log+app"));
}

TEST_F(SeveralAttackRuns, WhatFailsIsNotedWhereAnotherServiceNamedIt) {
    const std::string file =
        dir.write("logbackup.toml", "[service.web]\nlog-dir = [\"/opt/logs\", \"/var/log/app\"]\n");
    const auto web = start("web", "web-1", {volume_at(volume, b)});
    dir.write("volume/b.log", "b\n");
    expect_clean(run_once({"--config", file}));
    start("api", "api-1", {volume_at(volume, a)});
    remove(web);
    expect_clean(run_once({"--config", file}));
    dir.write("volume/large.log", "123456789\n");
    expect_clean(run_once({"--config", file}));
    EXPECT_EQ(content("web/web-1+var+log+app/large.log"), "123456789\n");
    EXPECT_FALSE(record("live/web/web-1+var+log+app").contains("saved_until"));
    dir.write("volume/large.log", "123456789\n123456789\n");
    EXPECT_EQ(run_once({"--config", file, "--max-bytes", "2"}).code, 0);
    EXPECT_TRUE(record("live/web/web-1+var+log+app").contains("limits"));
    expect_clean(run_once({"--config", file}));
    EXPECT_FALSE(record("live/web/web-1+var+log+app").contains("limits"));
}

TEST_F(SeveralAttackRuns, AVolumeThatIsMountedAtTheOtherPathIsNotSavedTwiceForEver) {
    const auto first = start_two("web-0", {volume_at(volume, a)});
    dir.write("volume/v.log", "first\n");
    expect_clean(run_once(with_two()));
    remove(first);
    const auto second = start("web", "web-0", {volume_at(volume, b)});
    write(second, "/opt/logs/own.log", "own\n");
    for (int i = 0; i < 3; ++i)
        expect_clean(run_once(with_two()));
    EXPECT_EQ(files(), (Tree{{"web/web-0/v.log", "first\n"}, {"web/web-0@1/own.log", "own\n"}}));
    EXPECT_EQ(record("live/web/web-0").at("volume"), volume);
    EXPECT_EQ(record("live/web/web-0").at("log_directory"), b);
    EXPECT_EQ(saved(".logbackup/live/web").size(), 2U);
}

TEST_F(SeveralAttackRuns, OneThatIsIncompleteDoesNotHoldUpTheOther) {
    const auto id = start_two("web-1");
    write(id, "/opt/logs/a.log", "a\n");
    write(id, "/var/log/app/b.log", "123456789\n");
    kill(id);
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(run_once(with_two({"--max-file-size", "5"})).code, 0);
    EXPECT_EQ(record("live/web/web-1").at("coverage"), "complete");
    EXPECT_EQ(record("live/web/web-1+var+log+app").at("coverage"), "live");
    for (int i = 0; i < 2; ++i)
        expect_clean(run_once(with_two()));
    EXPECT_EQ(record("live/web/web-1+var+log+app").at("coverage"), "complete");
}

TEST_F(SeveralAttackRuns, AFileInPlaceOfADirectoryOfTheBackupIsReported) {
    const auto id = start_two("web-1");
    write(id, "/opt/logs/a.log", "a\n");
    write(id, "/var/log/app/b.log", "b\n");
    expect_clean(run_once(with_two()));
    fs::remove_all(backup + "/web/web-1");
    write_saved("web/web-1", "a file");
    fs::remove_all(backup + "/web/web-1+var+log+app");
    dir.make_directory("elsewhere");
    dir.link("backup/web/web-1+var+log+app", dir.at("elsewhere"));
    const ProgramEnd result = run_once(with_two());
    EXPECT_EQ(result.code, 3) << result.out << result.err;
    EXPECT_EQ(content("web/web-1"), "a file");
    EXPECT_TRUE(fs::is_empty(dir.at("elsewhere")));
    EXPECT_EQ(run_once(with_two({"prune", "--keep", "0.001s"})).code, 0);
}

TEST_F(SeveralAttackRuns, OfAContainerThatSharesEachRowNamesItsLogDirectory) {
    start("web", "web-0", {volume_at(volume, b)});
    dir.write("volume/v.log", "v\n");
    expect_clean(run_once(with_two()));
    start("api", "api-0", {volume_at(volume, b)});
    const ProgramEnd result = run_once(with_two({"--service", "api", "--json"}));
    expect_clean(result);
    const auto rows = Json::parse(result.out)["containers"];
    EXPECT_EQ(rows.size(), 3U) << result.out; // with that of who leads
    for (const auto& row : rows)
        EXPECT_TRUE(row["log_directory"] == a || row["log_directory"] == b) << row;
}

TEST_F(SeveralAttackRuns, AVolumeAtBothAndOneWithinAnotherSurviveRestarts) {
    const std::string outer = dir.make_directory("outer");
    dir.make_directory("outer/sub");
    for (int i = 1; i < 4; ++i) {
        const auto one = start("web", "both-0", {volume_at(volume, a), volume_at(volume, b)});
        const auto other = start("web", "within-0", {volume_at(outer, a), volume_at(outer + "/sub", b)});
        for (const std::string log : {"volume/v.log", "outer/sub/w.log"})
            dir.write(log, dir.read(log) + std::to_string(i) + "\n");
        expect_clean(run_once(with_two()));
        expect_clean(run_once(with_two({"verify"})));
        kill(one);
        kill(other);
        expect_clean(run_once(with_two()));
    }
    EXPECT_EQ(files(), (Tree{{"web/both-0/v.log", "1\n2\n3\n"},
                             {"web/within-0/sub/w.log", "1\n2\n3\n"},
                             {"web/within-0+var+log+app/w.log", "1\n2\n3\n"}}));
    for (const std::string name : {"both-0", "within-0", "within-0+var+log+app"})
        EXPECT_EQ(record("live/web/" + name).at("coverage"), "complete") << name;
    EXPECT_FALSE(has_record("live/web/both-0+var+log+app"));
}

/// The names of another pod, in another namespace, with a log directory that the other one has not yet.
TEST_F(SeveralAttackRuns, EachHasDirectoriesOfItsOwn) {
    const auto own = start("web", "web-1");
    write(own, "/opt/logs/a.log", "own\n");
    expect_clean(run_once(with_two()));
    const auto other = start("web", "web-1", {}, "other");
    write(other, "/var/log/app/b.log", "forged\n");
    fs::remove(dir.at(below(other, a)));
    expect_clean(run_once(with_two()));
    write(own, "/var/log/app/b.log", "own\n");
    expect_clean(run_once(with_two()));
    EXPECT_EQ(files(), (Tree{{"web/web-1/a.log", "own\n"},
                             {"web/web-1+var+log+app/b.log", "forged\n"},
                             {"web/web-1@1+var+log+app/b.log", "own\n"}}));
}

} // namespace
} // namespace logbackup
