// SPDX-License-Identifier: MIT
#include "plan/plan.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <set>

namespace logbackup {
namespace {

using Files = std::map<std::string, std::string>;
using std::chrono::seconds;

const Timestamp now{seconds(1795359312)};
constexpr const char* stamp = "~20261122T145512Z";
constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t old_time = 1'700'000'000 * second + 5;
constexpr std::int64_t new_time = old_time + 77;

/// Source and backup as maps from path to content, and what was compared of them.
struct Scene {
    Files source;
    Files backup;
    std::map<std::string, int> errors; ///< by path, of comparisons
    Files on_disk;                     ///< what the disk has of saved files whose writes failed
    Listing source_listing;
    Listing backup_listing;
    std::uint64_t compared = 0;

    Entry& in_source(const std::string& path, const std::string& content, std::int64_t mtime = new_time) {
        source[path] = content;
        return add(source_listing, path, content, mtime);
    }
    Entry& in_backup(const std::string& path, const std::string& content, std::int64_t mtime = old_time) {
        backup[path] = content;
        return add(backup_listing, path, content, mtime);
    }
    static Entry& add(Listing& listing, const std::string& path, const std::string& content,
                      std::int64_t mtime) {
        Entry entry;
        entry.path = path;
        entry.size = content.size();
        entry.allocated = content.size();
        entry.mtime = mtime;
        return listing.entries.emplace_back(entry);
    }
    DirectoryPlan run() {
        Content content;
        content.compare = [this](const std::string& path, const std::string& other, std::uint64_t offset,
                                 std::uint64_t length) {
            if (const auto error = errors.find(path); error != errors.end())
                return Comparison{false, error->second};
            compared += length;
            const std::string& ours = backup.at(other);
            const std::string& theirs = source.at(path);
            EXPECT_LE(offset + length, ours.size()) << path;
            EXPECT_LE(offset + length, theirs.size()) << path;
            return Comparison{ours.compare(offset, length, theirs, offset, length) == 0, 0};
        };
        content.next_data = [this](const std::string& path, std::uint64_t offset) {
            const auto found = source.at(path).find_first_not_of('\0', offset);
            return found == std::string::npos ? source.at(path).size() : found;
        };
        content.all_saved = [this] { return backup_listing; };
        content.drop_cache = [this](const std::string& path) {
            if (const auto found = on_disk.find(path); found != on_disk.end())
                backup[path] = found->second;
        };
        return plan(source_listing, backup_listing, content, now);
    }
};

Action create(const std::string& path, std::uint64_t to, std::int64_t mtime = new_time) {
    return {ActionKind::create, path, {}, 0, 0, to, mtime};
}
Action append(const std::string& path, std::uint64_t from, std::uint64_t to) {
    return {ActionKind::append, path, {}, from, from, to, new_time};
}
Action set_aside(const std::string& path) {
    return {ActionKind::set_aside, path, path + stamp, 0, 0, 0, 0};
}
Action make_link(const std::string& path, const std::string& target) {
    return {ActionKind::link, path, target, 0, 0, 0, 0};
}

using Actions = std::vector<Action>;

TEST(Plan, DoesNothingForNothing) {
    Scene scene;
    const auto plan = scene.run();
    EXPECT_TRUE(plan.actions.empty() && plan.failures.empty() && plan.skipped.empty());
    EXPECT_EQ(plan.files, 0U);
}

TEST(Plan, CreatesWhatIsAbsent) {
    Scene scene;
    scene.in_source("app.log", "abc");
    scene.in_source("empty.log", "");
    const auto plan = scene.run();
    EXPECT_EQ(plan.actions, (Actions{create("app.log", 3), create("empty.log", 0)}));
    EXPECT_EQ(plan.actions[0].bytes(), 3U);
    EXPECT_EQ(plan.files, 2U);
}

TEST(Plan, DoesNothingForTheSameSizeAndTime) {
    Scene scene;
    scene.in_source("app.log", "abc", old_time);
    scene.in_backup("app.log", "abc");
    EXPECT_TRUE(scene.run().actions.empty());
    EXPECT_EQ(scene.compared, 0U);
}

TEST(Plan, ReadsFromTheDiskWhatDoesNotHaveTheTimeOfItsSource) {
    Scene scene;
    scene.in_source("lost.log", "abc");
    scene.in_backup("lost.log", "abc");
    scene.in_source("kept.log", "abc", old_time);
    scene.in_backup("kept.log", "abc");
    scene.on_disk = {{"lost.log", std::string("a\0\0", 3)}, {"kept.log", ""}};
    EXPECT_EQ(scene.run().actions, (Actions{set_aside("lost.log"), create("lost.log", 3)}));
}

TEST(Plan, AppendsToAPrefix) {
    Scene scene;
    scene.in_source("app.log", "abcdef");
    scene.in_backup("app.log", "abc");
    EXPECT_EQ(scene.run().actions, Actions{append("app.log", 3, 6)});
}

TEST(Plan, AppendsToAnEmptyFileWithoutComparing) {
    Scene scene;
    scene.in_source("app.log", "abcdef");
    scene.in_backup("app.log", "");
    EXPECT_EQ(scene.run().actions, Actions{append("app.log", 0, 6)});
    EXPECT_EQ(scene.compared, 0U);
}

TEST(Plan, AppendsAlsoWhenTheTimeIsTheSame) {
    Scene scene;
    scene.in_source("app.log", "abcdef", old_time);
    scene.in_backup("app.log", "abc");
    ASSERT_EQ(scene.run().actions.size(), 1U);
    EXPECT_EQ(scene.run().actions[0].kind, ActionKind::append);
}

TEST(Plan, SetsAsideWhatIsNoPrefix) {
    Scene scene;
    scene.in_source("app.log", "xbcdef");
    scene.in_backup("app.log", "abc");
    EXPECT_EQ(scene.run().actions, (Actions{set_aside("app.log"), create("app.log", 6)}));
}

TEST(Plan, GivesNamesThatBeginAlikeDifferentNamesAside) {
    Scene scene;
    for (int i = 0; i < 200; ++i) {
        const std::string name = std::string(231, 'a') + std::to_string(i);
        scene.in_source(name, "x" + std::to_string(i));
        scene.in_backup(name, "abc" + std::to_string(i));
    }
    scene.in_source(std::string(231, 'a') + stamp, "as if it had been set aside");
    std::set<std::string> names;
    for (const auto& action : scene.run().actions)
        if (action.kind == ActionKind::set_aside) {
            EXPECT_TRUE(names.insert(action.new_path).second) << action.new_path;
            EXPECT_FALSE(scene.source.contains(action.new_path));
            EXPECT_LE(action.new_path.size(), 255U);
        }
    EXPECT_EQ(names.size(), 200U);
}

TEST(Plan, SetsAsideWhenTheSourceIsShorter) {
    Scene scene;
    scene.in_source("prefix.log", "ab");
    scene.in_backup("prefix.log", "abc");
    scene.in_source("empty.log", "", old_time);
    scene.in_backup("empty.log", "abc");
    EXPECT_EQ(scene.run().actions, (Actions{set_aside("prefix.log"), set_aside("empty.log"),
                                            create("prefix.log", 2), create("empty.log", 0, old_time)}));
    EXPECT_EQ(scene.compared, 0U);
}

TEST(Plan, TakesOverTheTimeOfTheSameContent) {
    Scene scene;
    scene.in_source("app.log", "abc");
    scene.in_backup("app.log", "abc");
    EXPECT_EQ(scene.run().actions, (Actions{{ActionKind::retime, "app.log", {}, 0, 0, 0, new_time}}));
}

TEST(Plan, SetsAsideARewriteOfTheSameSize) {
    Scene scene;
    scene.in_source("app.log", "abX");
    scene.in_backup("app.log", "abc");
    EXPECT_EQ(scene.run().actions, (Actions{set_aside("app.log"), create("app.log", 3)}));
}

TEST(Plan, ComparesAllOfARewriteOfTheSameSize) {
    Scene scene;
    std::string content(10 * window, 'a');
    scene.in_backup("app.log", content);
    content[5 * window] = 'X'; // in neither window
    scene.in_source("app.log", content);
    EXPECT_EQ(scene.run().actions.size(), 2U);
}

TEST(Plan, TakesWholeSecondsForTheSameTimeOnlyWhereTheBackupKeepsNoFraction) {
    struct Case {
        std::int64_t source;
        std::int64_t backup;
        bool same;
    };
    constexpr std::int64_t base = 1'700'000'000 * second;
    for (const auto& [source, backup, same] :
         {Case{base, base, true}, Case{base + 999'999'999, base, true}, Case{base + 1, base, true},
          Case{base + second, base, false}, Case{base - 1, base, false}, Case{base, base + 1, false},
          Case{base + 2, base + 1, false}}) {
        Scene scene;
        scene.in_source("app.log", "abc", source);
        scene.in_backup("app.log", "abc", backup);
        EXPECT_EQ(scene.run().actions.empty(), same) << source - base << " " << backup - base;
    }
}

TEST(Plan, ComparesHeadAndTailOfALongFile) {
    const std::string saved(10 * window, 'a');
    const auto kinds_after = [&](std::size_t changed) {
        Scene scene;
        scene.in_backup("app.log", saved);
        std::string longer = saved + "more";
        longer[changed] = 'X';
        scene.in_source("app.log", longer);
        const auto plan = scene.run();
        EXPECT_LE(scene.compared, 2 * window);
        return plan.actions.size() == 1 && plan.actions[0].kind == ActionKind::append;
    };
    EXPECT_FALSE(kinds_after(0));
    EXPECT_FALSE(kinds_after(window - 1));
    EXPECT_FALSE(kinds_after(9 * window));
    EXPECT_FALSE(kinds_after(10 * window - 1));
    EXPECT_TRUE(kinds_after(10 * window)) << "what is new is not compared";
    EXPECT_TRUE(kinds_after(5 * window)) << "the price of reading two windows only";
}

TEST(Plan, ComparesAllOfAFileOfTwoWindows) {
    for (const std::size_t size :
         {std::size_t{1}, std::size_t{window}, std::size_t{window + 1}, std::size_t{2 * window}}) {
        for (const std::size_t changed : {std::size_t{0}, size / 2, size - 1}) {
            Scene scene;
            scene.in_backup("app.log", std::string(size, 'a'));
            std::string longer(size + 1, 'a');
            longer[changed] = 'X';
            scene.in_source("app.log", longer);
            EXPECT_EQ(scene.run().actions.size(), 2U) << size << " " << changed;
        }
    }
}

TEST(CompareWindows, LooksAtWhatItSays) {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
    const Content content{
        [&](const std::string&, const std::string&, std::uint64_t offset, std::uint64_t length) {
            ranges.emplace_back(offset, length);
            return Comparison{true, 0};
        },
        {}};
    using Ranges = decltype(ranges);
    const auto ranges_of = [&](std::uint64_t length) {
        ranges.clear();
        EXPECT_TRUE(compare_windows(content, "x", "x", length).same);
        return ranges;
    };
    EXPECT_EQ(ranges_of(0), Ranges{});
    EXPECT_EQ(ranges_of(1), (Ranges{{0, 1}}));
    EXPECT_EQ(ranges_of(2 * window), (Ranges{{0, 2 * window}}));
    EXPECT_EQ(ranges_of(2 * window + 1), (Ranges{{0, window}, {window + 1, window}}));
}

TEST(Plan, BeginsATransferAtTheFirstDataAfterAHole) {
    Scene scene;
    scene.in_source("new.log", std::string(5000, '\0') + "data").allocated = 512;
    scene.in_source("grown.log", "abc" + std::string(5000, '\0') + "data").allocated = 512;
    scene.in_backup("grown.log", "abc");
    scene.in_source("hole.log", std::string(5000, '\0')).allocated = 0;
    scene.in_source("full.log", std::string(5000, '\0')); // zeros on disk
    const auto actions = scene.run().actions;
    ASSERT_EQ(actions.size(), 4U);
    EXPECT_EQ(actions[0], (Action{ActionKind::create, "new.log", {}, 0, 5000, 5004, new_time}));
    EXPECT_EQ(actions[0].bytes(), 4U);
    EXPECT_EQ(actions[1], (Action{ActionKind::append, "grown.log", {}, 3, 5003, 5007, new_time}));
    EXPECT_EQ(actions[2], (Action{ActionKind::create, "hole.log", {}, 0, 5000, 5000, new_time}));
    EXPECT_EQ(actions[2].bytes(), 0U);
    EXPECT_EQ(actions[3], create("full.log", 5000));
}

TEST(Plan, DoesNotTrustTheAnswerAboutHoles) {
    // The source changes between listing and asking.
    for (const std::uint64_t answer : {std::uint64_t{0}, std::uint64_t{1'000'000}}) {
        Scene scene;
        scene.in_source("a.log", "abcdef").allocated = 0;
        scene.in_backup("a.log", "abc");
        const Content content{[](const std::string&, const std::string&, std::uint64_t, std::uint64_t) {
                                  return Comparison{true, 0};
                              },
                              [&](const std::string&, std::uint64_t) { return answer; }};
        const auto actions = plan(scene.source_listing, scene.backup_listing, content, now).actions;
        ASSERT_EQ(actions.size(), 1U);
        EXPECT_GE(actions[0].data_from, actions[0].from);
        EXPECT_LE(actions[0].data_from, actions[0].to);
    }
}

TEST(Plan, SetsAsideWhatIsOfAnotherType) {
    for (const auto type :
         {FileType::directory, FileType::link, FileType::fifo, FileType::socket, FileType::device}) {
        Scene scene;
        scene.in_source("x", "abc", old_time);
        scene.in_backup("x", "abc").type = type;
        EXPECT_EQ(scene.run().actions, (Actions{set_aside("x"), create("x", 3, old_time)}));
    }
}

TEST(Plan, SetsAsideWhatStandsWhereADirectoryIs) {
    for (const auto type : {FileType::regular, FileType::link, FileType::fifo}) {
        Scene scene;
        scene.in_source("x", "").type = FileType::directory;
        scene.in_source("x/a.log", "abc");
        scene.in_backup("x", "old").type = type;
        EXPECT_EQ(scene.run().actions, (Actions{set_aside("x"), create("x/a.log", 3)}));
    }
}

TEST(Plan, DoesNotPlanDirectories) {
    Scene scene;
    scene.in_source("x", "").type = FileType::directory;
    scene.in_source("y", "").type = FileType::directory;
    scene.in_backup("x", "").type = FileType::directory;
    const auto plan = scene.run();
    EXPECT_TRUE(plan.actions.empty());
    EXPECT_EQ(plan.files, 0U);
}

TEST(Plan, SkipsWhatHoldsNoLogAndLeavesItsBackupAlone) {
    Scene scene;
    scene.in_source("fifo", "").type = FileType::fifo;
    scene.in_source("socket", "").type = FileType::socket;
    scene.in_source("device", "").type = FileType::device;
    scene.in_backup("fifo", "abc");
    const auto plan = scene.run();
    EXPECT_TRUE(plan.actions.empty());
    EXPECT_TRUE(plan.failures.empty());
    ASSERT_EQ(plan.skipped.size(), 3U);
    EXPECT_EQ(plan.skipped[0].path, "fifo");
}

Entry& as_link(Entry& entry, const std::string& target) {
    entry.type = FileType::link;
    entry.target = target;
    return entry;
}

TEST(Plan, MakesLinksThatStayInside) {
    Scene scene;
    as_link(scene.in_source("new", ""), "app.log");
    as_link(scene.in_source("same", ""), "app.log");
    as_link(scene.in_backup("same", ""), "app.log");
    as_link(scene.in_source("other", ""), "app.log");
    as_link(scene.in_backup("other", ""), "app.log.1");
    as_link(scene.in_source("was-a-file", ""), "app.log");
    scene.in_backup("was-a-file", "content");
    EXPECT_EQ(scene.run().actions,
              (Actions{set_aside("was-a-file"), make_link("new", "app.log"), make_link("other", "app.log"),
                       make_link("was-a-file", "app.log")}));
}

TEST(Plan, SkipsLinksThatLeadOutAndEscapesThem) {
    Scene scene;
    as_link(scene.in_source("etc", ""), "/etc/\x1b[31m");
    as_link(scene.in_source("up", ""), "..");
    scene.in_backup("up", "a backup that stays");
    const auto plan = scene.run();
    EXPECT_TRUE(plan.actions.empty());
    ASSERT_EQ(plan.skipped.size(), 2U);
    EXPECT_EQ(plan.skipped[0].path, "etc");
    EXPECT_EQ(plan.skipped[0].reason.find('\x1b'), std::string::npos);
}

TEST(Plan, MakesNamesFreeFirst) {
    Scene scene;
    scene.in_source("a.log", "abc");
    scene.in_source("b.log", "x");
    scene.in_backup("b.log", "yy");
    scene.in_source("c.log", "abc");
    scene.in_source("d.log", "x");
    scene.in_backup("d.log", "yy");
    EXPECT_EQ(scene.run().actions, (Actions{set_aside("b.log"), set_aside("d.log"), create("a.log", 3),
                                            create("b.log", 1), create("c.log", 3), create("d.log", 1)}));
}

TEST(Plan, ReportsWhatCannotBeComparedAndGoesOn) {
    Scene scene;
    scene.in_source("a.log", "abcdef");
    scene.in_backup("a.log", "abc");
    scene.in_source("b.log", "abc");
    scene.in_backup("b.log", "abc");
    scene.in_source("c.log", "abcdef");
    scene.in_backup("c.log", "abc");
    scene.errors = {{"a.log", EACCES}, {"b.log", EIO}};
    const auto plan = scene.run();
    EXPECT_EQ(plan.actions, Actions{append("c.log", 3, 6)});
    ASSERT_EQ(plan.failures.size(), 2U);
    EXPECT_EQ(plan.failures[0].path, "a.log");
    EXPECT_NE(plan.failures[0].reason.find("Permission denied"), std::string::npos);
    EXPECT_EQ(plan.failures[1].path, "b.log");
    EXPECT_EQ(plan.files, 3U);
}

TEST(Plan, ReportsAnErrorAtTheTailOfALongFile) {
    const Content content{[](const std::string&, const std::string&, std::uint64_t offset, std::uint64_t) {
                              return offset == 0 ? Comparison{true, 0} : Comparison{false, EIO};
                          },
                          {}};
    EXPECT_EQ(compare_windows(content, "x", "x", 10 * window).error, EIO);
}

TEST(Plan, TakesOverTheProblemsOfTheListing) {
    Scene scene;
    scene.source_listing.problems.push_back({"closed", "cannot open"});
    scene.in_source("a.log", "abc");
    const auto plan = scene.run();
    EXPECT_EQ(plan.actions.size(), 1U);
    ASSERT_EQ(plan.failures.size(), 1U);
    EXPECT_EQ(plan.failures[0].path, "closed");
}

TEST(Plan, LeavesWhatTheSourceNoLongerHas) {
    Scene scene;
    scene.in_backup("gone.log", "abc");
    EXPECT_TRUE(scene.run().actions.empty());
}

TEST(StaysInside, KnowsWhereALinkCanLead) {
    struct Case {
        const char* path;
        const char* target;
        bool inside;
    };
    for (const auto& [path, target, inside] : {
             Case{"a", "b", true},
             Case{"a", "./b", true},
             Case{"a", "b/c", true},
             Case{"a", ".", true},
             Case{"a", "...", true},
             Case{"a", "b..", true},
             Case{"a", "", false},
             Case{"a", "/etc", false},
             Case{"a", "/", false},
             Case{"a", "..", false},
             Case{"a", "../a", false},
             Case{"a", "./..", false},
             Case{"a", "x/..", false}, // x may be a link
             Case{"a", "a/../..", false},
             Case{"d/a", "../b", true},
             Case{"d/a", "..", true},
             Case{"d/a", ".././b", true},
             Case{"d/a", "../..", false},
             Case{"d/a", "../../d/a", false},
             Case{"d/a", "../x/..", false},
             Case{"d/e/a", "../../b", true},
             Case{"d/e/a", "../../..", false},
             Case{"d/e/a", "..//..//b", true},
         })
        EXPECT_EQ(stays_inside(path, target), inside) << path << " -> " << target;
}

TEST(AsideName, AddsTheTime) {
    EXPECT_EQ(aside_name("app.log", now), std::string("app.log") + stamp);
    EXPECT_EQ(aside_name("a/b/app.log", now), std::string("a/b/app.log") + stamp);
}

TEST(AsideName, CutsANameThatWouldGetTooLong) {
    for (const std::size_t length : {230U, 231U, 232U, 238U, 239U, 250U, 255U}) {
        const std::string name(length, 'n');
        const std::string aside = aside_name("directory/" + name, now);
        ASSERT_TRUE(aside.starts_with("directory/n"));
        ASSERT_TRUE(aside.ends_with(stamp));
        EXPECT_LE(aside.size() - std::string("directory/").size() + std::string(".99999").size(), 255U);
        if (length <= 231) {
            EXPECT_EQ(aside, "directory/" + name + stamp);
        }
    }
}

} // namespace
} // namespace logbackup
