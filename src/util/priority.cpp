// SPDX-License-Identifier: MIT
#include "util/priority.hpp"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

namespace logbackup {
namespace {

constexpr int least_nice = 0;
constexpr int most_nice = 19;
constexpr int last_level = 7;

// The encoding of I/O priorities for ioprio_set(2): the class from bit 13 on, the level in the lowest three
// bits. We define the constants ourselves because <linux/ioprio.h> is not C++ in every kernel: Linux 6.1.192
// names a parameter `class`.
constexpr int ioprio_who_process = 1;
constexpr unsigned ioprio_class_shift = 13;
constexpr unsigned ioprio_class_realtime = 1;
constexpr unsigned ioprio_class_best_effort = 2;
constexpr unsigned ioprio_class_idle = 3;
constexpr int ioprio_normal_level = 4; // level of a process without an explicit priority

std::optional<int> number_up_to(int most, const std::string& text) {
    int number = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || rest != end || number < 0 || number > most)
        return std::nullopt;
    return number;
}

/// Ranks the scheduling classes; 0 is the highest priority.
int rank_of(unsigned priority) {
    switch (priority >> ioprio_class_shift) {
    case ioprio_class_realtime: return 0;
    case ioprio_class_best_effort: return 1 + static_cast<int>(priority & 7U);
    case ioprio_class_idle: return most_nice;
    default: return 1 + ioprio_normal_level;
    }
}

} // namespace

std::optional<IoPriority> parse_io_priority(const std::string& text) {
    if (text == "none")
        return IoPriority{};
    if (text == "idle")
        return IoPriority{IoPriority::Class::idle, 0};
    const std::string best_effort = "best-effort";
    if (text == best_effort)
        return IoPriority{IoPriority::Class::best_effort, last_level};
    if (!text.starts_with(best_effort + ":"))
        return std::nullopt;
    const auto level = number_up_to(last_level, text.substr(best_effort.size() + 1));
    return level ? std::optional(IoPriority{IoPriority::Class::best_effort, *level}) : std::nullopt;
}

std::optional<int> parse_nice(const std::string& text) {
    return number_up_to(most_nice, text);
}

void go_first() {
    static constexpr int early = -10;
    const int now = ::getpriority(PRIO_PROCESS, 0);
    if (now <= 0) // else somebody lowered it
        ::setpriority(PRIO_PROCESS, 0, std::min(early, now));
}

void give_way(int nice, const IoPriority& io) {
    const int now = ::getpriority(PRIO_PROCESS, 0);
    ::setpriority(PRIO_PROCESS, 0, std::max({least_nice, now, nice}));
    if (io.io_class == IoPriority::Class::unchanged)
        return;
    const unsigned wanted =
        static_cast<unsigned>(io.io_class) << ioprio_class_shift | static_cast<unsigned>(io.level);
    const long io_now = ::syscall(SYS_ioprio_get, ioprio_who_process, 0);
    if (io_now < 0 || rank_of(wanted) > rank_of(static_cast<unsigned>(io_now)))
        ::syscall(SYS_ioprio_set, ioprio_who_process, 0, wanted);
}

} // namespace logbackup
