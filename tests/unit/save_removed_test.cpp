// SPDX-License-Identifier: MIT
#include "commands/commands.hpp"

#include "fake_node.hpp"
#include "in_private_mounts.hpp"
#include "ledger/ledger.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace logbackup {
namespace {

namespace fs = std::filesystem;
using test::FakeNode;
using test::row_of;

constexpr const char* pods = "kubelet/pods";
constexpr const char* empty_dir = "kubelet/pods/uid/volumes/kubernetes.io~empty-dir/logs";

/// A Job: its container has its log directory on an emptyDir, which the kubelet removes when the Job is done.
class RemovedVolume : public testing::Test {
  protected:
    FakeNode node;

    void start(const std::string& volume = empty_dir, const std::string& destination = "/opt/logs") {
        node.add("a", "job", "job-1");
        node["a"].started = node.now;
        node["a"].mounts.push_back({"bind", node.dir.make_directory(volume), destination});
        node.dir.write(volume + "/j.log", "begin\n");
    }
    /// Another container, so that a run sees something.
    void start_other() {
        node.add("b", "web", "web-1");
        node.dir.write("layers/b/opt/logs/app.log", "one\n");
    }
    void end() { node.end("a"); }
    void remove_volume() { fs::remove_all(node.dir.at("kubelet/pods/uid")); }

