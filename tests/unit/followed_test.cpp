// SPDX-License-Identifier: MIT
#include "follow/followed.hpp"

#include "config/selection.hpp"
#include "support.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace logbackup {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

class FollowedContainers : public testing::Test {
  protected:
    test::TempDir dir;
    Followed followed{WatchLimits(), [](const Container&) { return std::vector<std::string>{"/opt/logs"}; }};
    Timestamp now{seconds(1'795'359'400)};

    FollowedContainers() { ::signal(SIGIO, SIG_IGN); }

    Container container(const std::string& id) {
        Container container;
        container.id = id;
        container.service = container.pod = id;
        container.state = ContainerState::running;
        container.created = container.started = now;
        container.upper = dir.make_directory("layers/" + id + "/diff");
        return container;
    }
    void write(const std::string& id, const std::string& name, const std::string& text) {
        dir.write("layers/" + id + "/diff/opt/logs/" + name, text);
        followed.update();
    }
    void remove(const std::string& id, const std::string& name) {
        fs::remove(dir.at("layers/" + id + "/diff/opt/logs/" + name));
        followed.update();
    }
    void remove_layer(const std::string& id) { fs::remove_all(dir.at("layers/" + id)); }
    static std::vector<HeldOutcome> outcomes(const HeldLogs& held, bool saved, bool compared = false) {
        std::vector<HeldOutcome> outcomes;
        for (const auto& [id, directory] : held.directories)
            outcomes.push_back({id, saved, compared});
        return outcomes;
    }
    [[nodiscard]] static const HeldDirectory& directory_of(const HeldLogs& held, const std::string& id) {
        return held.directories.at({id, "/opt/logs"});
    }
};

TEST_F(FollowedContainers, TellWhatIsHeld) {
    followed.add({container("a")});
    write("a", "app.log", "one\n");
    const HeldLogs held = followed.held();
    EXPECT_TRUE(held.removed.empty());
    EXPECT_EQ(held.followed, std::set<std::string>{"a"});
    ASSERT_EQ(directory_of(held, "a").files.size(), 1U);
    EXPECT_EQ(directory_of(held, "a").files.front().path, "app.log");
    EXPECT_TRUE(directory_of(held, "a").files.front().has_name);
    EXPECT_FALSE(followed.has_unsaved());
}

TEST_F(FollowedContainers, KeepWhatIsRemovedUntilItIsSaved) {
    followed.add({container("a")});
    write("a", "app.log", "one\n");
    followed.note_end("a", now);
    remove_layer("a");
    followed.update(); // the runtime tells later
    followed.note_removal("a", now);
    ASSERT_TRUE(followed.has_removed());
    HeldLogs held = followed.held();
    ASSERT_EQ(held.removed.size(), 1U);
    EXPECT_EQ(held.removed.front().state, ContainerState::exited);
    EXPECT_EQ(held.removed.front().finished, now);
    followed.note_saved(held, outcomes(held, false));
    EXPECT_TRUE(followed.has_removed());
    held = followed.held();
    EXPECT_EQ(directory_of(held, "a").files.size(), 1U);
    followed.note_saved(held, outcomes(held, true, true));
    EXPECT_FALSE(followed.has_removed());
    EXPECT_FALSE(followed.knows("a"));
}

// The run looked at the container when it was there still, or half of it.
TEST_F(FollowedContainers, KeepWhatIsRemovedDuringARun) {
    followed.add({container("a")});
    write("a", "app.log", "one\n");
    const HeldLogs held = followed.held();
    remove_layer("a");
    followed.update();
    followed.note_saved(held, outcomes(held, true, true));
    EXPECT_TRUE(followed.has_removed());
}

TEST_F(FollowedContainers, AreForgottenIfARunHasComparedAllBefore) {
    followed.add({container("a")});
    write("a", "app.log", "one\n");
    followed.note_end("a", now);
    const HeldLogs held = followed.held();
    followed.note_saved(held, outcomes(held, true, true));
    remove_layer("a");
    followed.update();
    EXPECT_FALSE(followed.knows("a"));
    EXPECT_TRUE(followed.gone_empty().empty());
}

TEST_F(FollowedContainers, AreSavedOnceMoreIfTheyWroteAfterTheRun) {
    followed.add({container("a")});
    write("a", "app.log", "one\n");
    const HeldLogs held = followed.held();
    write("a", "app.log", "one\ntwo\n");
    followed.note_saved(held, outcomes(held, true, true));
    remove_layer("a");
    followed.update();
    EXPECT_TRUE(followed.has_removed());
}

TEST_F(FollowedContainers, LetGoOfADeletedFileThatIsSaved) {
    followed.add({container("a")});
    write("a", "app.log", "one\n");
    remove("a", "app.log");
    EXPECT_TRUE(followed.has_unsaved());
    const HeldLogs held = followed.held();
    EXPECT_FALSE(directory_of(held, "a").files.front().has_name);
    followed.note_saved(held, outcomes(held, true));
    EXPECT_FALSE(followed.has_unsaved());
    EXPECT_TRUE(directory_of(followed.held(), "a").files.empty());
}

// A run that began when the file had its name may have looked when it was gone.
TEST_F(FollowedContainers, KeepAFileThatIsDeletedDuringARun) {
    followed.add({container("a")});
    write("a", "app.log", "one\n");
    const HeldLogs held = followed.held();
    remove("a", "app.log");
    followed.note_saved(held, outcomes(held, true));
    EXPECT_TRUE(followed.has_unsaved());
}

TEST_F(FollowedContainers, KeepADeletedFileThatIsWrittenTo) {
    followed.add({container("a")});
    write("a", "app.log", "one\n");
    const UniqueFd writer(
        ::open(dir.at("layers/a/diff/opt/logs/app.log").c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    remove("a", "app.log");
    const HeldLogs held = followed.held();
    followed.note_saved(held, outcomes(held, true));
    EXPECT_FALSE(followed.has_unsaved());
    EXPECT_EQ(::write(writer.get(), "two\n", 4), 4);
    EXPECT_TRUE(followed.has_unsaved());
    EXPECT_EQ(directory_of(followed.held(), "a").files.size(), 1U);
}

TEST_F(FollowedContainers, TellWhoWentWithNothingToSave) {
    followed.add({container("a"), container("b")});
    remove_layer("a");
    followed.update();
    EXPECT_EQ(followed.gone_empty(), std::set<std::string>{"a"});
    EXPECT_FALSE(followed.has_removed());
}

// Nobody knows what it wrote.
TEST_F(FollowedContainers, DoNotClaimToKnowOneThatCouldNotBeWatched) {
    Container gone = container("a");
    remove_layer("a");
    followed.add({gone});
    followed.note_removal("a", now);
    EXPECT_TRUE(followed.gone_empty().empty());
}

TEST_F(FollowedContainers, WatchVolumesAtAndBelowTheLogDirectory) {
    Container one = container("a");
    one.mounts.push_back({"bind", dir.make_directory("volumes/logs"), "/opt/logs"});
    one.mounts.push_back({"bind", dir.make_directory("volumes/audit"), "/opt/logs/audit"});
    Container other = container("b");
    other.mounts.push_back({"bind", dir.make_directory("volumes/opt"), "/opt"});
    followed.add({one, other});
    dir.write("volumes/logs/app.log", "one\n");
    dir.write("volumes/audit/audit.log", "two\n");
    dir.write("volumes/opt/logs/app.log", "three\n");
    followed.update();
    const HeldLogs held = followed.held();
    std::set<std::string> paths;
    for (const auto& file : directory_of(held, "a").files)
        paths.insert(file.path);
    EXPECT_EQ(paths, (std::set<std::string>{"app.log", "audit/audit.log"}));
    EXPECT_EQ(directory_of(held, "a").volume, dir.at("volumes/logs"));
    EXPECT_TRUE(directory_of(held, "a").direct);
    ASSERT_EQ(directory_of(held, "b").files.size(), 1U);
    EXPECT_EQ(directory_of(held, "b").files.front().path, "app.log");
    EXPECT_EQ(directory_of(held, "b").volume, dir.at("volumes/opt/logs"));
    EXPECT_TRUE(directory_of(held, "b").direct);
}

TEST_F(FollowedContainers, LetGoOfOneThatCannotBeSaved) {
    followed.add({container("a")});
    write("a", "app.log", "one\n");
    followed.note_removal("a", now);
    EXPECT_EQ(followed.let_go_of_removed(seconds(60)), 0U);
    EXPECT_TRUE(followed.has_removed());
    EXPECT_EQ(followed.let_go_of_removed(seconds(0)), 1U);
    EXPECT_FALSE(followed.has_removed());
    EXPECT_TRUE(followed.held().directories.empty());
}

TEST_F(FollowedContainers, AdoptWhatAnotherHeld) {
    followed.add({container("a")});
    write("a", "app.log", "one\n");
    remove("a", "app.log");
    auto files = followed.nameless();
    ASSERT_EQ(files.size(), 1U);
    EXPECT_EQ(files.front().path, "app.log");

    Followed next(WatchLimits(), [](const Container&) { return std::vector<std::string>{"/opt/logs"}; });
    next.add({container("a")});
    EXPECT_TRUE(next.adopt(std::move(files.front())));
    EXPECT_TRUE(next.has_unsaved());
    const HeldLogs held = next.held();
    ASSERT_EQ(directory_of(held, "a").files.size(), 1U);
    EXPECT_EQ(directory_of(held, "a").files.front().path, "app.log");
    EXPECT_FALSE(directory_of(held, "a").files.front().has_name);
    EXPECT_FALSE(next.adopt({"unknown", "/opt/logs", "", "app.log", UniqueFd()}));
    EXPECT_FALSE(next.adopt({"a", "/opt/logs", "", "app.log", UniqueFd()}));
    EXPECT_EQ(directory_of(next.held(), "a").files.size(), 1U);
}

// What could not be held may be gone by the next run, but not what this one has saved.
TEST_F(FollowedContainers, TellUntilTheNextRunWhatWasNotHeld) {
    WatchLimits limits;
    limits.files = 20;
    followed = Followed(limits, [](const Container&) { return std::vector<std::string>{"/opt/logs"}; });
    followed.add({container("a")});
    for (int i = 0; i < 30; ++i)
        write("a", std::to_string(i), "one\n");
    for (int i = 0; i < 20; ++i)
        remove("a", std::to_string(i));
    write("a", "d/app.log", "one\n"); // looks at a new directory
    HeldLogs held = followed.held();
    EXPECT_GT(directory_of(held, "a").not_held, 0U);
    followed.note_saved(held, outcomes(held, false));
    held = followed.held();
    EXPECT_GT(directory_of(held, "a").not_held, 0U);
    followed.note_saved(held, outcomes(held, true));
    followed.update();
    EXPECT_EQ(directory_of(followed.held(), "a").not_held, 0U);
}

TEST_F(FollowedContainers, DoNotOpenAVolumeThatIsLeftOutByName) {
    Options options;
    options.skip_volumes = {"nfs-*"};
    followed = Followed(
        WatchLimits(), [](const Container&) { return std::vector<std::string>{"/opt/logs"}; },
        [&](const Container& one) { return left_out_of(options, {one}); });
    Container one = container("a");
    one.mounts.push_back(
        {"volume", dir.make_directory("disk/1"), "/opt/logs", MountAccess::read_write, "nfs-1"});
    Container other = container("b");
    other.mounts.push_back(
        {"volume", dir.make_directory("disk/2"), "/opt/logs", MountAccess::read_write, "local"});
    followed.add({one, other});
    dir.write("disk/1/app.log", "one\n");
    dir.write("disk/2/app.log", "two\n");
    followed.update();
    const HeldLogs held = followed.held();
    EXPECT_TRUE(directory_of(held, "a").files.empty());
    EXPECT_EQ(directory_of(held, "b").files.size(), 1U);
}

TEST_F(FollowedContainers, LetGoOfTheLargestWhenSpaceIsShort) {
    followed.add({container("a")});
    write("a", "small.log", "one\n");
    write("a", "large.log", std::string(100'000, 'x'));
    remove("a", "small.log");
    remove("a", "large.log");
    bool is_short = true;
    EXPECT_EQ(followed.let_go_of_largest([&](int) { return std::exchange(is_short, false); }), 1U);
    const HeldLogs held = followed.held();
    ASSERT_EQ(directory_of(held, "a").files.size(), 1U);
    EXPECT_EQ(directory_of(held, "a").files.front().path, "small.log");
}

} // namespace
} // namespace logbackup
