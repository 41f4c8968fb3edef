// SPDX-License-Identifier: MIT
#include "ledger/clock.hpp"

#include "util/files.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <chrono>

namespace logbackup {
namespace {

using namespace std::chrono_literals;

// The file's modification time is ClockHistory::last_run, so most runs need not write to the file. Its text
// is ClockHistory::last_prune.
constexpr const char* clock_file = ".logbackup/clock";
constexpr std::size_t largest_file = 4096;

constexpr auto correction = 1min;
constexpr auto longest_gap = 24h;
constexpr auto prune_interval = 1h;

} // namespace

std::string doubt_about_clock(const ClockHistory& history, Timestamp now) {
    const std::string nothing = "nothing is deleted in this run: ";
    if (history.last_run == Timestamp{})
        return nothing + "no earlier run is known that the clock could be compared with";
    const std::string times =
        "the clock says " + rfc3339(now) + ", and the last run was at " + rfc3339(history.last_run);
    if (now < history.last_run - correction)
        return nothing + times + ", which is later";
    if (now > history.last_run + longest_gap)
        return nothing + times + ", more than a day ago";
    return {};
}

bool is_time_to_prune(const ClockHistory& history, Timestamp now) {
    return history.last_prune > now || now - history.last_prune >= prune_interval;
}

Timestamp newest_time(const std::vector<Record>& records, Timestamp now) {
    Timestamp newest{};
    for (const auto& record : records)
        for (const auto* text : {&record.first_seen, &record.saved_until})
            if (const Timestamp time = parse_rfc3339(*text); time <= now)
                newest = std::max(newest, time);
    return newest;
}

ClockHistory load_clock(int root) {
    const auto status = status_at(root, clock_file);
    if (!status || !S_ISREG(status->st_mode))
        return {};
    std::string text = read_small_file(root, clock_file, largest_file).value_or("");
    if (text.ends_with('\n'))
        text.pop_back();
    return {time_of(status->st_mtim), parse_rfc3339(text)};
}

void note_run(int root, Timestamp now) {
    UniqueFd file = open_for_update(root, clock_file);
    if (!file && write_atomically(root, clock_file, ""))
        file = open_for_update(root, clock_file);
    const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
    const timespec modified{seconds.time_since_epoch().count(), (now - seconds).count()};
    [[maybe_unused]] const int done =
        ::futimens(file.get(), std::array<timespec, 2>{timespec{0, UTIME_OMIT}, modified}.data());
}

void note_prune(int root, Timestamp now) {
    if (write_atomically(root, clock_file, exact_rfc3339(now) + "\n"))
        note_run(root, now);
}

} // namespace logbackup
