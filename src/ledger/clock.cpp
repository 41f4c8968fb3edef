// SPDX-License-Identifier: MIT
#include "ledger/clock.hpp"

#include "util/files.hpp"

#include <nlohmann/json.hpp>

#include <sys/stat.h>

#include <array>
#include <chrono>

namespace logbackup {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::ordered_json;

// The file's modification time is Clock::seen, so a run need not write to it while nothing changes.
constexpr const char* clock_file = ".logbackup/clock";
constexpr std::size_t largest_file = 4096;

constexpr auto correction = 1min;
constexpr auto longest_gap = 24h;
constexpr auto steady_after = 24h;
constexpr auto prune_interval = 1h;

Timestamp time_member(const Json& json, const char* name) {
    const auto found = json.find(name);
    return found != json.end() && found->is_string() ? parse_rfc3339(found->get<std::string>()) : Timestamp{};
}

} // namespace

Clock seen_at(const Clock& before, Timestamp now) {
    Clock clock = before;
    clock.seen = now;
    const bool known = before.seen != Timestamp{} && before.steady != Timestamp{} && before.steady <= now;
    if (!known || now < before.seen - correction || now > before.seen + longest_gap)
        clock.steady = now;
    return clock;
}

bool is_steady(const Clock& clock) {
    return clock.steady != Timestamp{} && clock.seen - clock.steady >= steady_after;
}

bool is_time_to_prune(const Clock& clock) {
    return clock.pruned > clock.seen || clock.seen - clock.pruned >= prune_interval;
}

std::string unsteady_text(const Clock& clock) {
    return "nothing is deleted yet: runs have seen the clock go without a jump only since " +
           rfc3339(clock.steady) + ", which must be a day";
}

Clock load_clock(int root) {
    const auto status = status_at(root, clock_file);
    const auto text = status ? read_small_file(root, clock_file, largest_file) : std::nullopt;
    const Json json = Json::parse(text.value_or(""), nullptr, false);
    if (!json.is_object())
        return {};
    return {Timestamp(std::chrono::seconds(status->st_mtim.tv_sec) +
                      std::chrono::nanoseconds(status->st_mtim.tv_nsec)),
            time_member(json, "steady_since"), time_member(json, "pruned")};
}

void save_clock(int root, const Clock& before, const Clock& clock) {
    const bool changed = clock.steady != before.steady || clock.pruned != before.pruned;
    const Json json{{"steady_since", exact_rfc3339(clock.steady)}, {"pruned", exact_rfc3339(clock.pruned)}};
    if (changed && !write_atomically(root, clock_file, json.dump() + "\n"))
        return;
    const UniqueFd file = open_for_update(root, clock_file);
    const auto seconds = std::chrono::floor<std::chrono::seconds>(clock.seen);
    const timespec seen{seconds.time_since_epoch().count(), (clock.seen - seconds).count()};
    [[maybe_unused]] const int done =
        ::futimens(file.get(), std::array<timespec, 2>{timespec{0, UTIME_OMIT}, seen}.data());
}

} // namespace logbackup
