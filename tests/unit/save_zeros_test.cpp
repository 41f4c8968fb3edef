// SPDX-License-Identifier: MIT
#include "commands/commands.hpp"

#include "fake_node.hpp"
#include "in_private_mounts.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstring>

/// Whole saves of files with zeros set aside at their ends, and of files with holes.
namespace logbackup::save_zeros_test {
namespace {

using test::FakeNode;
using test::row_of;

constexpr std::size_t MiB = 1U << 20U;

/// A log that is written through a mapping.
class MappedLog {
  public:
    MappedLog(const std::string& path, std::size_t size)
        : file_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)), size_(size) {
        EXPECT_EQ(::ftruncate(file_.get(), static_cast<off_t>(size)), 0);
        void* place = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0);
        EXPECT_NE(place, MAP_FAILED);
        bytes_ = static_cast<char*>(place);
    }
    MappedLog(const MappedLog&) = delete;
    MappedLog& operator=(const MappedLog&) = delete;
    ~MappedLog() { ::munmap(bytes_, size_); }

    /// Writes a line; the time stays as it was, as on a tmpfs.
    void append(const std::string& line) {
        struct stat before {};
        ::fstat(file_.get(), &before);
        std::memcpy(bytes_ + used_, line.data(), line.size());
        used_ += line.size();
        const timespec times[2] = {before.st_atim, before.st_mtim}; // NOLINT: what the call takes
        ::futimens(file_.get(), times);
    }

  private:
    UniqueFd file_;
    std::size_t size_;
    char* bytes_ = nullptr;
    std::size_t used_ = 0;
};

std::uint64_t on_disk(const std::string& path) {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
    return static_cast<std::uint64_t>(status.st_blocks) * 512;
}

std::string with_zeros(const std::string& lines, std::size_t size) {
    return lines + std::string(size - lines.size(), '\0');
}

TEST(WholeSave, LinesOfAMappedLogFillTheHoleAtTheEndOfTheSavedFile) {
    test::in_private_mounts([] {
        FakeNode node;
        MappedLog log(node.add("a", "web", "web-1") + "/app.log", 4 * MiB);
        std::string lines;
        for (int i = 0; i < 4; ++i) {
            lines += "line " + std::to_string(i) + "\n";
            log.append("line " + std::to_string(i) + "\n");
            const auto report = node.run();
            EXPECT_FALSE(report.has_failures());
            EXPECT_EQ(row_of(report, "web-1").set_aside, 0U);
            EXPECT_EQ(node.saved("web/web-1/app.log"), with_zeros(lines, 4 * MiB));
            EXPECT_LT(on_disk(node.dir.at("backup/web/web-1/app.log")), MiB / 4);
            EXPECT_FALSE(node.run(verify).has_failures());
        }
        EXPECT_EQ(row_of(node.run(), "web-1").changed, 0U) << "nothing was written";
        log.append("the last\n");
        lines += "the last\n";
        node.end("a");
        EXPECT_FALSE(node.run().has_failures());
        EXPECT_EQ(node.record("web", "web-1").coverage, Coverage::complete);
        EXPECT_EQ(node.saved("web/web-1/app.log"), with_zeros(lines, 4 * MiB));
        EXPECT_LT(on_disk(node.dir.at("backup/web/web-1/app.log")), MiB / 4);
        const std::filesystem::directory_iterator files(node.dir.at("backup/web/web-1"));
        EXPECT_EQ(std::distance(begin(files), end(files)), 1) << "something was set aside";
    });
}

