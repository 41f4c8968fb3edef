// SPDX-License-Identifier: MIT
#include "commands/commands.hpp"

#include "fake_node.hpp"
#include "in_private_mounts.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>

#include <cstdlib>
#include <deque>
#include <filesystem>
#include <set>
#include <string>

namespace logbackup {
namespace {

namespace fs = std::filesystem;
using test::FakeNode;
using test::row_of;

/// What a follower holds of a node.
class HeldNode : public testing::Test {
  protected:
    FakeNode node;
    HeldLogs held;
    std::deque<UniqueFd> open; // of all that is held

    HeldNode() {
        node.held = &held;
        node.add("b", "web", "web-1"); // another one, so that a run sees something
        node.dir.write("layers/b/opt/logs/app.log", "one\n");
    }

    int hold(const std::string& path, int flags = O_RDONLY) {
        open.emplace_back(::open(path.c_str(), flags | O_CLOEXEC));
        EXPECT_TRUE(open.back()) << path;
        return open.back().get();
    }
    static HolderId id_of(const std::string& name) { return {FakeNode::id_of(name), "/opt/logs"}; }
    /// Begins to hold a log directory and all files in it.
    HeldDirectory& follow(const std::string& name, const std::string& directory) {
        held.followed.insert(FakeNode::id_of(name));
        HeldDirectory& one = held.directories[id_of(name)];
        one.sources.push_back({SourceKind::held, "", hold(directory, O_PATH | O_DIRECTORY), directory});
        for (const auto& entry : fs::directory_iterator(directory))
            one.files.push_back({entry.path().filename().string(), hold(entry.path().string()), true});
        return one;
    }
    HeldDirectory& follow(const std::string& name) {
        return follow(name, node.dir.at("layers/" + name + "/opt/logs"));
    }
    /// The container ends and is removed at once.
    void remove(const std::string& name) {
        node.end(name);
        held.removed.push_back(node[name]);
        node.remove(name);
    }
    void lose_names(const std::string& name) {
        for (auto& file : held.directories[id_of(name)].files)
            file.has_name = false;
    }
    [[nodiscard]] static const HeldOutcome& outcome_of(const Report& report, const std::string& name) {
        static const HeldOutcome none;
        for (const auto& outcome : report.held)
            if (outcome.directory == id_of(name))
                return outcome;
        ADD_FAILURE() << "no outcome of " << name;
        return none;
    }
};

TEST_F(HeldNode, SavesAContainerThatLivedBetweenTwoRuns) {
    test::in_private_mounts([&] {
        (void)node.run();
        const std::string logs = node.add("a", "job", "job-1");
        node.dir.write("layers/a/opt/logs/job.log", "begin\nend\n");
        node.dir.write("layers/a/opt/logs/empty.log", "");
        follow("a");
        remove("a");
        const Report report = node.run();
        EXPECT_FALSE(report.has_failures());
        EXPECT_TRUE(report.missed.empty());
        EXPECT_TRUE(report.cut.empty());
        EXPECT_EQ(node.saved("job/job-1/job.log"), "begin\nend\n");
        EXPECT_TRUE(fs::exists(node.dir.at("backup/job/job-1/empty.log")));
        EXPECT_EQ(node.record("job", "job-1").coverage, Coverage::complete);
        EXPECT_FALSE(node.record("job", "job-1").ended.empty());
        EXPECT_EQ(row_of(report, "job-1").source, "held");
        EXPECT_TRUE(outcome_of(report, "a").saved);
        EXPECT_TRUE(outcome_of(report, "a").compared);
        held = {};
        EXPECT_FALSE(node.run().has_failures());
        EXPECT_EQ(node.record("job", "job-1").coverage, Coverage::complete);
    });
}

TEST_F(HeldNode, CompletesAContainerThatAnEarlierRunSaw) {
    test::in_private_mounts([&] {
        node.add("a", "job", "job-1");
        node.dir.write("layers/a/opt/logs/job.log", "begin\n");
        (void)node.run();
        node.dir.write("layers/a/opt/logs/job.log", "begin\nend\n");
        follow("a");
        remove("a");
        const Report report = node.run();
        EXPECT_TRUE(report.cut.empty());
        EXPECT_EQ(node.saved("job/job-1/job.log"), "begin\nend\n");
        EXPECT_EQ(node.record("job", "job-1").coverage, Coverage::complete);
    });
}

// The kubelet removes an emptyDir before a run sees that the container has ended.
TEST_F(HeldNode, CompletesAContainerWhoseVolumeIsGone) {
    test::in_private_mounts([&] {
        node.add("a", "job", "job-1");
        const std::string volume = node.dir.make_directory("pods/uid/volumes/kubernetes.io~empty-dir/logs");
        node["a"].mounts.push_back({"bind", volume, "/opt/logs"});
        (void)node.run();
        node.dir.write("pods/uid/volumes/kubernetes.io~empty-dir/logs/job.log", "begin\nend\n");
        auto& directory = follow("a", volume);
        directory.sources.front().kind = SourceKind::volume;
        directory.volume = volume;
        directory.direct = true;
        fs::remove_all(node.dir.at("pods/uid"));
        remove("a");
        const Report report = node.run();
        EXPECT_FALSE(report.has_failures());
        EXPECT_TRUE(report.cut.empty());
        EXPECT_EQ(node.saved("job/job-1/job.log"), "begin\nend\n");
        EXPECT_EQ(node.record("job", "job-1").coverage, Coverage::complete);
    });
}

TEST_F(HeldNode, SavesTheRestOfADeletedFile) {
    test::in_private_mounts([&] {
        (void)node.run();
        node.dir.write("layers/b/opt/logs/app.log", "one\ntwo\n");
        follow("b");
        fs::remove(node.dir.at("layers/b/opt/logs/app.log"));
        lose_names("b");
        const Report report = node.run();
        EXPECT_EQ(node.saved("web/web-1/app.log"), "one\ntwo\n");
        EXPECT_TRUE(outcome_of(report, "b").saved);
        EXPECT_FALSE(outcome_of(report, "b").compared);
    });
}

TEST_F(HeldNode, SavesALogDirectoryThatItsContainerDeletes) {
    test::in_private_mounts([&] {
        (void)node.run();
        node.dir.write("layers/b/opt/logs/app.log", "one\ntwo\n");
        follow("b");
        fs::remove_all(node.dir.at("layers/b/opt"));
        lose_names("b");
        const Report report = node.run();
        EXPECT_EQ(node.saved("web/web-1/app.log"), "one\ntwo\n");
        EXPECT_TRUE(outcome_of(report, "b").saved);
        EXPECT_EQ(node.record("web", "web-1").coverage, Coverage::live);
    });
}

// The container of a Job is there longer than its emptyDir.
TEST_F(HeldNode, SavesAVolumeThatGoesBeforeItsContainer) {
    test::in_private_mounts([&] {
        (void)node.run();
        node.add("a", "job", "job-1");
        const std::string volume = node.dir.make_directory("pods/uid/volumes/kubernetes.io~empty-dir/logs");
        node["a"].mounts.push_back({"bind", volume, "/opt/logs"});
        node.dir.write("pods/uid/volumes/kubernetes.io~empty-dir/logs/job.log", "begin\nend\n");
        auto& directory = follow("a", volume);
        directory.volume = volume;
        directory.direct = true;
        fs::remove_all(node.dir.at("pods/uid"));
        lose_names("a");
        node.end("a");
        const Report report = node.run();
        EXPECT_EQ(node.saved("job/job-1/job.log"), "begin\nend\n");
        EXPECT_TRUE(outcome_of(report, "a").saved);
        EXPECT_EQ(node.record("job", "job-1").coverage, Coverage::complete);
    });
}

// app.log.1 goes when app.log becomes app.log.1: both were app.log.
TEST_F(HeldNode, SavesADeletedFileWhoseNameAnotherHas) {
    test::in_private_mounts([&] {
        node.dir.write("layers/b/opt/logs/app.log", "first 1\n");
        (void)node.run();
        node.dir.write("layers/b/opt/logs/app.log", "first 1\nfirst 2\n");
        auto& directory = follow("b");
        directory.files.front().path = "app.log.1";
        fs::remove(node.dir.at("layers/b/opt/logs/app.log"));
        lose_names("b");
        node.dir.write("layers/b/opt/logs/app.log.1", "second 1\nsecond 2\n");
        node.dir.write("layers/b/opt/logs/app.log", "third\n");
        (void)node.run();
        EXPECT_EQ(node.saved("web/web-1/app.log"), "third\n");
        EXPECT_EQ(node.saved("web/web-1/app.log.1"), "second 1\nsecond 2\n");
        std::vector<std::string> asides;
        for (const auto& entry : fs::directory_iterator(node.dir.at("backup/web/web-1")))
            if (entry.path().filename().string().starts_with("app.log.1~"))
                asides.push_back(entry.path().filename().string());
        ASSERT_EQ(asides.size(), 1U);
        EXPECT_EQ(node.saved("web/web-1/" + asides.front()), "first 1\nfirst 2\n");
        (void)node.run(); // the follower has not let go of it yet
        EXPECT_EQ(node.saved("web/web-1/" + asides.front()), "first 1\nfirst 2\n");
        EXPECT_EQ(std::distance(fs::directory_iterator(node.dir.at("backup/web/web-1")), {}), 3);
    });
}

// gzip deletes the plain file: its bytes are in the compressed one.
// A name that a file had can be a directory's by now, and the other way round.
TEST_F(HeldNode, SavesAFileWhoseNameADirectoryHas) {
    test::in_private_mounts([&] {
        (void)node.run();
        const std::string logs = node.add("a", "job", "job-1");
        auto& directory = follow("a");
        const auto held_file = [&](const std::string& path, const std::string& text, bool has_name) {
            directory.files.push_back(
                {path, hold(node.dir.write("layers/a/opt/logs/" + path, text)), has_name});
        };
        held_file("one", "file one\n", false);
        fs::remove(logs + "/one");
        held_file("one/app.log", "below one\n", true);
        held_file("two/app.log", "below two\n", false);
        fs::remove_all(logs + "/two");
        held_file("two", "file two\n", true);
        remove("a");
        const Report report = node.run();
        EXPECT_FALSE(report.has_failures());
        std::multiset<std::string> texts;
        for (const auto& entry : fs::recursive_directory_iterator(node.dir.at("backup/job/job-1")))
            if (entry.is_regular_file())
                texts.insert(node.saved(fs::relative(entry.path(), node.dir.at("backup")).string()));
        EXPECT_EQ(texts,
                  (std::multiset<std::string>{"below one\n", "below two\n", "file one\n", "file two\n"}));
        EXPECT_EQ(node.saved("job/job-1/one/app.log"), "below one\n");
        EXPECT_EQ(node.saved("job/job-1/two"), "file two\n");
        EXPECT_EQ(node.record("job", "job-1").coverage, Coverage::complete);
    });
}

TEST_F(HeldNode, KeepsNoCopyOfAFileThatWasCompressed) {
    std::string text;
    for (int i = 0; i < 5000; ++i)
        text += "line " + std::to_string(i) + "\n";
    node.dir.write("app.log.1", text);
    ASSERT_EQ(std::system(("gzip " + node.dir.at("app.log.1")).c_str()), 0);
    test::in_private_mounts([&] {
        (void)node.run();
        node.dir.write("layers/b/opt/logs/app.log.1", text);
        follow("b");
        for (auto& file : held.directories[id_of("b")].files)
            file.has_name = file.path == "app.log";
        fs::rename(node.dir.at("app.log.1.gz"), node.dir.at("layers/b/opt/logs/app.log.1.gz"));
        fs::remove(node.dir.at("layers/b/opt/logs/app.log.1"));
        const Report report = node.run();
        EXPECT_TRUE(outcome_of(report, "b").saved);
        EXPECT_TRUE(fs::exists(node.dir.at("backup/web/web-1/app.log.1.gz")));
        EXPECT_FALSE(fs::exists(node.dir.at("backup/web/web-1/app.log.1")));
    });
}

// The runtime removed it a moment ago; the follower has not heard of it yet, and will tell the next run.
TEST_F(HeldNode, LeavesAContainerToTheNextRunThatTheFollowerWillTell) {
    test::in_private_mounts([&] {
        node.add("a", "job", "job-1");
        node.dir.write("layers/a/opt/logs/job.log", "begin\n");
        (void)node.run();
        follow("a");
        const Container container = node["a"];
        node.history.lives[container.id].container = container;
        node.history.lives[container.id].removed = node.now;
        node.remove("a");
        Report report = node.run();
        EXPECT_TRUE(report.cut.empty());
        EXPECT_EQ(node.record("job", "job-1").coverage, Coverage::live);
        held.directories.clear();
        held.followed.clear();
        report = node.run();
        EXPECT_EQ(report.cut, std::vector<std::string>{"job/job-1"});
    });
}

TEST_F(HeldNode, IsNotMissedIfItIsFollowed) {
    test::in_private_mounts([&] {
        (void)node.run();
        node.add("a", "job", "job-1");
        follow("a");
        Container container = node["a"];
        container.created = container.started = container.finished = node.now;
        node.history.lives[container.id].container = container;
        node.history.lives[container.id].removed = node.now;
        node.remove("a");
        EXPECT_TRUE(node.run().missed.empty());
        held.followed.clear();
        EXPECT_EQ(node.run().missed.size(), 1U);
    });
}

// A volume that another container still has is saved from there.
TEST_F(HeldNode, IsSavedOnceIfAnotherContainerHasTheVolume) {
    test::in_private_mounts([&] {
        const std::string volume = node.dir.make_directory("volumes/logs");
        for (const char* name : {"a", "c"}) {
            node.add(name, "shared", std::string("shared-") + name);
            node[name].mounts.push_back({"bind", volume, "/opt/logs"});
        }
        (void)node.run();
        node.dir.write("volumes/logs/app.log", "one\n");
        for (const char* name : {"a", "c"}) {
            auto& directory = follow(name, volume);
            directory.sources.front().kind = SourceKind::volume;
            directory.volume = volume;
            directory.direct = true;
        }
        remove("a");
        const Report report = node.run();
        EXPECT_FALSE(report.has_failures());
        std::size_t files = 0;
        for (const auto& entry : fs::recursive_directory_iterator(node.dir.at("backup/shared")))
            files += entry.is_regular_file() && !entry.is_symlink() ? 1U : 0U;
        EXPECT_EQ(files, 1U);
        EXPECT_TRUE(outcome_of(report, "a").saved);
    });
}

// The follower before may have saved it all, and its record has ended under another name by now.
TEST_F(HeldNode, GoesOnUnderTheNameOfItsEndedRecord) {
    test::in_private_mounts([&] {
        node.add("a", "job", "job-1");
        node.dir.write("layers/a/opt/logs/job.log", "begin\n");
        (void)node.run();
        node.add("c", "job", "job-1"); // in its place
        node.dir.write("layers/c/opt/logs/job.log", "another\n");
        follow("a");
        remove("a");
        (void)node.run();
        ASSERT_FALSE(node.record("job", "job-1@1").ended.empty());
        (void)node.run();
        EXPECT_EQ(node.saved("job/job-1@1/job.log"), "begin\n");
        EXPECT_FALSE(fs::exists(node.dir.at("backup/job/job-1@2")));
    });
}

// A run that did not see the container knows nothing of what is held of it.
TEST_F(HeldNode, IsUnsavedIfTheRunDidNotSeeIt) {
    test::in_private_mounts([&] {
        node.add("a", "job", "job-1");
        node.dir.write("layers/a/opt/logs/job.log", "begin\n");
        follow("a");
        lose_names("a");
        node.remove("a");
        EXPECT_FALSE(outcome_of(node.run(), "a").saved);
    });
}

// What could not be held is lost, and it is said.
TEST_F(HeldNode, IsNotCompleteIfNotAllWasHeld) {
    test::in_private_mounts([&] {
        (void)node.run();
        node.add("a", "job", "job-1");
        node.dir.write("layers/a/opt/logs/job.log", "begin\nend\n");
        follow("a").not_held = 1;
        remove("a");
        (void)node.run();
        EXPECT_EQ(node.saved("job/job-1/job.log"), "begin\nend\n");
        EXPECT_EQ(node.record("job", "job-1").coverage, Coverage::cut);
    });
}

} // namespace
} // namespace logbackup
