// SPDX-License-Identifier: MIT
#include "view/listing.hpp"

#include "support.hpp"
#include "util/files.hpp"
#include "view/entry.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <filesystem>
#include <string>
#include <vector>

namespace logbackup {
namespace {

using test::Stop;
using test::TempDir;
using Paths = std::vector<std::string>;

/// A log directory and its backup.
class SavedFirst : public testing::Test {
  protected:
    const TempDir dir;

    void SetUp() override {
        dir.make_directory("source");
        dir.make_directory("backup");
    }
    /// Writes a file with a time, in seconds.
    void write(const std::string& path, std::time_t time, const std::string& content = "x") const {
        dir.write(path, content);
        const std::array<timespec, 2> times{timespec{time, 0}, timespec{time, 0}};
        EXPECT_EQ(::utimensat(AT_FDCWD, dir.at(path).c_str(), times.data(), 0), 0);
    }
    void write_both(const std::string& path, std::time_t time) const {
        write("source/" + path, time);
        write("backup/" + path, time);
    }
    [[nodiscard]] Tree tree() const {
        Tree tree;
        tree.held = test::open_path(dir.at("source"));
        return tree;
    }
    [[nodiscard]] Listing list(const Tree& tree, const ListingLimits& limits) const {
        Stop stop;
        const UniqueFd instance = test::open_path(dir.at("backup"));
        Listing listing = list_saved_first(tree, limits, instance.get(), stop.get());
        EXPECT_TRUE(listing.full && !listing.complete);
        EXPECT_LE(listing.entries.size(), limits.entries);
        EXPECT_FALSE(listing.problems.empty());
        return listing;
    }
    [[nodiscard]] Paths listed(const ListingLimits& limits) const { return paths(list(tree(), limits)); }
    static Paths paths(const Listing& listing) {
        Paths result;
        for (const auto& entry : listing.entries)
            result.push_back(entry.path);
        return result;
    }
};

TEST_F(SavedFirst, WhatIsSavedElsewhereIsLeftOut) {
    for (int i = 10; i < 30; ++i) {
        write("source/" + std::to_string(i), i);
        write("source/archive/" + std::to_string(i), 1000 + i);
        write("backup/archive/" + std::to_string(i), i);
    }
    Tree tree = this->tree();
    tree.left_out = {"archive"};
    EXPECT_EQ(paths(list(tree, {3, 100})), (Paths{"27", "28", "29"}));
}

TEST_F(SavedFirst, TheNewestFilesAreTaken) {
    for (int i = 10; i < 60; ++i)
        write("source/" + std::to_string(i), 1000 - i);
    write("source/zz-live.log", 2000);
    const auto listing = list(tree(), {4, 100});
    EXPECT_EQ(paths(listing), (Paths{"10", "11", "12", "zz-live.log"}));
    ASSERT_EQ(listing.problems.size(), 1U);
    EXPECT_EQ(listing.problems[0].limit, Limit::files);
    EXPECT_EQ(listing.entries.back().size, 1U);
    EXPECT_EQ(listing.entries.back().mtime, 2'000'000'000'000);
}

TEST_F(SavedFirst, WhatIsSavedAndUnchangedKeepsNoNewFileOut) {
    for (int i = 10; i < 60; ++i)
        write_both(std::to_string(i), 1000 + i);
    write("source/zz-live.log", 2000);
    EXPECT_EQ(listed({3, 100}), (Paths{"58", "59", "zz-live.log"}));
}

TEST_F(SavedFirst, ZerosThatWereSetAsideKeepNoNewFileOut) {
    for (int i = 10; i < 60; ++i) {
        write("source/" + std::to_string(i), 1000 + i, "x" + std::string(4095, '\0'));
        write("backup/" + std::to_string(i), 1000 + i);
    }
    write("source/zz-live.log", 2000);
    EXPECT_EQ(listed({3, 100}), (Paths{"58", "59", "zz-live.log"}));
}

TEST_F(SavedFirst, WhatIsSavedAndHasChangedGoesOnHoweverOldItSeems) {
    for (int i = 10; i < 60; ++i)
        write("source/" + std::to_string(i), 1000 + i);
    write_both("a.log", 100);
    write("source/a.log", 100, "xy");
    write_both("b.log", 200);
    write("source/b.log", 100);
    write_both("c.log", 100);
    write("backup/d.log", 100); // has no source
    EXPECT_EQ(listed({4, 100}), (Paths{"58", "59", "a.log", "b.log"}));
}

TEST_F(SavedFirst, TheDirectoriesAboveAFileComeBeforeItAndCount) {
    for (int i = 10; i < 60; ++i)
        write("source/" + std::to_string(i), 1000 + i);
    write("source/d/e/new.log", 2000);
    write("source/d/e/newer.log", 2001);
    write("source/d/old.log", 1);
    const auto listing = list(tree(), {5, 100});
    EXPECT_EQ(paths(listing), (Paths{"59", "d", "d/e", "d/e/new.log", "d/e/newer.log"}));
    EXPECT_EQ(listing.entries[2].type, FileType::directory);
    EXPECT_EQ(listing.entries[3].type, FileType::regular);
    EXPECT_EQ(listed({2, 100}), Paths{}) << "they do not fit with their directories";
    EXPECT_EQ(listed({3, 1}), (Paths{"57", "58", "59"})) << "it is too deep";
}

TEST_F(SavedFirst, AnOverfullDirectoryDoesNotHideAnother) {
    for (int i = 100; i < 400; ++i)
        write("source/" + std::to_string(i % 3) + "-full/" + std::to_string(i), i);
    write("source/3-live/app.log", 1000);
    write("source/app.log", 1000);
    Stop stop;
    const auto listing = list_saved_first(tree(), {10, 100}, -1, stop.get(), {}, 200);
    for (const std::string path : {"3-live/app.log", "app.log"})
        EXPECT_TRUE(std::any_of(listing.entries.begin(), listing.entries.end(), [&](const Entry& entry) {
            return entry.path == path;
        })) << path;
}

TEST_F(SavedFirst, TheBytesOfAllPathsAreBounded) {
    for (const std::string name : {"aaaa", "bbbb", "cccc"})
        write("source/" + name, 1000);
    write("source/zzzz", 1001);
    EXPECT_EQ(listed({100, 100, 3500, 10}), (Paths{"aaaa", "zzzz"}));
    EXPECT_EQ(listed({100, 100, 3500, 3}), Paths{});
}

TEST_F(SavedFirst, OnlyFilesAndLinksThatAreNotExcludedAreTaken) {
    for (int i = 10; i < 60; ++i)
        write("source/" + std::to_string(i), 1000 + i);
    dir.fifo("source/fifo");
    dir.make_directory("source/empty");
    dir.write("source/core.hprof", "x");
    dir.write("source/tmp/new.log", "x");
    dir.link("source/link", "59");
    Tree tree = this->tree();
    tree.excluded = {"*.hprof", "tmp"};
    const auto listing = list(tree, {3, 100});
    EXPECT_EQ(paths(listing), (Paths{"58", "59", "link"}));
    EXPECT_EQ(listing.entries.back().target, "59");
}

TEST_F(SavedFirst, AMountBelowIsSeenInPlaceOfWhatItHides) {
    for (int i = 10; i < 60; ++i)
        write("source/" + std::to_string(i), 1000 + i);
    write("source/m/hidden.log", 3000);
    write("volume/new.log", 2000);
    Tree tree = this->tree();
    tree.mounted.emplace_back("m", test::open_path(dir.at("volume")));
    tree.mounted.emplace_back("n", test::open_path(dir.at("volume"))); // without a mount point
    EXPECT_EQ(paths(list(tree, {5, 100})), (Paths{"59", "m", "m/new.log", "n", "n/new.log"}));
}

TEST_F(SavedFirst, ADirectoryBehindALinkThatIsFollowedIsSeen) {
    for (int i = 10; i < 60; ++i)
        write("source/" + std::to_string(i), 1000 + i);
    write("elsewhere/new.log", 5'000'000'000);
    std::filesystem::create_symlink("/elsewhere", dir.at("source/99"));
    Tree tree = this->tree();
    Stop stop;
    std::size_t asked = 0;
    const auto follow = [&](const Entry& link) {
        ++asked;
        tree.mounted.emplace_back(link.path, test::open_path(dir.at("elsewhere")));
        return true;
    };
    const auto listing = list_saved_first(tree, {5, 100}, -1, stop.get(), follow);
    EXPECT_EQ(asked, 1U);
    EXPECT_EQ(paths(listing), (Paths{"57", "58", "59", "99", "99/new.log"}));
}

TEST_F(SavedFirst, EachLevelTakesOneDescriptor) {
    std::string path = "source";
    for (int i = 0; i < 90; ++i) {
        path += "/d";
        write(path + "/file", 1000 + i);
    }
    const int code = test::in_child([&] {
        const rlimit few{130, 130};
        if (::setrlimit(RLIMIT_NOFILE, &few) != 0)
            return 2;
        const auto problems = list(tree(), {3, 100}).problems;
        return std::any_of(problems.begin(), problems.end(), [](const Problem& one) { return !one.limit; })
                   ? 1
                   : 0;
    });
    EXPECT_EQ(code, 0);
}

TEST_F(SavedFirst, WithoutABackupTheNewestAreTaken) {
    for (int i = 10; i < 20; ++i)
        write("source/" + std::to_string(i), 1000 + i);
    Stop stop;
    EXPECT_EQ(paths(list_saved_first(tree(), {2, 100}, -1, stop.get())), (Paths{"18", "19"}));
    const auto all = list_saved_first(tree(), {10, 100}, -1, stop.get());
    EXPECT_TRUE(all.complete && !all.full);
    EXPECT_EQ(all.entries.size(), 10U);
}

TEST_F(SavedFirst, ADirectoryThatCannotBeReadIsToldWhereverItLies) {
    if (!test::is_root())
        GTEST_SKIP() << "needs root, to give up its rights in a child";
    for (int i = 10; i < 60; ++i)
        write("source/" + std::to_string(i), 1000 + i);
    write("source/z/file", 1);
    ::chmod(dir.path().c_str(), 0755);
    ::chmod(dir.at("source/z").c_str(), 0);
    EXPECT_EQ(test::in_child([&] {
                  if (::setgid(65534) != 0 || ::setuid(65534) != 0)
                      return 2;
                  const auto problems = list(tree(), {3, 100}).problems;
                  return std::any_of(problems.begin(), problems.end(),
                                     [](const Problem& one) { return one.path == "z" && !one.limit; })
                             ? 0
                             : 1;
              }),
              0);
    ::chmod(dir.at("source/z").c_str(), 0700);
}

} // namespace
} // namespace logbackup
