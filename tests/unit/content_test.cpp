// SPDX-License-Identifier: MIT
#include "content/content.hpp"

#include "support.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>

#include <cerrno>
#include <csignal>

namespace logbackup {
namespace {

using test::TempDir;

/// Source and backup in two directories.
class ContentOf : public ::testing::Test {
  protected:
    TempDir dir;
    Tree tree;
    UniqueFd instance;
    test::Stop stop;

    void SetUp() override {
        tree.held = test::open_path(dir.make_directory("source"));
        instance = test::open_path(dir.make_directory("backup"));
    }
    void write(const std::string& path, const std::string& source, const std::string& backup) const {
        dir.write("source/" + path, source);
        dir.write("backup/" + path, backup);
    }
    Comparison compare(const std::string& path, std::uint64_t offset, std::uint64_t length) {
        return content_of(tree, instance.get(), stop.get()).compare(path, path, offset, length);
    }
};

TEST_F(ContentOf, ComparesARange) {
    write("sub/a.log", "abcdef", "abcXef");
    EXPECT_TRUE(compare("sub/a.log", 0, 3).same);
    EXPECT_FALSE(compare("sub/a.log", 0, 4).same);
    EXPECT_TRUE(compare("sub/a.log", 4, 2).same);
    EXPECT_FALSE(compare("sub/a.log", 3, 1).same);
    EXPECT_TRUE(compare("sub/a.log", 3, 0).same);
    EXPECT_EQ(compare("sub/a.log", 0, 4).error, 0);
}

TEST_F(ContentOf, ComparesMoreThanABlock) {
    std::string text(300'000, 'a');
    write("a.log", text, text);
    EXPECT_TRUE(compare("a.log", 0, text.size()).same);
    for (const std::size_t changed :
         {std::size_t{0}, std::size_t{65535}, std::size_t{65536}, std::size_t{299'999}}) {
        std::string other = text;
        other[changed] = 'X';
        dir.write("backup/a.log", other);
        EXPECT_FALSE(compare("a.log", 0, text.size()).same) << changed;
    }
}

TEST_F(ContentOf, IsNotTheSameBeyondTheEnd) {
    write("a.log", "abc", "abc");
    EXPECT_FALSE(compare("a.log", 0, 4).same);
    EXPECT_FALSE(compare("a.log", 5, 1).same);
    write("b.log", "abc", "abcd");
    EXPECT_FALSE(compare("b.log", 0, 4).same);
}

TEST_F(ContentOf, SaysWhyAFileCannotBeRead) {
    dir.write("source/a.log", "abc");
    EXPECT_EQ(compare("a.log", 0, 3).error, ENOENT);
    dir.write("backup/b.log", "abc");
    EXPECT_EQ(compare("b.log", 0, 3).error, ENOENT);
    dir.fifo("source/b.log");
    EXPECT_EQ(compare("b.log", 0, 3).error, ENXIO);
    dir.write("backup/c.log", "abc");
    dir.link("source/c.log", dir.at("backup/c.log"));
    EXPECT_NE(compare("c.log", 0, 3).error, 0) << "a link is not followed";
}

TEST_F(ContentOf, LooksAtEachFileAnewWhenPathsChange) {
    write("a.log", "abc", "abc");
    write("b.log", "abc", "xyz");
    const Content content = content_of(tree, instance.get(), stop.get());
    EXPECT_TRUE(content.compare("a.log", "a.log", 0, 3).same);
    EXPECT_FALSE(content.compare("b.log", "b.log", 0, 3).same);
    EXPECT_TRUE(content.compare("a.log", "a.log", 0, 3).same);
    EXPECT_NE(content.compare("missing", "missing", 0, 3).error, 0);
    EXPECT_TRUE(content.compare("a.log", "a.log", 0, 3).same);
}

TEST_F(ContentOf, ReadsWhatIsMounted) {
    write("vol/a.log", "stale", "abc");
    write("single.log", "stale", "xyz");
    dir.write("volume/a.log", "abc");
    dir.write("file", "xyz");
    tree.mounted.emplace_back("vol", test::open_path(dir.at("volume")));
    tree.mounted.emplace_back("single.log", test::open_path(dir.at("file")));
    EXPECT_TRUE(compare("vol/a.log", 0, 3).same);
    EXPECT_TRUE(compare("single.log", 0, 3).same);
}

TEST_F(ContentOf, DoesNotWaitForALeaseOnAFileThatIsMountedByItself) {
    const auto path = dir.write("file", "xyz");
    tree.mounted.emplace_back("single.log", test::open_path(path));
    const UniqueFd writer(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    const auto former = std::signal(SIGIO, SIG_IGN);
    ASSERT_EQ(::fcntl(writer.get(), F_SETLEASE, F_WRLCK), 0);
    EXPECT_FALSE(open_in(tree, "single.log"));
    EXPECT_EQ(errno, EWOULDBLOCK);
    ::fcntl(writer.get(), F_SETLEASE, F_UNLCK);
    std::signal(SIGIO, former);
    EXPECT_TRUE(open_in(tree, "single.log"));
}

TEST_F(ContentOf, OpensNoDeviceThatIsMountedByItself) {
    tree.mounted.emplace_back("null", test::open_path("/dev/null"));
    EXPECT_FALSE(open_in(tree, "null"));
    EXPECT_EQ(errno, ENXIO);
}

TEST_F(ContentOf, FindsTheNextData) {
    const auto path = dir.write("source/a.log", "abc");
    const Content content = content_of(tree, instance.get(), stop.get());
    ASSERT_EQ(::truncate(path.c_str(), 1 << 20), 0);
    EXPECT_EQ(content.next_data("a.log", 0), 0U);
    const auto after_hole = content.next_data("a.log", 100'000);
    EXPECT_TRUE(after_hole == 1U << 20U || after_hole == 100'000) << "a file system need not know holes";
    EXPECT_EQ(content.next_data("missing", 7), 7U);
}

TEST_F(ContentOf, StopsInAComparison) {
    const std::string text(300'000, 'a');
    write("a.log", text, text);
    test::Stop passed(std::chrono::milliseconds(0));
    const auto comparison =
        content_of(tree, instance.get(), passed.get()).compare("a.log", "a.log", 0, text.size());
    EXPECT_FALSE(comparison.same);
    EXPECT_EQ(comparison.error, ECANCELED);
}

TEST(CompareRange, ReadsNoHoles) {
    const test::TempDir dir;
    constexpr off_t size = 1LL << 40U;
    for (const auto* name : {"one", "other"}) {
        dir.write(name, "begin");
        ASSERT_EQ(::truncate(dir.at(name).c_str(), size), 0);
    }
    const UniqueFd one(::open(dir.at("one").c_str(), O_RDWR | O_CLOEXEC));
    const UniqueFd other(::open(dir.at("other").c_str(), O_RDWR | O_CLOEXEC));
    test::Stop stop(std::chrono::seconds(60)); // a terabyte of zeros takes minutes
    const auto compare = [&](std::uint64_t length) {
        return compare_range(one.get(), other.get(), 0, length, stop.get());
    };
    EXPECT_TRUE(compare(size).same);
    EXPECT_FALSE(compare(size + 1).same) << "beyond the end";
    EXPECT_EQ(compare(size + 1).error, 0);
    ASSERT_EQ(::pwrite(one.get(), "x", 1, size - 1), 1);
    EXPECT_FALSE(compare(size).same);
    EXPECT_TRUE(compare(size - 1).same);
    ASSERT_EQ(::pwrite(other.get(), "x", 1, size - 1), 1);
    EXPECT_TRUE(compare(size).same);
    ASSERT_EQ(::pwrite(other.get(), "x", 1, size / 2), 1);
    EXPECT_FALSE(compare(size).same);
}

} // namespace
} // namespace logbackup
