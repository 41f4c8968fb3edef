// SPDX-License-Identifier: MIT
#include "content/redundant.hpp"

#include "../outside.hpp"
#include "content/decompress.hpp"
#include "refuse_call.hpp"
#include "support.hpp"

#include <gtest/gtest.h>

#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <map>
#include <random>

namespace logbackup {
namespace {

using namespace std::chrono_literals;

const std::vector<std::string> suffixes{".gz", ".zst", ".xz", ".bz2"};

std::string log_text(std::size_t size, unsigned seed = 1) {
    std::mt19937 random(seed);
    std::string text;
    while (text.size() < size)
        text += "2026-11-22 14:55:12 INFO request " + std::to_string(random()) + " took " +
                std::to_string(random() % 1000) + " ms\n";
    text.resize(size);
    return text;
}

/// An instance directory; `dir` has other things beside it.
class DropRedundantCopies : public ::testing::Test {
  protected:
    test::TempDir dir;
    UniqueFd instance;
    test::Stop stop;
    DecompressionLimits limits;

    void SetUp() override { instance = test::open_path(dir.make_directory("backup")); }

    void write(const std::string& path, const std::string& content) const {
        dir.write("backup/" + path, content);
    }
    bool has(const std::string& path) const { return dir.has("backup/" + path); }

    std::string compressed(const std::string& suffix, const std::string& content) {
        const UniqueFd input(::open(dir.write("input", content).c_str(), O_RDONLY | O_CLOEXEC));
        Command command;
        static const std::map<std::string, std::string> programs{
            {".gz", "gzip"}, {".zst", "zstd"}, {".xz", "xz"}, {".bz2", "bzip2"}};
        command.argv = {find_program(programs.at(suffix)), "-c"};
        command.input = input.get();
        return logbackup::run(command, Limits(), stop.get()).out;
    }
    /// Stands in for gzip, for one test. It runs as nobody.
    test::Variable fake_gzip(const std::string& script) const {
        ::chmod(dir.path().c_str(), 0755);
        dir.write_program("bin/gzip", "#!/bin/sh\n" + script + "\n");
        return {"PATH", (dir.at("bin") + ":/usr/bin:/bin").c_str()};
    }

    Entry entry(const std::string& path) const {
        const auto status = status_at_path("backup/" + path);
        Entry entry;
        entry.path = path;
        entry.type = S_ISLNK(status.st_mode) ? FileType::link : FileType::regular;
        entry.size = static_cast<std::uint64_t>(status.st_size);
        entry.inode = status.st_ino;
        return entry;
    }
    CopySearch search_for(const std::vector<std::string>& plain,
                          const std::vector<std::string>& in_compressed) const {
        CopySearch search{instance.get(), {}, {}, {}};
        for (const auto& path : in_compressed)
            search.compressed.push_back(entry(path));
        for (const auto& path : plain)
            search.plain.push_back(entry(path));
        return search;
    }
    CopiesDropped drop(const std::vector<std::string>& plain, const std::vector<std::string>& in_compressed) {
        auto result = drop_redundant_copies(search_for(plain, in_compressed), limits, stop.get());
        for (const auto& one : result.dropped)
            EXPECT_FALSE(has(one.path)) << one.path;
        return result;
    }
    /// Nothing was dropped, nothing failed, and the search came to its end.
    static void expect_kept(const CopiesDropped& result) {
        EXPECT_TRUE(result.dropped.empty());
        EXPECT_TRUE(result.problems.empty());
        EXPECT_TRUE(result.complete);
    }

