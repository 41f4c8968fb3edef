// SPDX-License-Identifier: MIT
#include "content/proof.hpp"

#include "support.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <fstream>
#include <functional>

namespace logbackup {
namespace {

class Proving : public ::testing::Test {
  protected:
    test::TempDir dir;
    std::function<bool()> is_over = [] { return false; };

    Proof proof(const std::string& source, const std::string& arrived, std::uint64_t from,
                std::uint64_t data_from, StopSignal& stop) {
        dir.write("source", source);
        return proof_of_written(arrived, from, data_from, stop);
    }
    Proof proof_of_written(const std::string& arrived, std::uint64_t from, std::uint64_t data_from,
                           StopSignal& stop) {
        dir.write("arrived", arrived);
        const UniqueFd one(::open(dir.at("source").c_str(), O_RDONLY | O_CLOEXEC));
        const UniqueFd other(::open(dir.at("arrived").c_str(), O_RDONLY | O_CLOEXEC));
        return prove({one.get(), other.get(), from, data_from, arrived.size()}, stop, is_over);
    }
};

TEST_F(Proving, ComparesEveryByte) {
    test::Stop stop;
    const std::string text(200'000, 'a');
    EXPECT_EQ(proof(text + "more", text, 0, 0, stop.get()).until, text.size());
    for (const std::size_t changed : {std::size_t{0}, std::size_t{70'000}, std::size_t{199'999}}) {
        std::string other = text;
        other[changed] = '\0';
        const auto result = proof(text, other, 0, 0, stop.get());
        EXPECT_EQ(result.until, changed / 65536 * 65536) << changed; // no more than is the same
        EXPECT_EQ(result.error, 0);
    }
    EXPECT_EQ(proof(text, "", 0, 0, stop.get()).until, 0U);
}

TEST_F(Proving, BeginsWhereBytesArrived) {
    test::Stop stop;
    const std::string text(1000, 'a');
    EXPECT_EQ(proof(text, std::string(500, '\0') + std::string(500, 'a'), 500, 500, stop.get()).until, 1000U);
}

TEST_F(Proving, AHoleThatIsFilledProvesNothing) {
    test::Stop stop;
    const std::string arrived = std::string(65536, '\0') + "data";
    dir.write("source", "");
    ASSERT_EQ(::truncate(dir.at("source").c_str(), 65536), 0);
    std::ofstream(dir.at("source"), std::ios::app) << "data";
    EXPECT_EQ(proof_of_written(arrived, 0, 65536, stop.get()).until, arrived.size());
    EXPECT_EQ(proof(std::string(65536, 'x') + "data", arrived, 0, 65536, stop.get()).error, ECANCELED);
}

TEST_F(Proving, WhatCannotBeReadIsTold) {
    test::Stop stop;
    dir.write("arrived", "abc");
    const UniqueFd directory(::open(dir.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const UniqueFd arrived(::open(dir.at("arrived").c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(prove({directory.get(), arrived.get(), 0, 0, 3}, stop.get(), is_over).error, EISDIR);
}

TEST_F(Proving, InARunThatIsToEndToo) {
    test::Stop stop(std::chrono::milliseconds(0));
    ASSERT_TRUE(stop.get().requested());
    const std::string text(200'000, 'a');
    EXPECT_EQ(proof(text, text, 0, 0, stop.get()).until, text.size());
    std::string other = text;
    other[100'000] = 'X';
    EXPECT_EQ(proof(text, other, 0, 0, stop.get()).until, 65536U);
}

TEST_F(Proving, WhenTheTimeIsOverWhatIsProvedCounts) {
    test::Stop stop;
    const std::string text(400'000, 'a');
    int blocks = 0;
    is_over = [&] { return blocks++ == 3; };
    const auto result = proof(text, text, 0, 0, stop.get());
    EXPECT_EQ(result.until, 3 * 65536U);
    EXPECT_EQ(result.error, ECANCELED);
}

TEST_F(Proving, BothEnds) {
    test::Stop stop;
    const std::string text(100'000, 'a');
    const auto same = [&](const std::string& saved) {
        dir.write("source", text);
        dir.write("saved", saved);
        const UniqueFd one(::open(dir.at("source").c_str(), O_RDONLY | O_CLOEXEC));
        const UniqueFd other(::open(dir.at("saved").c_str(), O_RDONLY | O_CLOEXEC));
        return same_at_ends(one.get(), other.get(), saved.size(), stop.get());
    };
    EXPECT_TRUE(same(""));
    EXPECT_TRUE(same(text.substr(0, 10)));
    EXPECT_TRUE(same(text));
    EXPECT_FALSE(same("b" + text.substr(1)));
    EXPECT_FALSE(same(text.substr(1) + "b"));
}

} // namespace
} // namespace logbackup