    /// Three runs that find nothing wrong; the number of containers that they call missed.
    std::size_t missed_in_clean_runs() {
        std::size_t missed = 0;
        for (int i = 0; i < 3; ++i) {
            const Report report = node.run();
            EXPECT_FALSE(report.has_failures());
            EXPECT_TRUE(report.problems.empty()) << report.problems.front();
            missed += report.missed.size();
        }
        return missed;
    }
};

TEST_F(RemovedVolume, IsCutIfItWasBeingSaved) {
    test::in_private_mounts([&] {
        start();
        (void)node.run();
        end();
        remove_volume();
        const Report report = node.run();
        EXPECT_FALSE(report.has_failures());
        EXPECT_EQ(report.cut, std::vector<std::string>{"job/job-1"});
        EXPECT_EQ(node.record("job", "job-1").coverage, Coverage::cut);
        EXPECT_EQ(node.saved("job/job-1/j.log"), "begin\n");
        EXPECT_EQ(missed_in_clean_runs(), 0U);
        node.remove("a");
        EXPECT_EQ(missed_in_clean_runs(), 0U);
    });
}

TEST_F(RemovedVolume, StaysComplete) {
    test::in_private_mounts([&] {
        start();
        (void)node.run();
        end();
        (void)node.run();
        ASSERT_EQ(node.record("job", "job-1").coverage, Coverage::complete);
        remove_volume();
        EXPECT_EQ(missed_in_clean_runs(), 0U);
        const Report report = node.run();
        EXPECT_EQ(row_of(report, "job-1").status, RowStatus::complete);
        EXPECT_EQ(row_of(report, "job-1").target, "job/job-1");
        node.remove("a");
        EXPECT_EQ(missed_in_clean_runs(), 0U);
        EXPECT_EQ(node.record("job", "job-1").coverage, Coverage::complete);
    });
}

TEST_F(RemovedVolume, IsMissedOnceIfNoRunSawIt) {
    test::in_private_mounts([&] {
        start_other();
        (void)node.run();
        start();
        end();
        remove_volume();
        EXPECT_EQ(missed_in_clean_runs(), 1U);
        node.remove("a");
        EXPECT_EQ(missed_in_clean_runs(), 0U);
    });
}

// A sidecar that mounts the emptyDir, too, is in no record: all is saved under the other container.
TEST_F(RemovedVolume, IsNotMissedByAContainerThatARunSaw) {
    test::in_private_mounts([&] {
        start();
        node.add("s", "sidecar", "job-1");
        node["s"].mounts = node["a"].mounts;
        (void)node.run();
        end();
        node.end("s");
        remove_volume();
        EXPECT_EQ(missed_in_clean_runs(), 0U);
    });
}

// A new backup knows nothing of the Jobs of yesterday.
TEST_F(RemovedVolume, IsNotMissedByTheFirstRun) {
    test::in_private_mounts([&] {
        start_other();
        start();
        end();
        remove_volume();
        EXPECT_EQ(missed_in_clean_runs(), 0U);
    });
}

// The next container of a crash loop goes on with the volume.
TEST_F(RemovedVolume, ThatIsThereIsNotGoneThoughDockerNamesNoLayers) {
    test::in_private_mounts([&] {
        start_other();
        start();
        (void)node.run();
        end();
        node["a"].upper.clear();
        node["a"].lowers.clear();
        const Report report = node.run();
        EXPECT_EQ(row_of(report, "job-1").status, RowStatus::failed);
        EXPECT_TRUE(report.cut.empty());
    });
}

// As when a disk is not mounted.
TEST_F(RemovedVolume, IsAFailureIfTheDirectoryAboveIsMissing) {
    test::in_private_mounts([&] {
        start_other();
        start();
        (void)node.run();
        end();
        fs::rename(node.dir.at(pods), node.dir.at("elsewhere"));
        for (int i = 0; i < 3; ++i)
            EXPECT_EQ(row_of(node.run(), "job-1").status, RowStatus::failed);
        fs::rename(node.dir.at("elsewhere"), node.dir.at(pods));
        EXPECT_EQ(missed_in_clean_runs(), 0U);
        EXPECT_EQ(node.record("job", "job-1").coverage, Coverage::complete);
    });
}

TEST_F(RemovedVolume, OfAnyOtherPathIsAFailureIfNothingElseIsBesideIt) {
    test::in_private_mounts([&] {
        start_other();
        start("disk/logs");
        node.dir.write("disk/other", "");
        (void)node.run();
        end();
        fs::rename(node.dir.at("disk"), node.dir.at("unmounted"));
        node.dir.make_directory("disk");
        EXPECT_EQ(row_of(node.run(), "job-1").status, RowStatus::failed);
        node.dir.write("disk/other", "");
        EXPECT_EQ(node.run().cut, std::vector<std::string>{"job/job-1"});
        EXPECT_EQ(missed_in_clean_runs(), 0U);
    });
}

TEST_F(RemovedVolume, IsAFailureWhileTheContainerRuns) {
    test::in_private_mounts([&] {
        start_other();
        start();
        (void)node.run();
        remove_volume();
        EXPECT_EQ(row_of(node.run(), "job-1").status, RowStatus::failed);
    });
}

TEST_F(RemovedVolume, BelowTheLogDirectoryLeavesTheRest) {
    test::in_private_mounts([&] {
        start_other();
        start(empty_dir, "/opt/logs/archive");
        node.dir.make_directory("layers/a/opt/logs/archive");
        node.dir.write("layers/a/opt/logs/app.log", "one\n");
        (void)node.run();
        end();
        remove_volume();
        node.dir.write("layers/a/opt/logs/app.log", "one\ntwo\n");
        EXPECT_EQ(missed_in_clean_runs(), 0U);
        EXPECT_EQ(node.saved("job/job-1/app.log"), "one\ntwo\n");
        EXPECT_EQ(node.saved("job/job-1/archive/j.log"), "begin\n");
        EXPECT_NE(node.record("job", "job-1").coverage, Coverage::complete) << "a part of it was lost";
        node.remove("a");
        (void)node.run();
        EXPECT_EQ(node.record("job", "job-1").coverage, Coverage::cut);
    });
}

// Docker's other storage drivers name no layers.
TEST_F(RemovedVolume, AContainerThatEndedWithoutLayersIsMissedOnce) {
    test::in_private_mounts([&] {
        start_other();
        (void)node.run();
        node.add("a", "job", "job-1");
        node["a"].started = node.now;
        node["a"].upper.clear();
        node["a"].lowers.clear();
        end();
        EXPECT_EQ(missed_in_clean_runs(), 1U);
    });
}

// Each run saw it and said so, but when it was removed nothing told of it.
TEST(WholeSave, AContainerThatCouldNeverBeSavedIsMissedWhenItIsRemoved) {
    test::in_private_mounts([] {
        FakeNode node;
        node.add("a", "web", "web-1");
        node.dir.write("layers/a/opt/logs/app.log", "one\n");
        node.add("b", "job", "job-1");
        node["b"].mounts.push_back({"bind", node.dir.at("missing/volume"), "/opt/logs"});
        for (int i = 0; i < 3; ++i) {
            const Report report = node.run();
            EXPECT_EQ(row_of(report, "job-1").status, RowStatus::failed);
            EXPECT_TRUE(report.missed.empty());
        }
        node.options.filter.services = {"web"};
        (void)node.run();
        node.options.filter.services.clear();
        const Timestamp last = node.now + std::chrono::seconds(60);
        node.remove("b");
        const Report report = node.run();
        ASSERT_EQ(report.missed.size(), 1U);
        EXPECT_EQ(report.missed[0].pod, "job-1");
        EXPECT_EQ(report.missed[0].died, last);
        EXPECT_TRUE(node.run().missed.empty());
    });
}

TEST(WholeSave, AContainerThatWasSavedLaterIsNotMissed) {
    test::in_private_mounts([] {
        FakeNode node;
        node.add("a", "web", "web-1");
        node.dir.write("layers/a/opt/logs/app.log", "one\n");
        node.add("b", "job", "job-1");
        node["b"].mounts.push_back({"bind", node.dir.at("volumes/b"), "/opt/logs"});
        node.dir.make_directory("layers/b/opt/logs");
        EXPECT_EQ(row_of(node.run(), "job-1").status, RowStatus::failed);
        node.dir.write("volumes/b/app.log", "one\n");
        EXPECT_EQ(row_of(node.run(), "job-1").status, RowStatus::saved);
        node.remove("b");
        std::filesystem::remove_all(node.dir.at("volumes/b"));
        EXPECT_TRUE(node.run().missed.empty());
    });
}

TEST(WholeSave, AContainerThatIsListedByTheBeginningOfItsIdIsNotGone) {
    test::in_private_mounts([] {
        FakeNode node;
        for (const auto* name : {"a", "b", "c", "d"}) {
            node.add(name, "web", std::string("web-") + name);
            node.dir.write(std::string("layers/") + name + "/opt/logs/app.log", "one\n");
        }
        (void)node.run();
        node.remove("a");
        node.also_listed = {FakeNode::id_of("a").substr(0, 12)};
        const Report report = node.run();
        EXPECT_TRUE(report.cut.empty());
        ASSERT_EQ(report.problems.size(), 1U);
        EXPECT_NE(report.problems[0].find("'web/web-a'"), std::string::npos) << report.problems[0];
    });
}

// Only its process shows it, and that cannot be reached: because it has just ended, or from here.
TEST(WholeSave, ATmpfsThatCannotBeReachedIsAFailureUnlessItsContainerHasJustEnded) {
    test::in_private_mounts([] {
        FakeNode node;
        node.add("a", "web", "web-1");
        node.dir.write("layers/a/opt/logs/app.log", "one\n");
        node.add("b", "job", "job-1");
        node["b"].mounts.push_back({"tmpfs", "", "/opt/logs"});
        node["b"].pid = 4194303; // no process has the highest of all numbers
        Report report = node.run();
        ASSERT_EQ(row_of(report, "job-1").status, RowStatus::failed);
        EXPECT_NE(row_of(report, "job-1").failures.at(0).reason.find("tmpfs"), std::string::npos);
        node.before_asking_again = [&] {
            node.end("b");
            node["b"].pid = 0;
        };
        report = node.run();
        EXPECT_FALSE(report.has_failures());
        EXPECT_EQ(row_of(report, "job-1").status, RowStatus::gone);
        EXPECT_EQ(report.missed.size(), 1U);
        EXPECT_FALSE(node.run().has_failures());
    });
}

TEST(WholeSave, ASkippedServiceIsNotOpenedAndEndsNothingElse) {
    test::in_private_mounts([] {
        FakeNode node;
        node.add("a", "web", "web-1");
        node.dir.write("layers/a/opt/logs/app.log", "one\n");
        node.add("b", "net", "net-1");
        node["b"].mounts.push_back({"bind", node.dir.at("missing/volume"), "/opt/logs"});
        EXPECT_TRUE(node.run().has_failures());
        node.options.skip = {"net"};
        Report report = node.run();
        EXPECT_FALSE(report.has_failures());
        EXPECT_EQ(report.rows.size(), 1U);
        node.options.skip = {"net", "web"};
        report = node.run();
        EXPECT_FALSE(report.has_failures()) << "nothing was expected";
        EXPECT_TRUE(report.rows.empty());
        EXPECT_EQ(node.saved("web/web-1/app.log"), "one\n");
        node.options.skip.clear();
        node.dir.write("layers/a/opt/logs/app.log", "one\ntwo\n");
        (void)node.run();
        EXPECT_EQ(node.saved("web/web-1/app.log"), "one\ntwo\n") << "it goes on where it was";
    });
}

// A run with a filter closes its record; then docker tells the next full run that it was removed.
TEST(WholeSave, AContainerWhoseRecordHasEndedIsNotMissed) {
    test::in_private_mounts([] {
        FakeNode node;
        node.add("a", "web", "web-1");
        node.dir.write("layers/a/opt/logs/app.log", "one\n");
        node.add("b", "web", "web-2");
        node.dir.write("layers/b/opt/logs/app.log", "one\n");
        (void)node.run();
        Life life{node["a"], node.now + std::chrono::seconds(10)};
        node.remove("a");
        node.options.filter.pods = {"web-2"};
        EXPECT_EQ(node.run().cut, std::vector<std::string>{"web/web-1"});
        node.options.filter.pods.clear();
        node.history.lives.emplace(FakeNode::id_of("a"), life);
        EXPECT_TRUE(node.run().missed.empty());
    });
}

// On a small node, a run can list the only container and then find that its layer was removed.
TEST(WholeSave, IsNotInDoubtWhenAllContainersAreRemovedDuringTheRun) {
    test::in_private_mounts([] {
        FakeNode node;
        node.add("a", "job", "job-1");
        node.dir.write("layers/a/opt/logs/app.log", "one\n");
        (void)node.run();
        fs::remove_all(node.dir.at("layers/a/opt"));
        node.before_asking_again = [&] { node.remove("a"); };
        const Report report = node.run();
        EXPECT_FALSE(report.has_failures());
        EXPECT_TRUE(report.problems.empty()) << report.problems.front();
        EXPECT_EQ(report.cut, std::vector<std::string>{"job/job-1"});
        EXPECT_EQ(node.saved("job/job-1/app.log"), "one\n");
    });
}

TEST(WholeSave, IsNotInDoubtWhenAllContainersAreBeingRemoved) {
    test::in_private_mounts([] {
        FakeNode node;
        node.add("a", "job", "job-1");
        node.dir.write("layers/a/opt/logs/app.log", "one\n");
        (void)node.run();
        fs::remove_all(node.dir.at("layers/a/opt"));
        node["a"].state = ContainerState::removing;
        for (int i = 0; i < 2; ++i) {
            const Report report = node.run();
            EXPECT_FALSE(report.has_failures());
            EXPECT_TRUE(report.problems.empty()) << report.problems.front();
        }
        EXPECT_EQ(node.saved("job/job-1/app.log"), "one\n");
    });
}

TEST(WholeSave, IsInDoubtWhenNoListedContainerHasItsLogDirectory) {
    test::in_private_mounts([] {
        FakeNode node;
        node.add("a", "job", "job-1");
        node.dir.write("layers/a/opt/logs/app.log", "one\n");
        (void)node.run();
        fs::remove_all(node.dir.at("layers/a/opt"));
        EXPECT_TRUE(node.run().has_failures());
        EXPECT_EQ(node.record("job", "job-1").coverage, Coverage::live);
    });
}

// A run can find a container gone that a follower still holds, and saves a moment later.
TEST(WholeSave, AContainerThatIsSavedAfterAllIsNoLongerMissed) {
    test::in_private_mounts([] {
        FakeNode node;
        node.add("a", "job", "job-1");
        node.dir.write("layers/a/opt/logs/app.log", "one\n");
        node.add("b", "job", "job-2");
        (void)node.run();
        const auto root = test::open_path(node.options.backup_root);
        for (const char* name : {"c", "d"}) {
            Record missed;
            missed.service = "job";
            missed.pod = name;
            missed.containers = {FakeNode::id_of(name)};
            missed.finished = rfc3339(node.now);
            save_missed_record(root.get(), missed);
        }
        node.add("c", "job", "c");
        node.dir.write("layers/c/opt/logs/app.log", "one\n");
        (void)node.run();
        EXPECT_EQ(node.saved("job/c/app.log"), "one\n");
        std::vector<std::string> problems;
        const auto missed = load_missed_records(root.get(), problems);
        ASSERT_EQ(missed.size(), 1U);
        EXPECT_EQ(missed.front().pod, "d");
    });
}

} // namespace
} // namespace logbackup
