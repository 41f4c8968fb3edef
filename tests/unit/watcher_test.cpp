// SPDX-License-Identifier: MIT
#include "follow/watcher.hpp"

#include "support.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>

namespace logbackup {
namespace {

namespace fs = std::filesystem;

/// A layer with "opt/logs", which is watched.
class Watched : public testing::Test {
  protected:
    test::TempDir dir;
    Watcher watcher{limits()};
    Watcher::TreeId tree = 0;

    static WatchLimits limits() {
        WatchLimits limits;
        limits.files = 100;
        limits.directories = 20;
        return limits;
    }
    Watched() { ::signal(SIGIO, SIG_IGN); }

    void watch(const std::string& path = "opt/logs") {
        tree = watcher.add(test::open_path(dir.path()), path);
    }
    std::string write(const std::string& name, const std::string& text) {
        return dir.write("opt/logs/" + name, text);
    }
    void rename(const std::string& from, const std::string& to) {
        fs::rename(dir.at("opt/logs/" + from), dir.at("opt/logs/" + to));
    }
    void remove(const std::string& name) { fs::remove_all(dir.at("opt/logs/" + name)); }

    static std::string text_of(int file) {
        std::string text(100, '\0');
        const auto got = ::pread(file, text.data(), text.size(), 0);
        text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        return text;
    }
    /// What is held, by path; "!" before the path of a file that has lost its name. Two that have lost the
    /// same name are one here.
    std::map<std::string, std::string> held() {
        watcher.update();
        std::map<std::string, std::string> held;
        for (const auto& [identity, file] : watcher.files(tree))
            held[(file.has_name ? "" : "!") + file.path] = text_of(file.file.get());
        return held;
    }
    using Held = std::map<std::string, std::string>;
};

TEST_F(Watched, HoldsWhatIsThereAndWhatComes) {
    write("app.log", "one\n");
    watch();
    EXPECT_EQ(held(), (Held{{"app.log", "one\n"}}));
    write("new.log", "two\n");
    write("a/b/deep.log", "three\n");
    EXPECT_EQ(held(), (Held{{"app.log", "one\n"}, {"new.log", "two\n"}, {"a/b/deep.log", "three\n"}}));
    write("a/b/later.log", "four\n");
    EXPECT_EQ(held().at("a/b/later.log"), "four\n");
}

TEST_F(Watched, WaitsForTheDirectory) {
    watch();
    EXPECT_EQ(watcher.directory(tree), -1);
    fs::create_directory(dir.at("opt"));
    EXPECT_TRUE(held().empty());
    write("app.log", "one\n");
    EXPECT_EQ(held(), (Held{{"app.log", "one\n"}}));
    EXPECT_GE(watcher.directory(tree), 0);
}

// overlayfs makes a directory elsewhere and moves it to its place when it copies it up.
TEST_F(Watched, FindsADirectoryThatIsMovedToItsPlace) {
    watch();
    dir.write("work/logs/app.log", "one\n");
    fs::create_directory(dir.at("opt"));
    (void)held();
    fs::rename(dir.at("work/logs"), dir.at("opt/logs"));
    EXPECT_EQ(held(), (Held{{"app.log", "one\n"}}));
}

TEST_F(Watched, KnowsAFileByItsNewName) {
    write("app.log", "one\n");
    watch();
    rename("app.log", "app.log.1");
    write("app.log", "two\n");
    EXPECT_EQ(held(), (Held{{"app.log", "two\n"}, {"app.log.1", "one\n"}}));
    rename("app.log.1", "app.log.2");
    rename("app.log", "app.log.1");
    EXPECT_EQ(held(), (Held{{"app.log.1", "two\n"}, {"app.log.2", "one\n"}}));
}

TEST_F(Watched, KeepsAFileThatIsDeletedOrReplaced) {
    write("app.log", "one\n");
    write("old.log", "old\n");
    watch();
    remove("old.log");
    write("new", "two\n");
    rename("new", "app.log");
    EXPECT_EQ(held(), (Held{{"app.log", "two\n"}, {"!app.log", "one\n"}, {"!old.log", "old\n"}}));
    EXPECT_EQ(watcher.losses(), 2U);
}

TEST_F(Watched, KeepsAllWhenTheDirectoryGoes) {
    write("app.log", "one\n");
    write("a/deep.log", "two\n");
    watch();
    fs::remove_all(dir.at("opt"));
    EXPECT_EQ(held(), (Held{{"!app.log", "one\n"}, {"!a/deep.log", "two\n"}}));
    write("app.log", "three\n");
    EXPECT_EQ(held().at("app.log"), "three\n");
}

TEST_F(Watched, FollowsADirectoryThatIsRenamed) {
    write("a/app.log", "one\n");
    watch();
    rename("a", "b");
    EXPECT_EQ(held(), (Held{{"b/app.log", "one\n"}}));
    write("b/new.log", "two\n");
    EXPECT_EQ(held().at("b/new.log"), "two\n");
    rename("b", "a"); // a name before the old one
    write("a/newer.log", "three\n");
    EXPECT_EQ(held(), (Held{{"a/app.log", "one\n"}, {"a/new.log", "two\n"}, {"a/newer.log", "three\n"}}));
}

// A file with two names has the other one still.
TEST_F(Watched, KnowsAFileByItsOtherName) {
    write("app.log", "one\n");
    watch();
    fs::create_hard_link(dir.at("opt/logs/app.log"), dir.at("opt/logs/link.log"));
    (void)held();
    remove("link.log");
    EXPECT_EQ(held(), (Held{{"app.log", "one\n"}}));
}

TEST_F(Watched, KeepsAFileThatIsMovedAway) {
    write("app.log", "one\n");
    watch();
    fs::rename(dir.at("opt/logs/app.log"), dir.at("opt/app.log"));
    EXPECT_EQ(held(), (Held{{"!app.log", "one\n"}}));
}

TEST_F(Watched, LetsGoOfAnEmptyFile) {
    write("empty.log", "");
    watch();
    remove("empty.log");
    EXPECT_TRUE(held().empty());
    for (std::size_t i = 0; i <= limits().files; ++i) {
        write("lock", "");
        EXPECT_EQ(held().size(), 1U);
        remove("lock");
        EXPECT_TRUE(held().empty());
    }
    write("app.log", "one\n"); // there is still room
    EXPECT_EQ(held(), (Held{{"app.log", "one\n"}}));
}

TEST_F(Watched, KeepsAnEmptyFileThatSomebodyWritesTo) {
    write("empty.log", "");
    watch();
    const UniqueFd writer(::open(dir.at("opt/logs/empty.log").c_str(), O_WRONLY | O_CLOEXEC));
    remove("empty.log");
    (void)held();
    EXPECT_EQ(::write(writer.get(), "late\n", 5), 5);
    EXPECT_EQ(held(), (Held{{"!empty.log", "late\n"}}));
}

TEST_F(Watched, FollowsNoLinkAndOpensNoFifo) {
    const std::string secret = dir.write("etc/secret", "secret\n");
    watch();
    fs::create_directories(dir.at("opt/logs"));
    dir.link("opt/logs/link.log", secret);
    dir.link("opt/logs/etc", dir.at("etc"));
    (void)dir.fifo("opt/logs/fifo");
    EXPECT_TRUE(held().empty());
    fs::remove_all(dir.at("opt"));
    dir.link("opt", dir.at("elsewhere"));
    dir.write("elsewhere/logs/app.log", "not here\n");
    EXPECT_TRUE(held().empty());
}

TEST_F(Watched, HoldsNoMoreThanItMay) {
    write("old.log", "old\n");
    fs::last_write_time(dir.at("opt/logs/old.log"), fs::file_time_type::clock::now() - std::chrono::hours(1));
    watch();
    for (int i = 0; i < 150; ++i)
        write("log." + std::to_string(i), "text\n");
    EXPECT_LE(held().size(), 100U);
    EXPECT_GE(watcher.not_held(tree), 51U);
    EXPECT_FALSE(held().contains("old.log")); // the newest are worth most
    for (int i = 0; i < 150; ++i)
        write("d" + std::to_string(i) + "/log", "text\n");
    EXPECT_LE(held().size(), 100U);
}

// One tree must not take all from the others.
TEST_F(Watched, HasAShareForEachTree) {
    for (int i = 0; i < 200; ++i)
        write("log." + std::to_string(i), "text\n");
    watch();
    const auto other = watcher.add(test::open_path(dir.make_directory("other")), "");
    (void)held();
    dir.write("other/app.log", "one\n");
    watcher.update();
    EXPECT_EQ(watcher.files(other).size(), 1U);
}

TEST_F(Watched, HasAShareAlsoBesideOneWithManyDeletedFiles) {
    watch();
    for (int i = 0; i < 200; ++i) {
        write("log." + std::to_string(i), "text\n");
        if (i % 10 == 9)
            (void)held();
    }
    for (int i = 0; i < 200; ++i)
        remove("log." + std::to_string(i));
    (void)held();
    for (int i = 0; i < 8; ++i) {
        const std::string name = "other" + std::to_string(i);
        const auto other = watcher.add(test::open_path(dir.make_directory(name)), "");
        for (int k = 0; k < 10; ++k)
            dir.write(name + "/" + std::to_string(k), "one\n");
        watcher.update();
        EXPECT_EQ(watcher.files(other).size(), 10U);
    }
    EXPECT_LE(watcher.files(tree).size(), 20U);
    watcher.forget_not_held(tree); // a run saved what is there, but not these
    EXPECT_GT(watcher.not_held(tree), 0U);
}

// A container that does much costs the others nothing.
TEST_F(Watched, HasATurnWhenItIsBusy) {
    for (int i = 0; i < 1000; ++i)
        write("log." + std::to_string(i), "text\n");
    watch();
    const auto other = watcher.add(test::open_path(dir.make_directory("other")), "");
    const auto holds = [&](Watcher::TreeId id, const std::string& path) {
        return std::any_of(watcher.files(id).begin(), watcher.files(id).end(),
                           [&](const auto& one) { return one.second.path == path; });
    };
    bool others_came_first = false;
    for (int i = 0; i < 100 && !others_came_first; ++i) { // this test itself may have to wait for a processor
        fs::rename(dir.at("opt/logs"), dir.at("opt/old"));
        fs::rename(dir.at("opt/old"), dir.at("opt/logs")); // looks at everything
        watcher.update_in_turn();
        const std::string number = std::to_string(i);
        dir.write("other/app" + number, "one\n");
        write("new" + number, "two\n");
        watcher.update_in_turn();
        others_came_first =
            holds(other, "app" + number) && !holds(tree, "new" + number) && watcher.has_more();
    }
    EXPECT_TRUE(others_came_first);
    EXPECT_TRUE(held().contains("new0"));
}

TEST_F(Watched, SeesAllAfterAnOverflow) {
    watch();
    fs::create_directories(dir.at("opt/logs"));
    (void)held();
    std::ifstream limit("/proc/sys/fs/inotify/max_queued_events");
    int most = 0;
    limit >> most;
    ASSERT_GT(most, 0);
    for (int i = 0; i <= most; ++i) {
        write("x" + std::to_string(i % 50), "");
        remove("x" + std::to_string(i % 50));
    }
    write("app.log", "one\n");
    EXPECT_EQ(held(), (Held{{"app.log", "one\n"}}));
}

TEST_F(Watched, IsTheSameTreeWhoeverWatchesIt) {
    write("app.log", "one\n");
    watch();
    EXPECT_EQ(watcher.add(test::open_path(dir.path()), "opt/logs"), tree);
    watcher.remove(tree);
    EXPECT_EQ(held(), (Held{{"app.log", "one\n"}}));
    watcher.remove(tree);
    EXPECT_THROW((void)watcher.files(tree), std::out_of_range);
}

// A container that is removed at once takes files with it that nobody could look at.
TEST_F(Watched, CountsWhatWentWithItsDirectory) {
    write("app.log", "one\n");
    watch();
    (void)held();
    rename("app.log", "app.log.1");
    fs::create_directory(dir.at("opt/logs/d"));
    fs::remove_all(dir.at("opt/logs"));
    EXPECT_EQ(held().size(), 1U);
    EXPECT_EQ(watcher.not_held(tree), 0U);
    write("app.log", "two\n");
    (void)held();
    write("new.log", "three\n");
    fs::remove_all(dir.at("opt/logs"));
    (void)held();
    EXPECT_EQ(watcher.not_held(tree), 1U);
}

TEST_F(Watched, LetsGoOnlyOfWhatHasNoName) {
    write("app.log", "one\n");
    watch();
    const Identity identity = watcher.files(tree).begin()->first;
    watcher.let_go(tree, identity);
    EXPECT_EQ(held().size(), 1U);
    remove("app.log");
    (void)held();
    watcher.let_go(tree, identity);
    EXPECT_TRUE(held().empty());
}

} // namespace
} // namespace logbackup
