// SPDX-License-Identifier: MIT
#include "transfer/transfer.hpp"

#include "transfer/hole.hpp"
#include "util/files.hpp"

#include "support.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>

/// Transfers between plain directories, with the real rsync.
namespace logbackup {
namespace {

constexpr std::size_t MiB = 1U << 20U;

/// Different everywhere, and in each file.
std::string log_text(std::size_t bytes, std::size_t seed) {
    std::string text;
    for (std::size_t line = 0; text.size() < bytes; ++line)
        text += std::to_string(seed) + " wrote line " + std::to_string(line) + "\n";
    text.resize(bytes);
    return text;
}

std::string told(const ApplyOutcome& outcome) {
    std::string text;
    for (const auto& problem : outcome.problems)
        text += problem + "\n";
    for (const auto& directory : outcome.directories)
        for (const auto* problems : {&directory.failures, &directory.unsettled})
            for (const auto& [path, reason, limit] : *problems)
                text += path + ": " + reason + "\n";
    return text;
}

class Transferring : public ::testing::Test {
  protected:
    test::TempDir dir;
    UniqueFd root;
    Tree tree;
    std::map<std::string, std::string> logs; ///< by path in the log directory
    std::map<std::string, std::string> saved_before;

    void SetUp() override {
        dir.make_directory("backup/.logbackup");
        root = test::open_path(dir.make_directory("backup"));
        tree.directory = "web/web-1";
        tree.held = test::open_path(dir.make_directory("logs"));
    }
    void log(const std::string& path, std::string content) {
        dir.write("logs/" + path, content);
        logs[path] = std::move(content);
    }
    void save_before(const std::string& path, std::size_t bytes) {
        saved_before[path] = logs.at(path).substr(0, bytes);
        dir.write("backup/web/web-1/" + path, saved_before[path]);
    }
    void overwrite(const std::string& path, std::size_t at, const std::string& text) {
        logs.at(path).replace(at, text.size(), text);
        const UniqueFd file(::open(dir.at("logs/" + path).c_str(), O_WRONLY | O_CLOEXEC));
        ASSERT_EQ(::pwrite(file.get(), text.data(), text.size(), static_cast<off_t>(at)), std::ssize(text));
    }
    [[nodiscard]] std::string saved(const std::string& path) const {
        return dir.read("backup/web/web-1/" + path);
    }

