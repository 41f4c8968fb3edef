// SPDX-License-Identifier: MIT
#include "util/glob.hpp"

#include "content/content.hpp"
#include "support.hpp"

#include <gtest/gtest.h>

namespace logbackup {
namespace {

using test::Stop;
using test::TempDir;
using Names = std::vector<std::string>;

bool excludes(const std::string& glob, const std::string& path) {
    const auto parsed = parse_exclude(glob);
    EXPECT_TRUE(parsed.has_value()) << glob;
    return is_excluded({parsed.value_or("")}, path);
}

Tree tree_of(const TempDir& dir, const Names& globs) {
    Tree tree;
    tree.held = test::open_path(dir.path());
    tree.excluded = globs;
    return tree;
}

Names paths(const Listing& listing) {
    Names result;
    for (const auto& entry : listing.entries)
        result.push_back(entry.path);
    return result;
}

TEST(Exclude, MatchesTheNameAtAnyDepth) {
    EXPECT_TRUE(excludes("*.hprof", "heap.hprof"));
    EXPECT_TRUE(excludes("*.hprof", "a/b/heap.hprof"));
    EXPECT_TRUE(excludes("*.hprof", ".hidden.hprof"));
    EXPECT_TRUE(excludes("core.[0-9]*", "a/core.17"));
    EXPECT_FALSE(excludes("*.hprof", "heap.hprof.log"));
    EXPECT_FALSE(excludes("heap", "heap.hprof"));
}

TEST(Exclude, MatchesTheWholePathWhereThereIsASlash) {
    EXPECT_TRUE(excludes("/app.log", "app.log"));
    EXPECT_FALSE(excludes("/app.log", "a/app.log"));
    EXPECT_TRUE(excludes("a/*.log", "a/app.log"));
    EXPECT_FALSE(excludes("a/*.log", "b/a/app.log"));
    EXPECT_FALSE(excludes("a/*.log", "a/b/app.log")) << "no wildcard stands for a slash";
    EXPECT_TRUE(excludes("./a//*/", "a/b"));
}

TEST(Exclude, OfADirectoryIsAllBelowIt) {
    EXPECT_TRUE(excludes("dumps", "dumps/a/b"));
    EXPECT_TRUE(excludes("dumps", "x/dumps/a"));
    EXPECT_TRUE(excludes("/dumps", "dumps/a/b"));
    EXPECT_FALSE(excludes("/dumps", "x/dumps/a"));
    EXPECT_FALSE(excludes("dumps", "dumpsters/a"));
}

TEST(Exclude, OfWhatLiesInADirectoryHoldsWhereThatIsSavedByItself) {
    const Names globs{"*.hprof", "/a/*.bin", "/*/b/*.txt", "/a", "/c/d"};
    EXPECT_EQ(globs_below(globs, "a"), (Names{"*.hprof", "/*.bin", "/b/*.txt"}));
    EXPECT_EQ(globs_below(globs, "a/b"), (Names{"*.hprof", "/*.txt"}));
    EXPECT_EQ(globs_below(globs, "c"), (Names{"*.hprof", "/b/*.txt", "/d"}));
    EXPECT_EQ(globs_below(globs, ""), globs);
}

TEST(Exclude, RefusesWhatMatchesNothing) {
    for (const char* glob : {"", "/", "//", ".", "./", "..", "../a", "a/../b"})
        EXPECT_FALSE(parse_exclude(glob)) << glob;
    EXPECT_FALSE(is_excluded({}, "a"));
    EXPECT_FALSE(is_excluded({"*"}, "")) << "the log directory itself";
}

TEST(Exclude, LeavesOutOfAListing) {
    const TempDir dir;
    dir.write("app.log", "x");
    dir.write("heap.hprof", "x");
    dir.write("a/heap.hprof", "x");
    dir.write("dumps/core", "x");
    dir.write("dumps/more/core", "x");
    Stop stop;
    const auto listing = list_tree(tree_of(dir, {"*.hprof", "/dumps"}), {}, stop.get());
    EXPECT_EQ(paths(listing), (Names{"a", "app.log"}));
    EXPECT_EQ(listing.excluded, 3U) << "a directory counts once";
    EXPECT_TRUE(listing.complete);
    EXPECT_TRUE(listing.problems.empty());
}

TEST(Exclude, DoesNotReadADirectoryThatIsLeftOut) {
    const TempDir dir;
    dir.write("app.log", "x");
    for (int i = 0; i < 50; ++i)
        dir.write("dumps/" + std::to_string(i), "x");
    ListingLimits limits;
    limits.entries = 10;
    Stop stop;
    const auto listing = list_tree(tree_of(dir, {"dumps"}), limits, stop.get());
    EXPECT_FALSE(listing.full);
    EXPECT_EQ(paths(listing), Names{"app.log"});
}

TEST(Exclude, LeavesOutWhatIsMountedBelow) {
    const TempDir dir;
    const TempDir volume;
    volume.write("core", "x");
    dir.write("app.log", "x");
    Tree tree = tree_of(dir, {"dumps"});
    tree.kind = SourceKind::upper; // has no place for it
    tree.mounted.emplace_back("dumps", test::open_path(volume.path()));
    Stop stop;
    EXPECT_EQ(paths(list_tree(tree, {}, stop.get())), Names{"app.log"});
}

TEST(Exclude, HoldsWhereThereIsMoreThanTheLimits) {
    const TempDir dir;
    const TempDir backup;
    for (int i = 0; i < 20; ++i) {
        dir.write("z" + std::to_string(i), "x");
        backup.write("z" + std::to_string(i), "x");
    }
    dir.write("a.hprof", "x");
    backup.write("a.hprof", "x");
    ListingLimits limits;
    limits.entries = 20;
    Stop stop;
    const UniqueFd instance = test::open_path(backup.path());
    const auto listing = list_saved_first(tree_of(dir, {"*.hprof"}), limits, instance.get(), stop.get());
    EXPECT_TRUE(listing.full);
    EXPECT_EQ(listing.entries.size(), 20U) << "what is left out takes no room";
    for (const auto& path : paths(listing))
        EXPECT_FALSE(path.ends_with(".hprof"));
}

/// A saved file that is left out now has a source that nobody looked at: it is not renamed to another, nor
/// does it stand for one.
TEST(Exclude, LeavesAloneWhatWasSavedBefore) {
    const TempDir dir;
    const TempDir backup;
    dir.write("new.log", "the same and more");
    dir.write("old.dump", "something else");
    backup.write("old.dump", "the same");
    Stop stop;
    const UniqueFd instance = test::open_path(backup.path());
    const auto planned = [&](const Names& globs) {
        const Tree tree = tree_of(dir, globs);
        const Listing source = list_tree(tree, {}, stop.get());
        return plan(source, list_counterparts(instance.get(), source),
                    content_of(tree, instance.get(), stop.get()), Timestamp{})
            .actions;
    };
    const auto actions = planned({"*.dump"});
    ASSERT_EQ(actions.size(), 1U);
    EXPECT_EQ(actions.front().kind, ActionKind::create);
    EXPECT_EQ(actions.front().path, "new.log");
    EXPECT_NE(planned({}).front().kind, ActionKind::create) << "otherwise it would be";
}

} // namespace
} // namespace logbackup
