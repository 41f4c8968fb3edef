// SPDX-License-Identifier: MIT
#include "ledger/told.hpp"

#include "support.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <string>

namespace logbackup {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using Keys = std::set<std::string>;

constexpr Timestamp told_at{seconds(1'795'359'400)};

TEST(NoteTold, ALastingNoticeIsToldOnceADay) {
    const test::TempDir dir;
    dir.make_directory(".logbackup");
    EXPECT_EQ(note_told(dir.fd(), {"a"}, told_at), Keys{});
    EXPECT_EQ(note_told(dir.fd(), {"a", "b"}, told_at + seconds(60)), Keys{"a"}) << "b is new";
    EXPECT_EQ(note_told(dir.fd(), {}, told_at + seconds(120)), Keys{});
    EXPECT_EQ(note_told(dir.fd(), {"a", "b"}, told_at + hours(23)), (Keys{"a", "b"})) << "it comes and goes";
    EXPECT_EQ(note_told(dir.fd(), {"a", "b"}, told_at + hours(24)), Keys{"b"});
    EXPECT_EQ(note_told(dir.fd(), {"a", "b"}, told_at + hours(25)), Keys{"a"});
}

TEST(NoteTold, WithAClockThatWasSetBackItIsToldAgain) {
    const test::TempDir dir;
    dir.make_directory(".logbackup");
    (void)note_told(dir.fd(), {"a"}, told_at);
    EXPECT_EQ(note_told(dir.fd(), {"a"}, told_at - hours(1)), Keys{});
    EXPECT_EQ(note_told(dir.fd(), {"a"}, told_at), Keys{"a"});
}

TEST(NoteTold, WhatCannotBeNotedIsToldAgain) {
    const test::TempDir dir; // without the directory of the records
    EXPECT_EQ(note_told(dir.fd(), {"a"}, told_at), Keys{});
    EXPECT_EQ(note_told(dir.fd(), {"a"}, told_at + seconds(60)), Keys{});
    dir.write(".logbackup/told", "garbage");
    EXPECT_EQ(note_told(dir.fd(), {"a"}, told_at), Keys{});
    EXPECT_EQ(note_told(dir.fd(), {"a"}, told_at + seconds(60)), Keys{"a"});
}

TEST(ToldAfter, KeepsNoMoreThanAThousand) {
    Keys keys;
    for (int i = 0; i < 1500; ++i)
        keys.insert(std::to_string(i));
    EXPECT_EQ(told_after({}, keys, told_at).size(), 1000U);
}

} // namespace
} // namespace logbackup