    [[nodiscard]] DirectoryPlan plan_all() const {
        DirectoryPlan plan;
        for (const auto& [path, content] : logs) {
            Action action;
            struct stat status {};
            ::stat(dir.at("logs/" + path).c_str(), &status);
            const auto before = saved_before.find(path);
            action.kind = before == saved_before.end() ? ActionKind::create : ActionKind::append;
            action.from = before == saved_before.end() ? 0 : before->second.size();
            action.data_from = action.from;
            action.to = content.size();
            action.path = path;
            action.inode = status.st_ino;
            plan.actions.push_back(std::move(action));
        }
        return plan;
    }
    ApplyOutcome transfer(StopSignal& stop, std::uint64_t bandwidth = UINT64_MAX,
                          const Progress& progress = {}) {
        const DirectoryPlan plan = plan_all();
        ApplySettings settings;
        settings.root = root.get();
        settings.rsync = "/usr/bin/rsync";
        settings.min_free = {0, 0};
        settings.bandwidth = bandwidth;
        return apply({{&tree, &plan}}, settings, stop, progress);
    }
};

TEST_F(Transferring, SavesMoreFilesThanThereAreDescriptors) {
    for (std::size_t i = 0; i < 700; ++i)
        log("d" + std::to_string(i % 7) + "/" + std::to_string(i) + ".log", log_text(100 + i, i));
    for (std::size_t i = 0; i < 700; i += 5)
        save_before("d" + std::to_string(i % 7) + "/" + std::to_string(i) + ".log", 50);
    const auto work = [&] {
        const rlimit limit{256, 256};
        if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
            return 1;
        for (int i = 0; i < 70; ++i) // others are held already
            if (::dup(STDERR_FILENO) < 0)
                return 2;
        test::Stop stop;
        const auto outcome = transfer(stop.get());
        const auto& directory = outcome.directories.front();
        std::fputs(told(outcome).c_str(), stderr);
        return directory.failures.empty() && directory.unsettled.empty() && outcome.problems.empty() &&
                       directory.created == 560 && directory.changed == 140
                   ? 0
                   : 3;
    };
    EXPECT_EQ(test::in_child(work), 0);
    for (const auto& [path, content] : logs)
        EXPECT_EQ(saved(path), content) << path;
}

/// The states of the file: A0B0, A1B0, A1B1. rsync has read A0 and then B1, which were never there together.
TEST_F(Transferring, AStoppedRunKeepsNoMixture) {
    log("data.log", log_text(16 * MiB, 1));
    log("a-small.log", log_text(1000, 2));
    int step = 0;
    test::Stop stop;
    const auto outcome = transfer(stop.get(), 8 * MiB, [&](std::uint64_t bytes) {
        if (step == 0 && bytes >= 3 * MiB) {
            overwrite("data.log", MiB, "A1");
            overwrite("data.log", 9 * MiB, "B1");
            step = 1;
        } else if (step == 1 && bytes >= 11 * MiB) {
            ::raise(SIGTERM);
            step = 2;
        }
    });
    ASSERT_EQ(step, 2) << told(outcome);
    const std::string text = saved("data.log");
    EXPECT_TRUE(logs.at("data.log").starts_with(text)) << "a mixture of " << text.size() << " bytes";
    EXPECT_LE(text.size(), MiB);
    EXPECT_GE(text.size(), MiB - 65536) << "what is before the change is proved";
    EXPECT_EQ(saved("a-small.log"), logs.at("a-small.log"));
    EXPECT_TRUE(std::filesystem::is_empty(dir.at("backup/.logbackup/incoming")));
}

// A killed run can leave a part of them: its mark, and what another run that was killed had begun to remove.
TEST_F(Transferring, LeftoversGoAlsoWhenARunIsKilledWhileItRemovesThem) {
    dir.write("backup/.logbackup/incoming/.in-use", "");
    dir.write("backup/.logbackup/incoming/0000000", "unproved");
    dir.write("backup/.logbackup/incoming.removed/0000000", "unproved");
    remove_leftovers(root.get());
    EXPECT_TRUE(std::filesystem::is_empty(dir.at("backup/.logbackup")));

    dir.write("backup/.logbackup/incoming/0000000", "of a run that works");
    dir.write("backup/.logbackup/incoming.removed/0000000", "unproved");
    remove_leftovers(root.get());
    EXPECT_TRUE(dir.has("backup/.logbackup/incoming/0000000"));
    EXPECT_FALSE(dir.has("backup/.logbackup/incoming.removed"));
}

TEST_F(Transferring, AStoppedRunKeepsWhatArrived) {
    log("a-small.log", log_text(1000, 1));
    log("b-old.log", log_text(8 * MiB, 2));
    save_before("b-old.log", 2 * MiB);
    log("c-new.log", log_text(8 * MiB, 3));
    log("d-never-begun.log", log_text(9 * MiB, 4));
    std::uint64_t arrived = 0;
    test::Stop stop;
    const auto outcome = transfer(stop.get(), 4 * MiB, [&](std::uint64_t bytes) {
        if (arrived == 0 && bytes >= 10 * MiB) {
            arrived = bytes;
            ::raise(SIGTERM);
        }
    });
    ASSERT_GT(arrived, 0U) << told(outcome);
    EXPECT_EQ(saved("a-small.log"), logs.at("a-small.log"));
    EXPECT_EQ(saved("b-old.log"), logs.at("b-old.log"));
    const std::string text = saved("c-new.log");
    EXPECT_TRUE(logs.at("c-new.log").starts_with(text));
    EXPECT_LT(text.size(), 8 * MiB);
    EXPECT_GE(1000 + 6 * MiB + text.size(), arrived) << "what had arrived of the last one is lost";
    EXPECT_FALSE(dir.has("backup/web/web-1/d-never-begun.log"));
}

TEST(EndAsSource, ASizeThatNoFileOfTheBackupCanHaveIsNoFailure) {
    const test::TempDir dir;
    const UniqueFd source(::memfd_create("source", MFD_CLOEXEC));
    static constexpr std::uint64_t huge = 1ULL << 62U;
    ASSERT_EQ(::ftruncate(source.get(), static_cast<off_t>(huge)), 0);
    const UniqueFd saved(::open(dir.write("saved", "").c_str(), O_RDWR | O_CLOEXEC));
    Action action;
    action.zeros = huge;
    action.ends_as_source = true;
    EXPECT_EQ(end_as_source(saved.get(), source.get(), action), 0);
    action.zeros = MiB;
    ASSERT_EQ(::ftruncate(source.get(), MiB), 0);
    EXPECT_EQ(end_as_source(saved.get(), source.get(), action), 0);
    EXPECT_EQ(status_of(saved.get())->st_size, MiB);
}

TEST_F(Transferring, OnlyAHoleIsTakenFromTheEndOfASavedFile) {
    log("a.log", "one\ntwo\n");
    save_before("a.log", 4);
    const std::string holding = "one\n" + std::string(9000, '\0') + "x";
    dir.write("backup/web/web-1/a.log", holding);
    test::Stop stop;
    EXPECT_EQ(transfer(stop.get()).directories.front().unsettled.size(), 1U);
    EXPECT_EQ(saved("a.log"), holding);
    dir.write("backup/web/web-1/a.log", "one\n");
    std::filesystem::resize_file(dir.at("backup/web/web-1/a.log"), 9004);
    EXPECT_TRUE(transfer(stop.get()).directories.front().unsettled.empty());
    EXPECT_EQ(saved("a.log"), "one\ntwo\n");
}

} // namespace
} // namespace logbackup
