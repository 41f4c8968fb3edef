// SPDX-License-Identifier: MIT
#include "util/files.hpp"

#include "refuse_call.hpp"
#include "support.hpp"

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <algorithm>

namespace logbackup {
namespace {

using Parts = std::vector<std::string>;

TEST(Components, LeavesEmptyOnesOut) {
    EXPECT_EQ(components(""), Parts{});
    EXPECT_EQ(components("/"), Parts{});
    EXPECT_EQ(components("a"), Parts{"a"});
    EXPECT_EQ(components("/a/b/"), (Parts{"a", "b"}));
    EXPECT_EQ(components("a//b///c"), (Parts{"a", "b", "c"}));
    EXPECT_EQ(components("./a/.."), (Parts{".", "a", ".."}));
}

TEST(PartBelow, IsWhatFollowsAWholeName) {
    EXPECT_EQ(part_below("a/b/c", "a"), "b/c");
    EXPECT_EQ(part_below("/a/b", "/a/"), "b");
    EXPECT_EQ(part_below("/a//b/", "/a"), "b");
    EXPECT_EQ(part_below("/a/b", "/"), "a/b");
    EXPECT_EQ(part_below("a/b", ""), "a/b");
    for (const auto* outside : {"ab", "ab/c", "b/a", "", "/a/b"})
        EXPECT_EQ(part_below(outside, "a"), "") << outside;
    EXPECT_EQ(part_below("a", "a"), "") << "it does not lie below itself";
    EXPECT_EQ(part_below("a", "a/b"), "");
}

TEST(LiesIn, HoldsForTheDirectoryAndWhatIsBelow) {
    EXPECT_TRUE(lies_in("/a", "/a"));
    EXPECT_TRUE(lies_in("/a/", "/a"));
    EXPECT_TRUE(lies_in("/a/b", "/a"));
    EXPECT_TRUE(lies_in("/a", "/"));
    EXPECT_TRUE(lies_in("/", "/"));
    EXPECT_TRUE(lies_in("a", ""));
    EXPECT_FALSE(lies_in("/ab", "/a"));
    EXPECT_FALSE(lies_in("/", "/a"));
    EXPECT_FALSE(lies_in("", "a"));
}

TEST(Normalized, HasNoEmptyComponents) {
    EXPECT_EQ(normalized("/a//b/"), "a/b");
    EXPECT_EQ(normalized("/"), "");
}

TEST(ParentPath, IsWhatStandsBeforeTheLastSlash) {
    EXPECT_EQ(parent_path("a/b/c"), "a/b");
    EXPECT_EQ(parent_path("a/b"), "a");
    EXPECT_EQ(parent_path("a"), "");
    EXPECT_EQ(parent_path(""), "");
}

TEST(BaseName, IsWhatStandsAfterTheLastSlash) {
    EXPECT_EQ(base_name("a/b/c"), "c");
    EXPECT_EQ(base_name("c"), "c");
    EXPECT_EQ(base_name(""), "");
}

TEST(Joined, PutsASlashBetweenTwoParts) {
    EXPECT_EQ(joined("a", "b"), "a/b");
    EXPECT_EQ(joined("", "b"), "b");
    EXPECT_EQ(joined("a", ""), "a");
    EXPECT_EQ(joined("", ""), "");
    for (const std::string path : {"a/b/c", "a", "a/b"})
        EXPECT_EQ(joined(parent_path(path), base_name(path)), path);
}

TEST(OpenDirectory, OpensDirectoriesBelow) {
    const test::TempDir dir;
    dir.write("a/b/file", "x");
    EXPECT_TRUE(open_directory(dir.fd(), ""));
    EXPECT_TRUE(open_directory(dir.fd(), "a"));
    const auto b = open_directory(dir.fd(), "a/b");
    ASSERT_TRUE(b);
    EXPECT_TRUE(status_at(b.get(), "file"));
    EXPECT_NE(::fcntl(b.get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(OpenDirectory, FailsWithTheReason) {
    const test::TempDir dir;
    dir.write("a/file", "x");
    errno = 0;
    EXPECT_FALSE(open_directory(dir.fd(), "missing"));
    EXPECT_EQ(errno, ENOENT);
    EXPECT_FALSE(open_directory(dir.fd(), "a/file"));
    EXPECT_EQ(errno, ENOTDIR);
    EXPECT_FALSE(open_directory(-1, "a"));
    EXPECT_EQ(errno, EBADF);
}

TEST(OpenDirectory, RefusesLinksAtEachLevel) {
    const test::TempDir dir;
    dir.make_directory("real/b/c");
    dir.link("first", "real");
    dir.link("real/middle", "b");
    dir.link("real/b/last", "c");
    dir.link("outside", "/");
    for (const std::string path :
         {"first", "first/b/c", "real/middle", "real/middle/c", "real/b/last", "outside/tmp"}) {
        errno = 0;
        EXPECT_FALSE(open_directory(dir.fd(), path)) << path;
        EXPECT_TRUE(errno == ELOOP || errno == ENOTDIR) << path << ": " << errno;
    }
    EXPECT_TRUE(open_directory(dir.fd(), "real/b/c"));
}

TEST(OpenRegular, ReadsAFile) {
    const test::TempDir dir;
    dir.write("a/b/file", "content");
    dir.write("file", "other");
    for (const auto& [path, expected] : {std::pair{"a/b/file", "content"}, std::pair{"file", "other"}}) {
        const auto file = open_regular(dir.fd(), path);
        ASSERT_TRUE(file);
        std::array<char, 16> buffer{};
        const auto got = ::read(file.get(), buffer.data(), buffer.size());
        EXPECT_EQ(std::string(buffer.data(), static_cast<std::size_t>(got)), expected);
        EXPECT_LT(::write(file.get(), "x", 1), 0);
    }
}

TEST(OpenRegular, RefusesLinksAtEachLevel) {
    const test::TempDir dir;
    dir.write("real/b/file", "x");
    dir.link("first", "real");
    dir.link("real/middle", "b");
    dir.link("real/b/last", "file");
    for (const std::string path : {"first/b/file", "real/middle/file", "real/b/last"}) {
        EXPECT_FALSE(open_regular(dir.fd(), path)) << path;
        EXPECT_FALSE(locate_regular(dir.fd(), path)) << path;
        EXPECT_FALSE(open_for_update(dir.fd(), path)) << path;
    }
}

TEST(OpenRegular, NeverBlocksOnWhatIsNoRegularFile) {
    const test::TempDir dir;
    dir.fifo("fifo");
    dir.make_directory("directory");
    const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    dir.at("socket").copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    for (const std::string name : {"fifo", "directory", "socket"}) {
        for (auto* open : {open_regular, locate_regular, open_for_update}) {
            errno = 0;
            EXPECT_FALSE(open(dir.fd(), name)) << name;
            EXPECT_EQ(errno, ENXIO) << name;
        }
    }
    errno = 0;
    EXPECT_FALSE(open_regular(dir.fd(), "missing"));
    EXPECT_EQ(errno, ENOENT);
    EXPECT_FALSE(open_regular(dir.fd(), "missing/file"));
    EXPECT_EQ(errno, ENOENT);
}

TEST(OpenForUpdate, WritesToAnExistingFileOnly) {
    const test::TempDir dir;
    dir.write("file", "abc");
    const auto file = open_for_update(dir.fd(), "file");
    ASSERT_TRUE(file);
    EXPECT_EQ(::pwrite(file.get(), "X", 1, 1), 1);
    EXPECT_EQ(dir.read("file"), "aXc");
    EXPECT_FALSE(open_for_update(dir.fd(), "missing"));
    EXPECT_FALSE(dir.has("missing"));
}

/// 0, or the number of what went wrong.
int rename_everything(const test::TempDir& dir) {
    const auto is = [&](bool renamed, int error, const std::string& from, const std::string& to) {
        errno = 0;
        return rename_to_new(dir.fd(), from, dir.fd(), to) == renamed && (renamed || errno == error);
    };
    if (!is(true, 0, "file", "sub/new") || dir.read("sub/new") != "abc" || dir.has("file"))
        return 1;
    if (!is(true, 0, "directory", "sub/moved") || dir.read("sub/moved/in") != "in" || dir.has("directory"))
        return 2;
    if (!is(false, EEXIST, "sub/new", "other") || dir.read("other") != "def" || dir.read("sub/new") != "abc")
        return 3;
    if (!is(false, EEXIST, "sub/moved", "empty") || !dir.has("sub/moved/in"))
        return 4;
    if (!is(false, EEXIST, "other", "dangling") || !dir.has("other"))
        return 5;
    if (!is(false, ENOENT, "missing", "nothing") || !is(false, ENOENT, "other", "nowhere/other"))
        return 6;
    return is(true, 0, "link", "sub/link") && dir.has("sub/link") ? 0 : 7;
}

void make_things_to_rename(const test::TempDir& dir) {
    dir.write("file", "abc");
    dir.write("other", "def");
    dir.write("directory/in", "in");
    dir.make_directory("sub");
    dir.make_directory("empty");
    dir.link("dangling", "nowhere");
    dir.link("link", "other");
}

TEST(RenameToNew, NeverReplacesAnything) {
    const test::TempDir dir;
    make_things_to_rename(dir);
    EXPECT_EQ(rename_everything(dir), 0);
}

TEST(RenameToNew, DoesTheSameWhereTheFileSystemOrTheKernelCannot) {
    for (const int error : {EINVAL, ENOSYS, EOPNOTSUPP}) {
        const test::TempDir dir;
        make_things_to_rename(dir);
        EXPECT_EQ(test::in_child(
                      [&] { return test::refuse_call(SYS_renameat2, error) ? rename_everything(dir) : 99; }),
                  0)
            << error;
    }
}

TEST(RenameToNew, LeavesOneNameOfAFileWhereLinksCannotBeMade) {
    const test::TempDir dir;
    dir.write("file", "abc");
    EXPECT_EQ(test::in_child([&] {
                  return test::refuse_call(SYS_renameat2, EINVAL) && test::refuse_call(SYS_linkat, EPERM) &&
                                 rename_to_new(dir.fd(), "file", dir.fd(), "new")
                             ? 0
                             : 1;
              }),
              0);
    EXPECT_EQ(status_at(dir.fd(), "new")->st_nlink, 1U);
    EXPECT_FALSE(dir.has("file"));
}

TEST(RenameToNew, OtherErrorsAreNoReasonToTryAgain) {
    const test::TempDir dir;
    dir.write("file", "abc");
    EXPECT_EQ(test::in_child([&] {
                  return test::refuse_call(SYS_renameat2, EACCES) &&
                                 !rename_to_new(dir.fd(), "file", dir.fd(), "new") && errno == EACCES
                             ? 0
                             : 1;
              }),
              0);
    EXPECT_TRUE(dir.has("file"));
}

TEST(StatusAt, DoesNotFollowLinks) {
    const test::TempDir dir;
    dir.write("real/file", "abc");
    dir.link("link", "real/file");
    dir.link("directory", "real");
    EXPECT_EQ(status_at(dir.fd(), "real/file")->st_size, 3);
    EXPECT_TRUE(S_ISLNK(status_at(dir.fd(), "link")->st_mode));
    EXPECT_FALSE(status_at(dir.fd(), "directory/file"));
    EXPECT_FALSE(status_at(dir.fd(), "missing"));
    EXPECT_FALSE(status_at(dir.fd(), "missing/file"));
}

TEST(MakeDirectories, MakesWhatIsMissingWithItsMode) {
    const test::TempDir dir;
    dir.make_directory("a");
    ASSERT_EQ(::chmod(dir.at("a").c_str(), 0711), 0);
    const mode_t before = ::umask(0);
    const auto made = make_directories(dir.fd(), "a/b/c", 0750, static_cast<gid_t>(-1));
    ::umask(before);
    ASSERT_TRUE(made);
    EXPECT_EQ(status_at(dir.fd(), "a")->st_mode & 07777U, 0711U) << "an existing one is left alone";
    EXPECT_EQ(status_at(dir.fd(), "a/b")->st_mode & 07777U, 0750U);
    EXPECT_EQ(status_at(dir.fd(), "a/b/c")->st_mode & 07777U, 0750U);
    EXPECT_EQ(status_of(made.get())->st_ino, status_at(dir.fd(), "a/b/c")->st_ino);
    EXPECT_TRUE(make_directories(dir.fd(), "a/b/c", 0750, static_cast<gid_t>(-1)));
    EXPECT_TRUE(make_directories(dir.fd(), "", 0750, static_cast<gid_t>(-1)));
}

TEST(MakeDirectories, HandsNewOnesToTheGroup) {
    if (!test::is_root())
        GTEST_SKIP() << "only root can hand a directory to any group";
    const test::TempDir dir;
    dir.make_directory("a");
    const gid_t before = status_at(dir.fd(), "a")->st_gid;
    ASSERT_TRUE(make_directories(dir.fd(), "a/b/c", 0750, 12345));
    EXPECT_EQ(status_at(dir.fd(), "a")->st_gid, before);
    EXPECT_EQ(status_at(dir.fd(), "a/b")->st_gid, 12345U);
    EXPECT_EQ(status_at(dir.fd(), "a/b/c")->st_gid, 12345U);
}

TEST(MakeDirectories, FollowsNoLink) {
    const test::TempDir dir;
    dir.make_directory("outside");
    dir.make_directory("in");
    dir.link("in/link", "../outside");
    dir.link("in/dangling", "../outside/made");
    dir.write("in/file", "x");
    for (const std::string path :
         {"in/link/x", "in/link", "in/dangling", "in/dangling/x", "in/file", "in/file/x"}) {
        errno = 0;
        EXPECT_FALSE(make_directories(dir.fd(), path, 0750, static_cast<gid_t>(-1))) << path;
        EXPECT_NE(errno, 0) << path;
    }
    EXPECT_TRUE(std::filesystem::is_empty(dir.at("outside")));
}

TEST(ReadSmallFile, ReadsAllOfIt) {
    const test::TempDir dir;
    const std::string big(100'000, 'x');
    dir.write("big", big);
    dir.write("empty", "");
    EXPECT_EQ(read_small_file(dir.fd(), "big", big.size()), big);
    EXPECT_EQ(read_small_file(dir.fd(), "empty", 0), "");
}

TEST(ReadSmallFile, RefusesAFileThatIsLarger) {
    const test::TempDir dir;
    dir.write("file", "12345");
    EXPECT_EQ(read_small_file(dir.fd(), "file", 5), "12345");
    errno = 0;
    EXPECT_FALSE(read_small_file(dir.fd(), "file", 4));
    EXPECT_NE(errno, 0) << "a function that fails leaves errno set";
    EXPECT_FALSE(read_small_file(dir.fd(), "missing", 4));
    EXPECT_EQ(errno, ENOENT);
}

TEST(WriteAtomically, ReplacesAFile) {
    const test::TempDir dir;
    dir.make_directory("a");
    ASSERT_TRUE(write_atomically(dir.fd(), "a/file", "first"));
    EXPECT_EQ(dir.read("a/file"), "first");
    EXPECT_EQ(status_at(dir.fd(), "a/file")->st_mode & 07777U, 0600U);
    const auto before = status_at(dir.fd(), "a/file")->st_ino;
    const auto held = open_regular(dir.fd(), "a/file");
    ASSERT_TRUE(write_atomically(dir.fd(), "a/file", ""));
    EXPECT_EQ(dir.read("a/file"), "");
    EXPECT_NE(status_at(dir.fd(), "a/file")->st_ino, before) << "a new file took the name";
    EXPECT_EQ(names_in(dir.fd(), "a"), Parts{"file"}) << "no temporary file stays";
}

TEST(WriteAtomically, ReplacesALinkAndNotWhereItLeads) {
    const test::TempDir dir;
    dir.write("victim", "precious");
    dir.link("file", "victim");
    ASSERT_TRUE(write_atomically(dir.fd(), "file", "new"));
    EXPECT_EQ(dir.read("victim"), "precious");
    EXPECT_EQ(dir.read("file"), "new");
}

TEST(WriteAtomically, GoesOnAfterARunThatWasKilled) {
    const test::TempDir dir;
    ASSERT_TRUE(write_atomically(dir.fd(), "file", "old"));
    dir.write(".new", "half of some");
    ASSERT_TRUE(write_atomically(dir.fd(), "file", "new"));
    EXPECT_EQ(dir.read("file"), "new");
    EXPECT_EQ(names_in(dir.fd(), ""), Parts{"file"});
}

TEST(WriteAtomically, LeavesAnotherWritersTemporaryFileAlone) {
    const test::TempDir dir;
    dir.write(".new", "another's");
    ASSERT_TRUE(write_atomically(dir.fd(), "file", "new", 0644, ".file.new"));
    EXPECT_EQ(dir.read("file"), "new");
    EXPECT_EQ(dir.read(".new"), "another's");
}

TEST(WasReplaced, ButNotWhatIsForbiddenOrBroken) {
    for (const int error : {ENOENT, ENOTDIR, ELOOP, ENXIO, ESTALE})
        EXPECT_TRUE(was_replaced(error)) << error;
    for (const int error : {0, EACCES, EIO, EMFILE, ENAMETOOLONG})
        EXPECT_FALSE(was_replaced(error)) << error;
}

TEST(WriteAtomically, FailsWithTheReasonAndLeavesNoTemporaryFile) {
    const test::TempDir dir;
    dir.write("directory/inner", "x");
    errno = 0;
    EXPECT_FALSE(write_atomically(dir.fd(), "directory", "text"));
    EXPECT_EQ(errno, EISDIR);
    EXPECT_EQ(names_in(dir.fd(), ""), Parts{"directory"});
    EXPECT_FALSE(write_atomically(dir.fd(), "missing/file", "text"));
    EXPECT_EQ(errno, ENOENT);
}

TEST(NamesIn, GivesEveryNameOnce) {
    const test::TempDir dir;
    dir.write("a/.hidden", "");
    dir.write("a/b/c", "");
    dir.link("a/link", "nowhere");
    dir.write("a/\xff\n", "");
    auto names = names_in(dir.fd(), "a");
    ASSERT_TRUE(names);
    std::sort(names->begin(), names->end());
    EXPECT_EQ(*names, (Parts{".hidden", "b", "link", "\xff\n"}));
    EXPECT_EQ(names_in(dir.fd(), "a/b"), Parts{"c"});
}

TEST(NamesIn, TellsEmptyFromUnreadable) {
    const test::TempDir dir;
    dir.make_directory("empty");
    dir.link("link", "empty");
    EXPECT_EQ(names_in(dir.fd(), "empty"), Parts{});
    errno = 0;
    EXPECT_FALSE(names_in(dir.fd(), "missing"));
    EXPECT_EQ(errno, ENOENT);
    EXPECT_FALSE(names_in(dir.fd(), "link"));
}

TEST(NanosecondsOf, TakesAnyTimeThatAFileCanHave) {
    EXPECT_EQ(nanoseconds_of({1, 5}), 1'000'000'005);
    EXPECT_EQ(nanoseconds_of({-1, 500'000'000}), -500'000'000) << "half a second before 1970";
    EXPECT_LT(nanoseconds_of({9'223'372'035, 0}), nanoseconds_of({INT64_MAX, 999'999'999}));
    EXPECT_GT(nanoseconds_of({-9'223'372'034, 0}), nanoseconds_of({INT64_MIN, 0}));
}

} // namespace
} // namespace logbackup
