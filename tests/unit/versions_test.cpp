// SPDX-License-Identifier: MIT
#include "content/versions.hpp"

#include "support.hpp"

#include <gtest/gtest.h>

#include <random>

namespace logbackup {
namespace {

/// Numbered lines of 50 bytes, from `first` on.
std::string numbered(int first, int count) {
    std::string text;
    for (int i = first; i < first + count; ++i) {
        std::string line = std::to_string(i);
        line.insert(0, 12 - line.size(), '0');
        text += "line " + line + " of a log that is in the tests\n";
    }
    return text;
}

std::string binary(std::size_t size, unsigned seed) {
    std::mt19937 random(seed);
    std::string bytes;
    while (bytes.size() < size)
        bytes += static_cast<char>(random() % 7);
    return bytes;
}

class Versions : public testing::Test {
  protected:
    test::TempDir dir;
    test::Stop stop;
    std::uint64_t budget = 1U << 30U;

    UniqueFd file(const std::string& name, const std::string& content) const {
        return UniqueFd(::open(dir.write(name, content).c_str(), O_RDONLY | O_CLOEXEC));
    }
    bool rewritten(const std::string& older, const std::string& newer) {
        return is_rewritten(file("older", older).get(), file("newer", newer).get(), stop.get());
    }
    bool covered(const std::string& before, const std::string& version, const std::string& after) {
        const UniqueFd first = file("before", before);
        const UniqueFd second = file("version", version);
        const UniqueFd third = file("after", after);
        return is_covered(first.get(), second.get(), third.get(), budget, stop.get());
    }
};

TEST_F(Versions, APageOfADatabaseThatChangedIsARewrite) {
    const std::string database = binary(1'000'000, 1);
    std::string changed = database;
    changed[24] = '\x7f';
    changed[500'000] = '\x7f';
    EXPECT_TRUE(rewritten(database, changed));
    EXPECT_TRUE(rewritten(database, changed + binary(100'000, 2)));
    EXPECT_TRUE(rewritten(binary(16'384, 3), binary(12'288, 3) + binary(8192, 4)));
}

TEST_F(Versions, ATextWhoseTailIsWrittenAgainIsARewrite) {
    const std::string text = numbered(1, 1000);
    EXPECT_TRUE(rewritten(text + "]\n", text + "and one more\n]\n"));
}

TEST_F(Versions, ALogThatWasRotatedIsNone) {
    const std::string log = numbered(1, 10'000);
    EXPECT_FALSE(rewritten(log, numbered(10'001, 10'000)));
    EXPECT_FALSE(rewritten(log, numbered(501, 10'000))) << "trimmed at its head";
    EXPECT_FALSE(rewritten(log, ""));
    EXPECT_FALSE(rewritten(log, std::string(log.size(), '\0') + numbered(10'001, 5)));
    EXPECT_FALSE(rewritten(std::string(1'000'000, '\0') + numbered(1, 100),
                           std::string(1'100'000, '\0') + numbered(101, 100)))
        << "a hole is no content";
}

TEST_F(Versions, ALogThatWasCutAndWentOnIsNone) {
    const std::string begin = numbered(1, 2000);
    EXPECT_FALSE(rewritten(begin + numbered(2001, 1000), begin + numbered(5001, 2000)));
    EXPECT_FALSE(rewritten(begin + numbered(2001, 1000), begin));
}

// What tells them apart is too little: then it was rotated.
TEST_F(Versions, AShortFileOrAHeaderIsNotEnough) {
    EXPECT_FALSE(rewritten("status: up\nrequests: 17\n", "status: up\nrequests: 18\n"));
    const std::string header = numbered(1, 200); // two blocks, and a part of a third
    EXPECT_FALSE(rewritten(header + numbered(1000, 20), header + numbered(2000, 20)));
    EXPECT_FALSE(
        rewritten(header + numbered(1000, 20) + std::string(9000, '\0'), header + numbered(2000, 20)))
        << "zeros that a writer has set aside make no binary file of a log";
    EXPECT_FALSE(
        rewritten(numbered(1, 400) + numbered(10'000, 1000), numbered(1, 400) + numbered(20'000, 1000)))
        << "less than half";
}

TEST_F(Versions, ACompressedFileIsNeverOneOfThem) {
    const std::string packed = "\x1f\x8b" + binary(100'000, 1);
    EXPECT_FALSE(rewritten(packed + "a", packed + "b"));
    EXPECT_FALSE(covered(packed, packed, packed));
    const std::string bytes = "\x1f\x8c" + binary(100'000, 1);
    EXPECT_TRUE(rewritten(bytes + "a", bytes + "b"));
    EXPECT_TRUE(covered(bytes, bytes, bytes));
}

TEST_F(Versions, AVersionOfATrimmedLogIsCoveredByItsNeighbours) {
    EXPECT_TRUE(covered(numbered(1, 50'000), numbered(501, 50'000), numbered(1001, 50'000)));
    EXPECT_TRUE(covered(numbered(1, 100), numbered(51, 100), numbered(101, 100))) << "they just meet";
    EXPECT_TRUE(covered(numbered(1, 10'000), numbered(9000, 1001), numbered(9500, 5000)));
}

TEST_F(Versions, ALineThatWouldBeLostKeepsTheVersion) {
    EXPECT_FALSE(covered(numbered(1, 100), numbered(51, 100), numbered(102, 100))) << "line 101 is nowhere";
    EXPECT_FALSE(covered(numbered(1, 100), numbered(101, 100), numbered(151, 100)));
    EXPECT_FALSE(covered(numbered(1, 100), numbered(51, 100), numbered(101, 49))) << "line 150 is nowhere";
    EXPECT_FALSE(covered(numbered(1, 100), numbered(51, 100), ""));
    EXPECT_FALSE(covered("", numbered(51, 100), numbered(101, 100)));
    std::string other = numbered(101, 100);
    other[other.size() / 4] = '#';
    EXPECT_FALSE(covered(numbered(1, 100), numbered(51, 100), other));
    other = numbered(1, 100);
    other[other.size() * 3 / 4] = '#';
    EXPECT_FALSE(covered(other, numbered(51, 100), numbered(101, 100)));
}

TEST_F(Versions, AVersionOfALogThatIsWrittenInACircleIsCovered) {
    const std::string first = binary(100'000, 1);
    const std::string second = binary(40'000, 2) + first.substr(40'000);
    const std::string third = binary(40'000, 2) + binary(30'000, 3) + first.substr(70'000);
    EXPECT_TRUE(covered(first, second, third));
    std::string again = third;
    again[10] = '#';
    EXPECT_FALSE(covered(first, second, again));
    const std::string state = binary(10'000, 4);
    EXPECT_FALSE(covered(state + "14", state + "15", state + "25")) << "15 is nowhere";
}

TEST_F(Versions, NeighboursThatLookAlikeAtFirstAreComparedToTheEnd) {
    const std::string line = "the same line again and again\n";
    std::string same;
    for (int i = 0; i < 10'000; ++i)
        same += line;
    EXPECT_FALSE(covered(same, numbered(1, 1) + same, same + numbered(2, 1)));
    EXPECT_TRUE(covered(numbered(1, 1) + same, same + numbered(2, 1),
                        same.substr(line.size()) + numbered(2, 1) + numbered(3, 1)));
}

TEST_F(Versions, NothingIsReadBeyondTheBudget) {
    budget = 1U << 30U;
    EXPECT_TRUE(covered(numbered(1, 50'000), numbered(501, 50'000), numbered(1001, 50'000)));
    const auto needed = (1U << 30U) - budget;
    EXPECT_LT(needed, 3 * numbered(1, 50'000).size() + (8U << 20U));
    budget = needed / 2;
    EXPECT_FALSE(covered(numbered(1, 50'000), numbered(501, 50'000), numbered(1001, 50'000)));
}

} // namespace
} // namespace logbackup