  private:
    struct stat status_at_path(const std::string& path) const {
        struct stat status {};
        EXPECT_EQ(::lstat(dir.at(path).c_str(), &status), 0) << path;
        return status;
    }
};

TEST(IsCompressed, IsToldByTheFirstBytes) {
    for (const std::string_view bytes :
         {std::string_view("\x1f\x8b\x08\0\0\0", 6), std::string_view("\x1f\x9d"),
          std::string_view("PK\x03\x04"), std::string_view("\x28\xb5\x2f\xfd"),
          std::string_view("\xfd"
                           "7zXZ\0",
                           6),
          std::string_view("BZh91A")})
        EXPECT_TRUE(is_compressed(bytes)) << bytes;
    for (const std::string_view bytes : {"", "\x1f", "2026-11", "PK\x05\x06", "BZ", "app.log.gz"})
        EXPECT_FALSE(is_compressed(bytes)) << bytes;
}

TEST_F(DropRedundantCopies, KnowsACompressedFileWhateverItsName) {
    write("app.log~20261122T145512Z", "one\ntwo\n");
    write("app.log", compressed(".gz", "one\ntwo\n"));
    EXPECT_EQ(drop({"app.log~20261122T145512Z"}, {"app.log"}).dropped.size(), 1U);
}

/// A zip archive with one stored or deflated member, or two, as logback and log4j2 write them: the sizes and
/// the checksum of a member follow it.
std::string zip(const std::vector<std::string>& members) {
    test::TempDir dir;
    test::Stop stop;
    Command command;
    command.argv = {"/usr/bin/zip", "-q", "-fd", "-", dir.write("0.log", members.at(0))};
    for (std::size_t i = 1; i < members.size(); ++i)
        command.argv.push_back(dir.write(std::to_string(i) + ".log", members[i]));
    const auto result = run(command, Limits(), stop.get());
    EXPECT_TRUE(succeeded(result.ending)) << describe(result.ending);
    return result.out;
}

TEST_F(DropRedundantCopies, AZipArchiveOfOneLogProvesIt) {
    const std::string text = log_text(200'000);
    const std::string archive = zip({text});
    write("app.log.1", text);
    for (const std::size_t missing :
         {std::size_t{1}, std::size_t{22}, std::size_t{100}, archive.size() / 2}) {
        write("app.zip", archive.substr(0, archive.size() - missing));
        expect_kept(drop({"app.log.1"}, {"app.zip"}));
    }
    std::string damaged;
    for (const std::size_t at : {archive.size() / 2, archive.size() - 6}) { // 6: where its directory begins
        damaged = archive;
        damaged[at] = static_cast<char>(damaged[at] + 1);
        write("app.zip", damaged);
        expect_kept(drop({"app.log.1"}, {"app.zip"}));
    }
    write("app.zip", zip({text, log_text(1000, 2)}));
    expect_kept(drop({"app.log.1"}, {"app.zip"}));
    write("app.zip", archive);
    EXPECT_EQ(drop({"app.log.1"}, {"app.zip"}).dropped.size(), 1U);
}

TEST_F(DropRedundantCopies, WhatWasAppendedToACompressedFileIsALogOfItsOwn) {
    const std::string first = compressed(".gz", log_text(50'000, 1));
    const std::string second = log_text(50'000, 2);
    write("all.gz", first + compressed(".gz", second));
    write("app.log~20261122T145512Z", second);
    auto search = search_for({"app.log~20261122T145512Z"}, {"all.gz"});
    for (const auto wrong : {std::size_t{0}, first.size() - 1, first.size() + 1}) {
        search.grown_from = {{"all.gz", wrong}};
        expect_kept(drop_redundant_copies(search, limits, stop.get()));
    }
    search.grown_from = {{"all.gz", first.size()}};
    std::string damaged = first;
    damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] + 1);
    write("all.gz", damaged + compressed(".gz", second));
    expect_kept(drop_redundant_copies(search, limits, stop.get()));
    write("all.gz", first + compressed(".gz", second));
    EXPECT_EQ(drop_redundant_copies(search, limits, stop.get()).dropped.size(), 1U);
    EXPECT_FALSE(has("app.log~20261122T145512Z"));
}

TEST_F(DropRedundantCopies, ACompressedCopyCountsAsWhatItContains) {
    const std::string text = log_text(300'000);
    write("all.gz~20261122T145512Z", compressed(".gz", text));
    write("all.gz", compressed(".xz", text + "and more\n"));
    EXPECT_EQ(drop({"all.gz~20261122T145512Z"}, {"all.gz", "all.gz~20261122T145512Z"}).dropped.size(), 1U);
    write("all.gz~20261122T145512Z", compressed(".gz", text + "and others\n"));
    expect_kept(drop({"all.gz~20261122T145512Z"}, {"all.gz", "all.gz~20261122T145512Z"}));
    const std::string whole = compressed(".gz", text);
    write("all.gz~20261122T145512Z", whole.substr(0, whole.size() - 1));
    expect_kept(drop({"all.gz~20261122T145512Z"}, {"all.gz", "all.gz~20261122T145512Z"}));
    write("all.gz~20261122T145512Z", compressed(".gz", text));
    limits.unpacked = text.size() - 1;
    expect_kept(drop({"all.gz~20261122T145512Z"}, {"all.gz", "all.gz~20261122T145512Z"}));
    limits.unpacked = text.size();
    EXPECT_EQ(drop({"all.gz~20261122T145512Z"}, {"all.gz", "all.gz~20261122T145512Z"}).dropped.size(), 1U);
}

TEST_F(DropRedundantCopies, DropsWhatACompressedFileOfAnyFormatBeginsWith) {
    const std::string text = log_text(300'000);
    for (const auto& suffix : suffixes)
        for (const std::size_t size :
             {std::size_t{1}, std::size_t{4096}, std::size_t{65'536}, std::size_t{70'001}, text.size()}) {
            write("app.log1234.tmp", text.substr(0, size));
            write("old/app.1.log" + suffix, compressed(suffix, text));
            const auto result = drop({"app.log1234.tmp"}, {"old/app.1.log" + suffix});
            ASSERT_EQ(result.dropped.size(), 1U) << suffix << size;
            EXPECT_EQ(result.dropped[0].path, "app.log1234.tmp");
            EXPECT_EQ(result.dropped[0].proved_by, "old/app.1.log" + suffix);
            EXPECT_EQ(result.dropped[0].bytes, size);
            EXPECT_TRUE(result.problems.empty() && result.unproved.empty() && result.complete);
            EXPECT_TRUE(has("old/app.1.log" + suffix));
        }
}

TEST_F(DropRedundantCopies, DropsWhatWasSetAsideInADirectoryBelow) {
    write("a/b/app.log~20261122T145512Z", "one\ntwo\n");
    write("app.log.gz", compressed(".gz", "one\ntwo\nthree\n"));
    EXPECT_EQ(drop({"a/b/app.log~20261122T145512Z"}, {"app.log.gz"}).dropped.size(), 1U);
}

TEST_F(DropRedundantCopies, AHoleAtTheEndOfACopyIsNoPartOfTheLog) {
    write("app.log.1.gz", compressed(".gz", log_text(5000)));
    write("app.log", log_text(5000));
    std::filesystem::resize_file(dir.at("backup/app.log"), 1U << 20U);
    EXPECT_EQ(drop({"app.log"}, {"app.log.1.gz"}).dropped.size(), 1U);
    write("longer.log", log_text(5001));
    std::filesystem::resize_file(dir.at("backup/longer.log"), 1U << 20U);
    expect_kept(drop({"longer.log"}, {"app.log.1.gz"}));
    EXPECT_TRUE(has("longer.log"));
}

TEST_F(DropRedundantCopies, KeepsWhatIsLongerThanTheContent) {
    for (const auto& suffix : suffixes) {
        write("app.log.1", "one\ntwo\n");
        write("app.log" + suffix, compressed(suffix, "one\ntwo"));
        expect_kept(drop({"app.log.1"}, {"app.log" + suffix}));
        write("app.log" + suffix, compressed(suffix, ""));
        expect_kept(drop({"app.log.1"}, {"app.log" + suffix}));
        EXPECT_EQ(dir.read("backup/app.log.1"), "one\ntwo\n");
    }
}

TEST_F(DropRedundantCopies, KeepsWhatDiffersInASingleByte) {
    const std::string text = log_text(200'000);
    write("app.log.gz", compressed(".gz", text));
    for (const std::size_t at : {std::size_t{0}, std::size_t{4095}, std::size_t{4096}, std::size_t{65'535},
                                 std::size_t{65'536}, std::size_t{131'072}, text.size() - 1}) {
        std::string other = text;
        other[at] = '\0';
        write("app.log.1", other);
        expect_kept(drop({"app.log.1"}, {"app.log.gz"}));
        EXPECT_TRUE(dir.read("backup/app.log.1") == other) << at;
    }
}

TEST_F(DropRedundantCopies, KeepsACopyWhoseCompressedFormIsHalfWritten) {
    // What is there of it already begins with the copy.
    const std::string text = log_text(200'000);
    std::mt19937 random(7);
    for (const auto& suffix : suffixes) {
        write("app.log.1", text.substr(0, 100));
        const std::string whole = compressed(suffix, text);
        std::vector<std::size_t> sizes;
        for (std::size_t i = 1; i <= 10; ++i)
            sizes.insert(sizes.end(), {magic_size + i, whole.size() - i});
        for (int i = 0; i < 20; ++i)
            sizes.push_back(magic_size + random() % (whole.size() - magic_size));
        for (const auto size : sizes) {
            write("app.log" + suffix, whole.substr(0, size));
            const auto result = drop({"app.log.1"}, {"app.log" + suffix});
            expect_kept(result);
            EXPECT_EQ(result.unproved.size(), 1U) << suffix << " of " << size << " bytes";
            ASSERT_TRUE(has("app.log.1")) << suffix << " of " << size << " bytes";
        }
        write("app.log" + suffix, whole);
        EXPECT_EQ(drop({"app.log.1"}, {"app.log" + suffix}).dropped.size(), 1U);
    }
}

TEST_F(DropRedundantCopies, KeepsACopyWhoseCompressedFormIsDamaged) {
    const std::string text = log_text(200'000);
    for (const auto& suffix : suffixes)
        for (const std::size_t from_end : {3U, 8U, 20'000U}) { // 8: the checksum of gzip
            write("app.log.1", text.substr(0, 100));
            std::string content = compressed(suffix, text);
            content[content.size() - from_end] = static_cast<char>(content[content.size() - from_end] ^ 0x55);
            write("app.log" + suffix, content);
            const auto result = drop({"app.log.1"}, {"app.log" + suffix});
            expect_kept(result);
            if (from_end < 20'000) { // else the content may be another one from its beginning
                EXPECT_EQ(result.unproved.size(), 1U) << suffix << from_end;
            }
        }
}

TEST_F(DropRedundantCopies, TakesConcatenatedMembersButNoGarbageAfterThem) {
    const std::string members = compressed(".gz", "one\n") + compressed(".gz", "two\n");
    write("app.log.1", "one\ntwo\n");
    write("app.log.gz", members + "garbage");
    const auto result = drop({"app.log.1"}, {"app.log.gz"});
    expect_kept(result);
    ASSERT_EQ(result.unproved.size(), 1U);
    EXPECT_NE(result.unproved[0].reason.find("exited with code 2"), std::string::npos)
        << result.unproved[0].reason;
    write("app.log.gz", members);
    EXPECT_EQ(drop({"app.log.1"}, {"app.log.gz"}).dropped.size(), 1U);
}

TEST_F(DropRedundantCopies, TellsSeveralCopiesApart) {
    const std::string one = log_text(100'000, 1);
    const std::string two = log_text(100'000, 2);
    write("1.gz", compressed(".gz", one));
    write("2.zst", compressed(".zst", two));
    write("3.xz", compressed(".xz", log_text(100'000, 3)));
    write("one", one);
    write("beginning of one", one.substr(0, 80'000));
    write("one and more", one + "more");
    write("two", two);
    write("other", log_text(50'000, 4));
    const auto result =
        drop({"one", "beginning of one", "one and more", "two", "other"}, {"3.xz", "2.zst", "1.gz"});
    ASSERT_EQ(result.dropped.size(), 3U);
    EXPECT_EQ(result.dropped[0].path, "two");
    EXPECT_EQ(result.dropped[0].proved_by, "2.zst");
    EXPECT_EQ(result.dropped[1].path, "one");
    EXPECT_EQ(result.dropped[2].path, "beginning of one");
    EXPECT_EQ(result.dropped[2].proved_by, "1.gz");
    EXPECT_TRUE(has("one and more") && has("other"));
}

TEST_F(DropRedundantCopies, FindsThoseOfHundreds) {
    std::vector<std::string> plain;
    for (int i = 0; i < 600; ++i) {
        plain.push_back(std::to_string(i));
        write(plain.back(), log_text(5000, static_cast<unsigned>(i)));
    }
    write("a.gz", compressed(".gz", log_text(9000, 17)));
    write("b.gz", compressed(".gz", log_text(9000, 599)));
    EXPECT_EQ(test::in_child([&] { // with fewer descriptors than there are copies
                  const rlimit few{400, 400};
                  ::setrlimit(RLIMIT_NOFILE, &few);
                  const auto result = drop(plain, {"a.gz", "b.gz"});
                  return result.dropped.size() == 2 && result.problems.empty() ? 0 : 1;
              }),
              0);
    for (const auto& path : plain)
        EXPECT_EQ(has(path), path != "17" && path != "599") << path;
}

TEST_F(DropRedundantCopies, KeepsACompressedCopyOfWhichAPartIsPassedOver) {
    const std::string text = log_text(50'000);
    write("whole.gz", compressed(".gz", text));
    write("app.bz2", compressed(".bz2", text) + "appended to it\n"); // bzip2 only warns
    expect_kept(drop({"app.bz2"}, {"whole.gz"}));
    EXPECT_TRUE(has("app.bz2"));
    write("app.bz2", compressed(".bz2", text));
    EXPECT_EQ(drop({"app.bz2"}, {"whole.gz"}).dropped.size(), 1U);
}

TEST_F(DropRedundantCopies, LeavesEmptyFilesAlone) {
    write("empty.log", "");
    write("app.log.1", "one\n");
    write("empty.gz", "");
    write("app.log.gz", compressed(".gz", "two\n"));
    const auto result = drop({"empty.log", "app.log.1"}, {"empty.gz", "app.log.gz"});
    expect_kept(result);
    EXPECT_TRUE(result.unproved.empty());
    EXPECT_TRUE(has("empty.log") && has("app.log.1"));
}

TEST_F(DropRedundantCopies, FollowsNoLink) {
    dir.write("outside/app.log", "one\n");
    dir.write("outside/app.log.gz", compressed(".gz", "one\n"));
    write("app.log", "one\n");
    write("app.log.gz", compressed(".gz", "one\n"));
    dir.link("backup/link.log", "app.log");
    dir.link("backup/link.gz", "app.log.gz");
    dir.link("backup/sub", "../outside");
    expect_kept(drop({"link.log"}, {"app.log.gz"}));
    expect_kept(drop({"app.log"}, {"link.gz"}));
    // Put there after the listing.
    auto search = search_for({"app.log", "sub/app.log"}, {"sub/app.log.gz"});
    expect_kept(drop_redundant_copies(search, limits, stop.get()));
    search = search_for({"sub/app.log", "app.log"}, {"app.log.gz"});
    search.plain[1].path = "link.log";
    expect_kept(drop_redundant_copies(search, limits, stop.get()));
    search = search_for({"app.log"}, {"app.log.gz"});
    search.compressed[0].path = "link.gz";
    expect_kept(drop_redundant_copies(search, limits, stop.get()));
    EXPECT_TRUE(has("app.log") && has("link.log"));
    EXPECT_TRUE(dir.has("outside/app.log") && dir.has("outside/app.log.gz"));
}

TEST_F(DropRedundantCopies, DoesNotTakeAFileForItsOwnCopy) {
    // A stand-in gives what is compressed as it is: a file whose content is itself.
    const auto path = fake_gzip("exec cat");
    write("app.log.gz", "\x1f\x8bquine");
    std::filesystem::create_hard_link(dir.at("backup/app.log.gz"), dir.at("backup/app.log"));
    expect_kept(drop({"app.log", "app.log.gz"}, {"app.log.gz"}));
    EXPECT_TRUE(has("app.log") && has("app.log.gz"));
}

TEST_F(DropRedundantCopies, LeavesWhatIsNotWhatWasListed) {
    write("app.log.gz", compressed(".gz", "one\ntwo\n"));
    write("app.log", "one\n");
    auto search = search_for({"app.log"}, {"app.log.gz"});
    write("app.log", "one\ntwo\n");
    expect_kept(drop_redundant_copies(search, limits, stop.get()));
    search = search_for({"app.log"}, {"app.log.gz"});
    write("other", "one\ntwo\n");
    std::filesystem::rename(dir.at("backup/other"), dir.at("backup/app.log"));
    expect_kept(drop_redundant_copies(search, limits, stop.get()));
    std::filesystem::remove(dir.at("backup/app.log"));
    expect_kept(drop_redundant_copies(search, limits, stop.get()));
}

TEST_F(DropRedundantCopies, KeepsACopyUntilTheProgramHasSaidThatAllIsWell) {
    write("app.log", "one\n");
    write("app.log.gz", compressed(".gz", "one\n"));
    const Outside outside(dir.make_directory("bin"), "test -e '" + dir.at("backup/app.log") +
                                                         "' && echo yes > '" + dir.at("was-there") + "'");
    const auto path =
        fake_gzip("/usr/bin/gzip -dc; " + outside.call() + "; exit $(cat '" + dir.at("bin/code") + "')");
    dir.write("bin/code", "1");
    expect_kept(drop({"app.log"}, {"app.log.gz"}));
    dir.write("bin/code", "2");
    expect_kept(drop({"app.log"}, {"app.log.gz"}));
    EXPECT_TRUE(has("app.log"));
    std::filesystem::remove(dir.at("was-there"));
    dir.write("bin/code", "0");
    EXPECT_EQ(drop({"app.log"}, {"app.log.gz"}).dropped.size(), 1U);
    EXPECT_EQ(dir.read("was-there"), "yes\n");
}

TEST_F(DropRedundantCopies, KeepsACopyWhenEitherFileChangesMeanwhile) {
    const std::string plain = dir.at("backup/app.log");
    const std::string compressed_path = dir.at("backup/app.log.gz");
    for (const std::string& change : std::vector<std::string>{
             "true", "echo x >> " + plain, "cp " + plain + " x; mv x " + plain,
             "touch -d 2001-01-01 " + plain, "echo x >> " + compressed_path,
             "cp " + compressed_path + " x; mv x " + compressed_path, "rm " + compressed_path,
             "mv " + compressed_path + " x; ln -s " + dir.at("x") + " " + compressed_path}) {
        write("app.log", "one\n");
        write("app.log.gz", compressed(".gz", "one\n"));
        const Outside outside(dir.make_directory("bin"), "cd " + dir.path() + "; " + change);
        const auto path = fake_gzip("/usr/bin/gzip -dc; " + outside.call());
        const auto result = drop({"app.log"}, {"app.log.gz"});
        EXPECT_TRUE(result.problems.empty() && result.unproved.empty()) << change;
        EXPECT_EQ(result.dropped.size(), change == "true" ? 1U : 0U) << change;
        EXPECT_EQ(has("app.log"), change != "true") << change;
        std::filesystem::remove(compressed_path);
    }
}

TEST_F(DropRedundantCopies, KeepsACopyWhenItsCompressedFormCannotBeFlushedToDisk) {
    write("sub/app.log", "one\n");
    write("sub/app.log.gz", compressed(".gz", "one\n"));
    for (const int call : {SYS_fdatasync, SYS_fsync})
        EXPECT_EQ(test::in_child([&] {
                      if (!test::refuse_call(call, EIO))
                          return 2;
                      const auto result = drop({"sub/app.log"}, {"sub/app.log.gz"});
                      return result.dropped.empty() && result.problems.size() == 1 &&
                                     result.problems[0].path == "sub/app.log.gz" &&
                                     result.problems[0].reason ==
                                         "cannot flush it to disk: Input/output error"
                                 ? 0
                                 : 1;
                  }),
                  0);
    EXPECT_TRUE(has("sub/app.log"));
}

TEST_F(DropRedundantCopies, ReportsACopyThatCannotBeRemoved) {
    write("app.log", "one\n");
    write("app.log.gz", compressed(".gz", "one\n"));
    EXPECT_EQ(test::in_child([&] {
                  if (!test::refuse_call(SYS_unlinkat, EPERM))
                      return 2;
                  const auto result = drop({"app.log"}, {"app.log.gz"});
                  return result.dropped.empty() && result.problems.size() == 1 &&
                                 result.problems[0].path == "app.log" &&
                                 result.problems[0].reason == "cannot remove it: Operation not permitted"
                             ? 0
                             : 1;
              }),
              0);
    EXPECT_TRUE(has("app.log"));
}

TEST_F(DropRedundantCopies, IsBoundedAgainstABomb) {
    // 10 GB of zeros; the copy agrees with them.
    std::string member = compressed(".gz", std::string(10'000'000, '\0'));
    std::string bomb;
    for (int i = 0; i < 1000; ++i)
        bomb += member;
    write("zeros.log", std::string(100'000, '\0'));
    write("app.log", "one\n");
    write("bomb.gz", bomb);
    write("zeros.gz", member);
    write("app.log.gz", compressed(".gz", "one\n"));
    limits.bytes = 20'000'000;
    const auto result = drop({"zeros.log", "app.log"}, {"app.log.gz", "bomb.gz", "zeros.gz"});
    ASSERT_EQ(result.dropped.size(), 1U);
    EXPECT_EQ(result.dropped[0].path, "app.log");
    EXPECT_TRUE(has("zeros.log"));
    EXPECT_TRUE(result.complete);
    EXPECT_TRUE(result.problems.empty());
    ASSERT_EQ(result.unproved.size(), 2U);
    EXPECT_EQ(result.unproved[0].path, "bomb.gz");
    EXPECT_EQ(result.unproved[1].path, "zeros.gz") << "the limit is for all together";
}

TEST_F(DropRedundantCopies, StopsReadingWhereNoCopyIsLeft) {
    // The stand-in would print for ever: it is ended at once.
    const auto path = fake_gzip("exec yes");
    write("app.log", "no\n");
    write("app.log.gz", "\x1f\x8b");
    limits.bytes = 1'000'000;
    const auto result = drop({"app.log"}, {"app.log.gz"});
    expect_kept(result);
    EXPECT_TRUE(result.unproved.empty());
}

TEST_F(DropRedundantCopies, IsBoundedInTime) {
    const auto path = fake_gzip("exec sleep 1000");
    write("app.log", "one\n");
    write("a.gz", "\x1f\x8b");
    write("b.gz", "\x1f\x8b");
    limits.time = 50ms;
    auto result = drop({"app.log"}, {"a.gz", "b.gz"});
    expect_kept(result);
    ASSERT_EQ(result.unproved.size(), 2U);
    EXPECT_NE(result.unproved[1].reason.find("did not finish within"), std::string::npos);
    limits.time = 60s;
    limits.total_time = 50ms;
    result = drop({"app.log"}, {"a.gz", "b.gz"});
    expect_kept(result);
    ASSERT_EQ(result.unproved.size(), 2U);
    EXPECT_NE(result.unproved[0].reason.find("did not finish within"), std::string::npos);
    EXPECT_NE(result.unproved[1].reason.find("used up"), std::string::npos);
}

TEST_F(DropRedundantCopies, IsNotCompleteWhenItIsStopped) {
    write("app.log", "one\n");
    write("app.log.gz", compressed(".gz", "one\n"));
    test::Stop stopped(0ms);
    const auto result = drop_redundant_copies(search_for({"app.log"}, {"app.log.gz"}), limits, stopped.get());
    EXPECT_FALSE(result.complete);
    EXPECT_TRUE(result.dropped.empty() && has("app.log"));
}

TEST_F(DropRedundantCopies, IsStoppedWhileItDecompresses) {
    write("app.log", "one\n");
    write("app.log.gz", compressed(".gz", "one\n"));
    // The content is there and agrees, but the program has not ended.
    EXPECT_EQ(test::in_child([&] {
                  const Outside outside(dir.make_directory("bin"),
                                        "kill -TERM " + std::to_string(::getpid()));
                  const auto path = fake_gzip("/usr/bin/gzip -dc; " + outside.call() + "; exec sleep 1000");
                  StopSignal signalled;
                  const auto result =
                      drop_redundant_copies(search_for({"app.log"}, {"app.log.gz"}), limits, signalled);
                  return !result.complete && result.dropped.empty() ? 0 : 1;
              }),
              0);
    EXPECT_TRUE(has("app.log"));
}

TEST_F(DropRedundantCopies, DoesWithoutAProgramThatIsNotInstalled) {
    if (!test::is_root())
        GTEST_SKIP() << "needs root, to hide a program";
    write("app.log", "one\n");
    write("app.log.zst", compressed(".zst", "one\n"));
    EXPECT_EQ(test::in_child([&] {
                  if (::unshare(CLONE_NEWNS) != 0 ||
                      ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
                      return 2;
                  while (!find_program("zstd").empty())
                      if (::mount("/dev/null", find_program("zstd").c_str(), nullptr, MS_BIND, nullptr) != 0)
                          return 3;
                  const auto result = drop({"app.log"}, {"app.log.zst"});
                  return result.dropped.empty() && result.problems.empty() && result.complete &&
                                 result.unproved.size() == 1 &&
                                 result.unproved[0].reason == "zstd is not installed"
                             ? 0
                             : 1;
              }),
              0);
    EXPECT_TRUE(has("app.log"));
}

} // namespace
} // namespace logbackup
