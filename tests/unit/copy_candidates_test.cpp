// SPDX-License-Identifier: MIT
#include "content/copy_candidates.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace logbackup {
namespace {

/// An instance directory that is only described, and which of its files were looked into.
class CopyCandidatesTest : public testing::Test {
  protected:
    SavedFiles saved;
    std::set<std::string> in_source;
    std::set<std::string> fresh;
    std::set<std::string> aside;
    std::set<std::string> packed; ///< files with compressed content
    std::size_t looks = 0;

    void add(const std::string& path, std::int64_t mtime) {
        Entry entry;
        entry.path = path;
        entry.size = 100;
        entry.mtime = mtime;
        saved.entries.push_back(entry);
    }
    void choose() {
        saved.has_source = [this](const Entry& entry) { return in_source.contains(entry.path); };
        saved.is_new = [this](const Entry& entry) { return fresh.contains(entry.path); };
        saved.was_set_aside = [this](const Entry& entry) { return aside.contains(entry.path); };
        looks = 0;
        const auto chosen = choose_candidates(saved, [this](const Entry& entry) {
            ++looks;
            return packed.contains(entry.path);
        });
        compressed = paths_of(chosen.compressed);
        plain = paths_of(chosen.plain);
    }
    using Paths = std::vector<std::string>;
    Paths compressed;
    Paths plain;

  private:
    static Paths paths_of(const std::vector<Entry>& entries) {
        Paths paths;
        for (const auto& entry : entries)
            paths.push_back(entry.path);
        std::sort(paths.begin(), paths.end());
        return paths;
    }
};

TEST_F(CopyCandidatesTest, OldFilesThatBelongToNothingAreNotLookedInto) {
    for (int i = 0; i < 1000; ++i) {
        add("app-" + std::to_string(i) + ".log.gz", 1000 + i);
        packed.insert(saved.entries.back().path);
        add("plain-" + std::to_string(i) + ".log", 10'000 + i);
    }
    add("app.log", 30'000);
    add("app-1000.log.gz", 20'000);
    add("app-1000.log", 20'000);
    in_source = {"app.log", "app-1000.log.gz"};
    fresh = {"app.log", "app-1000.log.gz"};
    packed.insert("app-1000.log.gz");
    choose();
    EXPECT_EQ(compressed, Paths{"app-1000.log.gz"});
    EXPECT_EQ(plain.size(), 256U);
    EXPECT_TRUE(std::count(plain.begin(), plain.end(), "app-1000.log"));
    EXPECT_LE(looks, 260U);
    packed.erase("app-1000.log.gz");
    choose();
    EXPECT_TRUE(compressed.empty() && plain.empty());
    EXPECT_LE(looks, 2U) << "nothing new is compressed, whatever is old";
}

TEST_F(CopyCandidatesTest, WithoutAFileThatLostItsSourceNothingIsLookedInto) {
    add("app.log", 1);
    add("app.log.1.gz", 2);
    in_source = fresh = {"app.log", "app.log.1.gz"};
    packed = {"app.log.1.gz"};
    choose();
    EXPECT_EQ(looks, 0U);
}

TEST_F(CopyCandidatesTest, AFileBelongsToAnOldCompressedOneByNameOrTime) {
    add("a.log", 1);
    add("a.log.gz", 2); // by its name
    add("b.log~20261122T145512Z", 3);
    add("b.log.xz", 4); // by the former name
    add("day/c.log", 5);
    add("archive/4711", 5); // by its time
    add("d.log", 7);
    add("other.gz", 8);
    in_source = {"a.log.gz", "b.log.xz", "archive/4711", "other.gz"};
    packed = in_source;
    choose();
    EXPECT_EQ(compressed, (Paths{"a.log.gz", "archive/4711", "b.log.xz"}));
    EXPECT_EQ(plain, (Paths{"a.log", "b.log~20261122T145512Z", "day/c.log"}));
}

TEST_F(CopyCandidatesTest, WithANewCompressedOneAllWithoutASourceCountWhateverTheirNames) {
    add("4711", 100);
    add("old.log", 1);
    add("b.log~20261122T145512Z", 2);
    add("c.gz~20261122T145512Z", 3);
    add("c.gz", 4);
    add("d.gz", 5);
    in_source = {"4711", "c.gz"};
    fresh = {"4711"};
    aside = {"c.gz~20261122T145512Z"};
    packed = {"4711", "c.gz", "c.gz~20261122T145512Z", "d.gz"};
    choose();
    EXPECT_EQ(compressed, Paths{"4711"});
    EXPECT_EQ(plain, (Paths{"b.log~20261122T145512Z", "c.gz~20261122T145512Z", "old.log"}));
}

TEST_F(CopyCandidatesTest, ManyFilesOfOneTimeBelongToNothing) {
    for (int i = 0; i < 1000; ++i)
        add("shipped-" + std::to_string(i), 5);
    add("app.log", 5);
    for (const auto& entry : saved.entries)
        if (entry.path != "app.log")
            in_source.insert(entry.path);
    choose();
    EXPECT_EQ(looks, 0U);
}

} // namespace
} // namespace logbackup
