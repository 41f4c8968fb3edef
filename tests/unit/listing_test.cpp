// SPDX-License-Identifier: MIT
#include "view/listing.hpp"

#include "support.hpp"
#include "util/files.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include <algorithm>
#include <filesystem>
#include <map>

namespace logbackup {
namespace {

using test::Stop;
using test::TempDir;

Tree tree_of(const std::string& path, SourceKind kind = SourceKind::merged) {
    Tree tree;
    tree.directory = "svc/pod";
    tree.kind = kind;
    tree.held = test::open_path(path);
    return tree;
}

Listing list(const Tree& tree, const ListingLimits& limits = {}) {
    Stop stop;
    return list_tree(tree, limits, stop.get());
}

std::vector<std::string> paths(const Listing& listing) {
    std::vector<std::string> result;
    for (const auto& entry : listing.entries)
        result.push_back(entry.path);
    return result;
}

const Entry* find(const Listing& listing, const std::string& path) {
    const auto found = std::find_if(listing.entries.begin(), listing.entries.end(),
                                    [&](const Entry& entry) { return entry.path == path; });
    return found == listing.entries.end() ? nullptr : &*found;
}

using Names = std::vector<std::string>;

// A container made a file since, with the name of one that is held: the next run takes it.
TEST(ListTree, TakesAHeldFileForThatOfItsName) {
    const TempDir dir;
    dir.write("log/app.log", "what came since");
    dir.write("log/one/below.log", "what came since");
    dir.write("log/two.log", "x");
    Tree tree = tree_of(dir.at("log"));
    for (const auto* name : {"app.log", "one"})
        tree.files.emplace(name, UniqueFd(::open(dir.write(std::string("held/") + name, "held").c_str(),
                                                 O_RDONLY | O_CLOEXEC)));
    const Listing listing = list(tree);
    EXPECT_EQ(paths(listing), (Names{"two.log", "app.log", "one"}));
    EXPECT_EQ(find(listing, "app.log")->size, 4U);
    EXPECT_EQ(find(listing, "one")->size, 4U);
}

TEST(ListTree, FollowsALinkWhereItStandsAndAsksOnce) {
    const TempDir dir;
    dir.write("log/a.log", "x");
    dir.write("log/z.log", "x");
    dir.write("elsewhere/day/b.log", "xyz");
    std::filesystem::create_symlink("/elsewhere", dir.at("log/link"));
    std::filesystem::create_symlink("/elsewhere/day/b.log", dir.at("log/link.log"));
    std::filesystem::create_symlink("/nowhere", dir.at("log/dead"));
    Tree tree = tree_of(dir.at("log"));
    Stop stop;
    Names asked;
    const auto follow = [&](const Entry& link) {
        asked.push_back(link.path);
        if (link.target == "/nowhere")
            return false;
        tree.mounted.emplace_back(link.path, test::open_path(dir.path() + link.target));
        return true;
    };
    for (int again = 0; again < 2; ++again) {
        const auto listing = list_tree(tree, {}, stop.get(), follow);
        EXPECT_EQ(paths(listing),
                  (Names{"a.log", "dead", "link", "link.log", "z.log", "link/day", "link/day/b.log"}));
        EXPECT_EQ(find(listing, "link.log")->type, FileType::regular);
        EXPECT_EQ(find(listing, "link.log")->size, 3U);
        EXPECT_EQ(find(listing, "link")->type, FileType::directory);
        EXPECT_EQ(find(listing, "dead")->target, "/nowhere");
        EXPECT_EQ(asked, again == 0 ? (Names{"dead", "link", "link.log"})
                                    : (Names{"dead", "link", "link.log", "dead"}));
    }
}

TEST(ListTree, OmitsWhatWasSetAsideLongAgo) {
    const TempDir dir;
    for (const auto* name : {"app.log", "app.log~20260101T000001Z", "app.log~20260101T000002Z",
                             "app.log~20260101T000002Z.1", "app.log~20260101T000003Z", "app.log~old",
                             "b.log~20250101T000000Z", "sub/app.log~20260101T000001Z"})
        dir.write(name, "x");
    const Tree tree = tree_of(dir.path());
    EXPECT_EQ(list(tree).entries.size(), 9U);
    ListingLimits limits;
    limits.asides = 2;
    const auto listing = list(tree, limits);
    EXPECT_EQ(paths(listing),
              (Names{"app.log", "app.log~20260101T000002Z.1", "app.log~20260101T000003Z", "app.log~old",
                     "b.log~20250101T000000Z", "sub", "sub/app.log~20260101T000001Z"}));
    EXPECT_TRUE(listing.complete);
    EXPECT_TRUE(listing.problems.empty());
}

TEST(ListTree, TellsTheTypesOfFiles) {
    const TempDir dir;
    dir.write("file", "12345");
    dir.make_directory("directory");
    dir.link("link", "file");
    dir.link("dangling", "no/where");
    dir.fifo("fifo");
    const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    dir.at("socket").copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    const auto listing = list(tree_of(dir.path()));
    EXPECT_TRUE(listing.problems.empty());
    const std::map<std::string, FileType> expected{
        {"file", FileType::regular},  {"directory", FileType::directory}, {"link", FileType::link},
        {"dangling", FileType::link}, {"fifo", FileType::fifo},           {"socket", FileType::socket}};
    ASSERT_EQ(listing.entries.size(), expected.size());
    for (const auto& entry : listing.entries)
        EXPECT_EQ(entry.type, expected.at(entry.path)) << entry.path;
    EXPECT_EQ(find(listing, "file")->size, 5U);
    EXPECT_EQ(find(listing, "link")->target, "file");
    EXPECT_EQ(find(listing, "dangling")->target, "no/where");
    EXPECT_EQ(find(listing, "directory")->size, 0U);
}

TEST(ListTree, ReadsTimesToTheNanosecond) {
    const TempDir dir;
    dir.write("file", "x");
    const std::array<timespec, 2> times{timespec{1, 0}, timespec{1'700'000'000, 123'456'789}};
    ASSERT_EQ(::utimensat(AT_FDCWD, dir.at("file").c_str(), times.data(), 0), 0);
    EXPECT_EQ(list(tree_of(dir.path())).entries.at(0).mtime, 1'700'000'000'123'456'789);
}

TEST(ListTree, ShowsHoles) {
    const TempDir dir;
    dir.write("sparse", "");
    ASSERT_EQ(::truncate(dir.at("sparse").c_str(), 10 << 20), 0);
    dir.write("full", std::string(100'000, 'x'));
    const auto listing = list(tree_of(dir.path()));
    EXPECT_EQ(find(listing, "sparse")->size, 10U << 20U);
    EXPECT_LT(find(listing, "sparse")->allocated, 10U << 20U);
}

TEST(ListTree, ListsADirectoryBeforeItsContent) {
    const TempDir dir;
    dir.write("b/c/file", "");
    dir.write("b/a", "");
    dir.write("z", "");
    dir.write("a", "");
    const auto listing = list(tree_of(dir.path()));
    EXPECT_EQ(paths(listing), (Names{"a", "b", "z", "b/a", "b/c", "b/c/file"}));
}

TEST(ListTree, ListsAnEmptyDirectory) {
    const TempDir dir;
    const auto listing = list(tree_of(dir.path()));
    EXPECT_TRUE(listing.entries.empty());
    EXPECT_TRUE(listing.problems.empty());
}

TEST(ListTree, KeepsNamesAsBytes) {
    const TempDir dir;
    const std::string name = "\xff\n\x1b[31m ' ~";
    dir.write(name, "x");
    EXPECT_EQ(paths(list(tree_of(dir.path()))), Names{name});
}

TEST(ListTree, NeverFollowsLinks) {
    const TempDir dir;
    dir.write("outside/secret", "x");
    dir.make_directory("in");
    dir.link("in/up", "..");
    dir.link("in/out", dir.at("outside"));
    dir.link("in/self", ".");
    EXPECT_EQ(paths(list(tree_of(dir.at("in")))), (Names{"out", "self", "up"}));
}

TEST(ListTree, ReportsMoreEntriesThanTheLimitOnce) {
    const TempDir dir;
    for (int i = 0; i < 10; ++i)
        dir.write("d" + std::to_string(i) + "/file", "");
    ListingLimits limits;
    limits.entries = 12;
    const auto listing = list(tree_of(dir.path()), limits);
    EXPECT_EQ(listing.entries.size(), 12U);
    ASSERT_EQ(listing.problems.size(), 1U);
    EXPECT_NE(listing.problems[0].reason.find("12"), std::string::npos);
    EXPECT_EQ(listing.problems[0].limit, Limit::files);
    limits.entries = 20;
    EXPECT_TRUE(list(tree_of(dir.path()), limits).problems.empty());
}

TEST(ListTree, ReadsNoMoreNamesThanTheLimit) {
    const TempDir dir;
    for (int i = 0; i < 10; ++i)
        dir.write(std::to_string(i), "");
    EXPECT_EQ(names_in(dir.fd(), "", 4)->size(), 4U);
    EXPECT_EQ(names_in(dir.fd(), "", 0)->size(), 0U);
    EXPECT_EQ(names_in(dir.fd(), "", 10)->size(), 10U);
}

TEST(ListTree, TellsWhetherSomethingIsLeftOut) {
    const TempDir dir;
    dir.write("a/b/file", "");
    EXPECT_TRUE(list(tree_of(dir.path())).complete);
    EXPECT_FALSE(list(tree_of(dir.path()), {2, 100}).complete);
    EXPECT_TRUE(list(tree_of(dir.path()), {3, 100}).complete);
    EXPECT_FALSE(list(tree_of(dir.path()), {100, 1}).complete);
    EXPECT_FALSE(list(tree_of(dir.path()), {100, 100, 5}).complete);
}

TEST(ListTree, TellsEachReasonOnce) {
    const TempDir dir;
    for (int i = 0; i < 5; ++i)
        dir.write("a/" + std::to_string(i) + "/file", "");
    const auto listing = list(tree_of(dir.path()), {100, 1});
    ASSERT_EQ(listing.problems.size(), 1U);
    EXPECT_TRUE(listing.problems[0].reason.ends_with("; 4 others like it")) << listing.problems[0].reason;
}

TEST(ListTree, ReportsTooManyLevels) {
    const TempDir dir;
    dir.write("a/b/c/d/file", "");
    dir.write("z/file", "");
    ListingLimits limits;
    limits.depth = 2;
    const auto listing = list(tree_of(dir.path()), limits);
    EXPECT_EQ(paths(listing), (Names{"a", "z", "a/b", "a/b/c", "z/file"}));
    ASSERT_EQ(listing.problems.size(), 1U);
    EXPECT_EQ(listing.problems[0].path, "a/b/c");
    EXPECT_EQ(listing.problems[0].limit, Limit::depth);
}

TEST(ListTree, ReportsPathsThatAreTooLong) {
    const TempDir dir;
    dir.write("directory/" + std::string(20, 'x'), "");
    dir.write("directory/y", "");
    ListingLimits limits;
    limits.path = 20;
    const auto listing = list(tree_of(dir.path()), limits);
    EXPECT_EQ(paths(listing), (Names{"directory", "directory/y"}));
    ASSERT_EQ(listing.problems.size(), 1U);
    EXPECT_TRUE(listing.problems[0].path.starts_with("directory/x"));
    EXPECT_EQ(listing.problems[0].limit, Limit::path);
}

TEST(ListTree, BoundsTheBytesOfAllPathsTogether) {
    const TempDir dir;
    for (int i = 0; i < 10; ++i)
        dir.write("d" + std::to_string(i) + "/file", ""); // 2 bytes and 7
    const auto limits = [](std::size_t bytes) { return ListingLimits{100, 100, 3500, bytes}; };
    auto listing = list(tree_of(dir.path()), limits(90));
    EXPECT_TRUE(listing.problems.empty());
    EXPECT_FALSE(listing.full);
    listing = list(tree_of(dir.path()), limits(89));
    EXPECT_EQ(listing.entries.size(), 19U);
    EXPECT_TRUE(listing.full && !listing.complete);
    ASSERT_EQ(listing.problems.size(), 1U);
    EXPECT_NE(listing.problems[0].reason.find("more than 89 B together"), std::string::npos);
    EXPECT_TRUE(list(tree_of(dir.path()), limits(0)).entries.empty());
    EXPECT_EQ(ListingLimits::of(10, 3).paths, ListingLimits().paths);
    EXPECT_EQ(ListingLimits::of(1'000'000, 3).paths, 160'000'000U);
}

TEST(ListTree, CountsAlsoWhatItLeavesOut) {
    const TempDir dir;
    for (int i = 0; i < 20; ++i)
        dir.write("a/long" + std::to_string(i), "");
    dir.write("b", "");
    const auto listing = list(tree_of(dir.path()), {10, 100, 5});
    EXPECT_EQ(paths(listing), (Names{"a", "b"}));
    EXPECT_TRUE(listing.full);
    ASSERT_EQ(listing.problems.size(), 2U);
    EXPECT_TRUE(listing.problems[1].reason.ends_with("; 7 others like it")) << listing.problems[1].reason;
}

TEST(ListTree, SurvivesAPathLongerThanTheKernelTakes) {
    const TempDir dir;
    const std::string name(250, 'n');
    UniqueFd deepest = test::open_path(dir.path());
    for (int i = 0; i < 20; ++i)
        deepest = make_directories(deepest.get(), name, 0700, static_cast<gid_t>(-1));
    ASSERT_TRUE(deepest);
    const auto listing = list(tree_of(dir.path()));
    EXPECT_EQ(listing.entries.size(), 13U); // 13 * 251 - 1 <= 3500
    EXPECT_EQ(listing.problems.size(), 1U);
}

TEST(ListTree, ReportsADirectoryThatCannotBeRead) {
    if (!test::is_root())
        GTEST_SKIP() << "needs root, to give up its rights in a child";
    const TempDir dir;
    dir.write("closed/file", "");
    dir.write("open/file", "");
    ::chmod(dir.at("closed").c_str(), 0);
    ::chmod(dir.path().c_str(), 0755);
    EXPECT_EQ(test::in_child([&] {
                  if (::setgid(65534) != 0 || ::setuid(65534) != 0)
                      return 2;
                  const auto listing = list(tree_of(dir.path()));
                  return paths(listing) == Names{"closed", "open", "open/file"} &&
                                 listing.problems.size() == 1 && listing.problems[0].path == "closed" &&
                                 !listing.problems[0].limit
                             ? 0
                             : 1;
              }),
              0);
    ::chmod(dir.at("closed").c_str(), 0700);
}

TEST(ListTree, ReportsALogDirectoryThatCannotBeRead) {
    const TempDir dir;
    Tree tree = tree_of(dir.write("file", ""));
    const auto listing = list(tree);
    EXPECT_TRUE(listing.entries.empty());
    ASSERT_EQ(listing.problems.size(), 1U);
    EXPECT_EQ(listing.problems[0].path, "");
}

TEST(ListTree, ListsADirectoryThatIsGone) {
    const TempDir dir;
    const Tree tree = tree_of(dir.make_directory("gone"));
    std::filesystem::remove(dir.at("gone"));
    const auto listing = list(tree);
    EXPECT_TRUE(listing.entries.empty());
}

TEST(ListTree, EndsEarlyWhenItIsStopped) {
    const TempDir dir;
    dir.write("directory/file", "");
    Stop stop(std::chrono::milliseconds(0));
    EXPECT_TRUE(list_tree(tree_of(dir.path()), {}, stop.get()).entries.empty());
}

TEST(ListTree, LeavesOutWhatIsSavedElsewhere) {
    const TempDir dir;
    dir.write("app.log", "x");
    dir.write("archive/old.log", "x");
    dir.write("archived/old.log", "x");
    dir.write("sub/archive/old.log", "x");
    Tree tree = tree_of(dir.path());
    tree.left_out = {"archive"};
    const auto listing = list(tree);
    EXPECT_EQ(paths(listing), (Names{"app.log", "archived", "sub", "archived/old.log", "sub/archive",
                                     "sub/archive/old.log"}));
    EXPECT_TRUE(listing.complete);
    EXPECT_EQ(listing.excluded, 0U);
}

TEST(ListTree, ShowsWhatIsMountedInstead) {
    const TempDir dir;
    dir.write("logs/app.log", "x");
    dir.write("logs/vol/stale", "x");
    dir.write("logs/single.log", "stale");
    dir.write("volume/v.log", "volume");
    dir.write("volume/inner/stale", "");
    dir.write("inner/i.log", "");
    dir.write("file", "mounted");
    Tree tree = tree_of(dir.at("logs"));
    tree.mounted.emplace_back("vol", test::open_path(dir.at("volume")));
    tree.mounted.emplace_back("vol/inner", test::open_path(dir.at("inner")));
    tree.mounted.emplace_back("single.log", test::open_path(dir.at("file")));
    const auto listing = list(tree);
    EXPECT_TRUE(listing.problems.empty());
    EXPECT_EQ(paths(listing),
              (Names{"app.log", "single.log", "vol", "vol/inner", "vol/v.log", "vol/inner/i.log"}));
    EXPECT_EQ(find(listing, "single.log")->size, 7U);
}

TEST(ListTree, ShowsWhatIsMountedWhereTheLayerHasNoMountPoint) {
    // A bare upper layer need not have the directory, which can be the image's.
    const TempDir dir;
    dir.write("logs/app.log", "x");
    dir.write("volume/v.log", "volume");
    Tree tree = tree_of(dir.at("logs"), SourceKind::upper);
    tree.mounted.emplace_back("vol", test::open_path(dir.at("volume")));
    const auto listing = list(tree);
    EXPECT_TRUE(find(listing, "vol/v.log") != nullptr || !listing.problems.empty())
        << "the volume is neither listed nor reported";
}

TEST(ListTree, HidesWhiteoutsOfABareLayerOnly) {
    const TempDir dir;
    dir.write("app.log", "x");
    if (::mknod(dir.at("deleted.log").c_str(), S_IFCHR | 0600, makedev(0, 0)) != 0)
        GTEST_SKIP() << "this process may not make a character device 0,0";
    EXPECT_EQ(paths(list(tree_of(dir.path(), SourceKind::upper))), Names{"app.log"});
    for (const auto kind :
         {SourceKind::merged, SourceKind::layers, SourceKind::volume, SourceKind::process}) {
        const auto listing = list(tree_of(dir.path(), kind));
        EXPECT_EQ(paths(listing), (Names{"app.log", "deleted.log"}));
        EXPECT_EQ(find(listing, "deleted.log")->type, FileType::device);
    }
}

Entry wanted(const std::string& path) {
    Entry entry;
    entry.path = path;
    return entry;
}

TEST(ListCounterparts, FindsWhatStandsUnderTheSamePath) {
    const TempDir dir;
    dir.write("app.log", "12345");
    dir.write("sub/a.log", "1");
    dir.write("sub/unrelated", "1");
    dir.write("other", "1");
    dir.link("link", "app.log");
    Listing source;
    for (const std::string path : {"app.log", "link", "missing", "sub", "sub/a.log", "sub/missing", "gone/x"})
        source.entries.push_back(wanted(path));
    const auto found = list_counterparts(dir.fd(), source);
    EXPECT_EQ(paths(found), (Names{"app.log", "link", "sub", "sub/a.log"}));
    EXPECT_EQ(find(found, "app.log")->size, 5U);
    EXPECT_EQ(find(found, "link")->target, "app.log");
    EXPECT_EQ(find(found, "sub")->type, FileType::directory);
}

TEST(ListCounterparts, HasNothingWithoutADirectory) {
    Listing source;
    source.entries.push_back(wanted("app.log"));
    EXPECT_TRUE(list_counterparts(-1, source).entries.empty());
}

TEST(ListCounterparts, DoesNotFollowLinksInTheBackup) {
    const TempDir dir;
    dir.write("outside/a.log", "secret");
    dir.write("instance/sub/b.log", "b");
    dir.link("instance/link", "../outside");
    dir.link("instance/sub/up", "..");
    const auto instance = test::open_path(dir.at("instance"));
    Listing source;
    for (const std::string path : {"link", "link/a.log", "sub/up", "sub/up/sub", "sub/b.log"})
        source.entries.push_back(wanted(path));
    const auto found = list_counterparts(instance.get(), source);
    EXPECT_EQ(paths(found), (Names{"link", "sub/up", "sub/b.log"}));
    EXPECT_EQ(find(found, "link")->type, FileType::link);
}

} // namespace
} // namespace logbackup