TEST(WholeSave, ARotatedMappedLogGoesOnWithoutItsHole) {
    test::in_private_mounts([] {
        FakeNode node;
        const auto path = node.add("a", "web", "web-1") + "/app.log";
        for (const std::string more : {"", "two\n"}) {
            MappedLog log(path, MiB);
            log.append("one\n");
            (void)node.run();
            log.append(more);
            EXPECT_EQ(::truncate(path.c_str(), static_cast<off_t>(4 + more.size())), 0);
            std::filesystem::rename(path, path + ".1");
            MappedLog next(path, MiB);
            next.append("new\n");
            const auto report = node.run();
            EXPECT_FALSE(report.has_failures());
            EXPECT_EQ(row_of(report, "web-1").set_aside, 0U);
            EXPECT_EQ(node.saved("web/web-1/app.log.1"), "one\n" + more);
            EXPECT_EQ(node.saved("web/web-1/app.log"), with_zeros("new\n", MiB));
            std::filesystem::remove(path);
            std::filesystem::remove(path + ".1");
            std::filesystem::remove_all(node.dir.at("backup/web/web-1/app.log"));
            std::filesystem::remove_all(node.dir.at("backup/web/web-1/app.log.1"));
        }
    });
}

TEST(WholeSave, AHoleThatAKilledRunDidNotMakeIsMadeByTheNextOne) {
    test::in_private_mounts([] {
        FakeNode node;
        MappedLog log(node.add("a", "web", "web-1") + "/app.log", MiB);
        const auto saved = node.dir.at("backup/web/web-1/app.log");
        log.append("one\n");
        (void)node.run();
        ASSERT_EQ(::truncate(saved.c_str(), 4), 0); // before the lines were written
        EXPECT_FALSE(node.run().has_failures());
        EXPECT_EQ(node.saved("web/web-1/app.log"), with_zeros("one\n", MiB));
        log.append("two\n");
        ASSERT_EQ(::truncate(saved.c_str(), 4), 0);
        EXPECT_FALSE(node.run().has_failures());
        EXPECT_EQ(node.saved("web/web-1/app.log"), with_zeros("one\ntwo\n", MiB));
    });
}

TEST(WholeSave, BytesAfterWhatIsSavedThatAreNoZerosAreSetAside) {
    test::in_private_mounts([] {
        FakeNode node;
        MappedLog log(node.add("a", "web", "web-1") + "/app.log", MiB);
        const auto saved = node.dir.at("backup/web/web-1/app.log");
        log.append("one\n");
        (void)node.run();
        const UniqueFd file(::open(saved.c_str(), O_WRONLY | O_CLOEXEC));
        ASSERT_EQ(::pwrite(file.get(), "x", 1, MiB - 5000), 1);
        log.append("two\n");
        EXPECT_EQ(row_of(node.run(), "web-1").set_aside, 1U);
        EXPECT_EQ(node.saved("web/web-1/app.log"), with_zeros("one\ntwo\n", MiB));
    });
}

TEST(WholeSave, HolesOfAFileStayHolesAndCountNowhere) {
    test::in_private_mounts([] {
        FakeNode node;
        const auto path = node.add("a", "web", "web-1") + "/core";
        const UniqueFd core(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
        const std::string data(MiB, 'x');
        const auto put = [&](std::size_t at) {
            EXPECT_EQ(::pwrite(core.get(), data.data(), data.size(), static_cast<off_t>(at)),
                      std::ssize(data));
        };
        for (const std::size_t at : {0U, 700U, 1500U, 2300U})
            put(at * MiB);
        node.options.max_bytes = node.options.max_file_size = 8 * MiB;
        const auto begin = std::chrono::steady_clock::now();
        for (const std::size_t bytes : {4 * MiB, MiB}) {
            const auto report = node.run();
            EXPECT_FALSE(report.has_failures());
            EXPECT_EQ(row_of(report, "web-1").bytes, bytes);
            EXPECT_LT(on_disk(node.dir.at("backup/web/web-1/core")), 6 * MiB);
            EXPECT_FALSE(node.run(verify).has_failures());
            put(3000 * MiB); // a hole before what is appended
        }
        (void)node.run();
        EXPECT_EQ(std::filesystem::file_size(node.dir.at("backup/web/web-1/core")), 3001 * MiB);
        EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
    });
}

} // namespace
} // namespace logbackup::save_zeros_test
