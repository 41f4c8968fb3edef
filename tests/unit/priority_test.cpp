// SPDX-License-Identifier: MIT
#include "util/priority.hpp"

#include <gtest/gtest.h>

#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

namespace logbackup {
namespace {

using Class = IoPriority::Class;

TEST(Priority, ReadsClassesAndLevels) {
    EXPECT_EQ(parse_io_priority("none"), IoPriority{});
    EXPECT_EQ(parse_io_priority("idle"), (IoPriority{Class::idle, 0}));
    EXPECT_EQ(parse_io_priority("best-effort"), (IoPriority{Class::best_effort, 7}));
    EXPECT_EQ(parse_io_priority("best-effort:0"), (IoPriority{Class::best_effort, 0}));
    for (const char* text :
         {"", "realtime", "best-effort:8", "best-effort:", "best-effort:-1", "idle:3", "Idle"})
        EXPECT_FALSE(parse_io_priority(text)) << text;
    EXPECT_EQ(parse_nice("0"), 0);
    EXPECT_EQ(parse_nice("19"), 19);
    for (const char* text : {"", "20", "-1", "ten", "1.5", " 1"})
        EXPECT_FALSE(parse_nice(text)) << text;
}

/// Priorities cannot all be taken back: a child of our own has them.
void in_a_child(const std::function<bool()>& holds) {
    const pid_t child = ::fork();
    if (child == 0)
        ::_exit(holds() ? 0 : 1);
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

// As ioprio_set(2) has them.
constexpr int ioprio_who_process = 1;
constexpr long best_effort_7 = 2L << 13 | 7;
constexpr long idle = 3L << 13;

long io_now() {
    return ::syscall(SYS_ioprio_get, ioprio_who_process, 0);
}

TEST(Priority, GivesWay) {
    in_a_child([] {
        give_way(10, {Class::best_effort, 7});
        return ::getpriority(PRIO_PROCESS, 0) == 10 && io_now() == best_effort_7;
    });
    in_a_child([] {
        give_way(19, {Class::idle, 0});
        return ::getpriority(PRIO_PROCESS, 0) == 19 && io_now() == idle;
    });
}

TEST(Priority, TakesNothingBack) {
    in_a_child([] {
        give_way(15, {Class::idle, 0});
        give_way(10, {Class::best_effort, 0});
        return ::getpriority(PRIO_PROCESS, 0) == 15 && io_now() == idle;
    });
    in_a_child([] {
        const long before = io_now();
        give_way(0, {});
        return ::getpriority(PRIO_PROCESS, 0) >= 0 && io_now() == before;
    });
}

} // namespace
} // namespace logbackup
