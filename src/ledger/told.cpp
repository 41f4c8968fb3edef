// SPDX-License-Identifier: MIT
#include "ledger/told.hpp"

#include "util/files.hpp"

#include <nlohmann/json.hpp>

#include <unistd.h>

#include <chrono>
#include <cstddef>

namespace logbackup {
namespace {

constexpr const char* told_file = ".logbackup/told"; ///< an object: key and time
constexpr std::size_t largest_told = 4U << 20U;
constexpr std::size_t most_told = 1000;
constexpr std::chrono::hours silence{24};

Told load_told(int root) {
    Told told;
    const auto text = read_small_file(root, told_file, largest_told);
    const auto json = nlohmann::json::parse(text.value_or(""), nullptr, false);
    if (json.is_object())
        for (const auto& [key, time] : json.items())
            if (time.is_string())
                told.emplace(key, parse_rfc3339(time.get<std::string>()));
    return told;
}

void save_told(int root, const Told& told) {
    auto json = nlohmann::json::object();
    for (const auto& [key, time] : told)
        json[key] = rfc3339(time);
    // A notice that is told too often does no harm.
    (void)write_atomically(root, told_file,
                           json.dump(1, ' ', true, nlohmann::json::error_handler_t::replace));
}

} // namespace

Told told_after(const Told& told, const std::set<std::string>& keys, Timestamp now) {
    Told after;
    for (const auto& [key, time] : told)
        if (time <= now && now - time < silence)
            after.emplace(key, time);
    for (const auto& key : keys)
        if (after.size() < most_told)
            after.emplace(key, now);
    return after;
}

std::set<std::string> note_told(int root, const std::set<std::string>& keys, Timestamp now) {
    const Told before = load_told(root);
    const Told after = told_after(before, keys, now);
    std::set<std::string> told;
    for (const auto& key : keys)
        if (const auto found = after.find(key);
            found != after.end() && before.contains(key) && before.at(key) == found->second)
            told.insert(key);
    if (after != before)
        save_told(root, after);
    return told;
}

} // namespace logbackup
