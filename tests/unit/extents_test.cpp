// SPDX-License-Identifier: MIT
#include "content/extents.hpp"

#include "support.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

namespace logbackup::extents_test {
namespace {

constexpr std::uint64_t MiB = 1U << 20U;

/// A file of which only some ranges are written.
class SparseFile {
  public:
    explicit SparseFile(std::uint64_t size) : size_(size) {
        file_ = UniqueFd(::open(dir_.write("file", "").c_str(), O_RDWR | O_CLOEXEC));
        EXPECT_EQ(::ftruncate(file_.get(), static_cast<off_t>(size)), 0);
    }
    void write(std::uint64_t at, const std::string& bytes) const {
        EXPECT_EQ(::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(at)),
                  std::ssize(bytes));
    }
    /// Returns data_end() of the file from `begin`; `budget` is what is left of it.
    std::uint64_t end(std::uint64_t begin = 0) { return data_end(file_.get(), begin, size_, budget); }
    [[nodiscard]] int fd() const { return file_.get(); }
    std::uint64_t budget = 64 * MiB;

  private:
    test::TempDir dir_;
    UniqueFd file_;
    std::uint64_t size_;
};

TEST(DataEnd, ReadsNoHoles) {
    SparseFile file(3ULL << 30U);
    EXPECT_EQ(file.end(), 0U);
    file.write(5 * MiB, "x");
    EXPECT_EQ(file.end(), 5 * MiB + 1);
    EXPECT_EQ(file.end(5 * MiB + 1), 5 * MiB + 1);
    file.write((3ULL << 30U) - 1, "x");
    EXPECT_EQ(file.end(), 3ULL << 30U);
    EXPECT_GT(file.budget, 63 * MiB);
}

TEST(DataEnd, ReadsZerosFromTheEnd) {
    SparseFile file(3 * MiB);
    file.write(0, std::string(3 * MiB, '\0'));
    EXPECT_EQ(file.end(), 0U);
    for (const std::uint64_t at :
         {std::uint64_t{0}, std::uint64_t{1}, MiB - 1, MiB, 3 * MiB - 4097, 3 * MiB - 4096, 3 * MiB - 1}) {
        file.write(at, "x");
        EXPECT_EQ(file.end(), at + 1);
    }
}

TEST(DataEnd, GoesOnFromTheBeginWhenThereAreTooManyZeros) {
    SparseFile file(3 * MiB);
    file.write(0, std::string(3 * MiB, '\0'));
    file.write(MiB, std::string(1000, 'x'));
    file.budget = MiB;
    EXPECT_EQ(file.end(MiB), MiB + 1000);
    EXPECT_EQ(file.budget, 0U) << "so it is known that there may be more";
    file.budget = MiB / 2;
    EXPECT_EQ(file.end(0), 0U) << "zeros are not taken for log";
    file.budget = MiB;
    EXPECT_EQ(file.end(100'000), MiB + 1000);
}

TEST(DataEnd, IsNotSearchedForOnceTheRunIsToldToStop) {
    SparseFile file(3 * MiB);
    file.write(0, std::string(3 * MiB, '\0'));
    int asked = 0;
    EXPECT_EQ(data_end(file.fd(), 0, 3 * MiB, file.budget, [&] { return ++asked == 3; }), 3 * MiB);
    EXPECT_EQ(asked, 3);
    EXPECT_EQ(file.budget, 0U);
}

TEST(DataEnd, OfAFileThatShrankIsWhatWasAskedFor) {
    SparseFile file(MiB);
    ASSERT_EQ(::ftruncate(file.fd(), 10), 0);
    EXPECT_EQ(file.end(), MiB);
}

TEST(HolesIn, CountsThem) {
    SparseFile file(64 * MiB);
    EXPECT_EQ(holes_in(file.fd(), 0, 64 * MiB), 64 * MiB);
    file.write(0, std::string(MiB, 'x'));
    file.write(32 * MiB, std::string(MiB, 'x'));
    EXPECT_EQ(holes_in(file.fd(), 0, 64 * MiB), 62 * MiB);
    EXPECT_EQ(holes_in(file.fd(), 0, MiB), 0U);
    EXPECT_EQ(holes_in(file.fd(), 31 * MiB, 34 * MiB), 2 * MiB);
}

} // namespace
} // namespace logbackup::extents_test
