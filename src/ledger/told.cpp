// SPDX-License-Identifier: MIT
#include "ledger/told.hpp"

#include "util/files.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <map>

namespace logbackup {
namespace {

constexpr const char* told_file = ".logbackup/told"; ///< percent-encoded subject -> when
constexpr std::size_t most_told = 1000;
constexpr std::size_t largest_told = 16U << 20U;
constexpr std::chrono::hours time_between{24};

/// Reads what was told within the last day. A time in the future was noted with a wrong clock.
std::map<std::string, Timestamp> load_told(int root, Timestamp now) {
    std::map<std::string, Timestamp> told;
    const auto json =
        nlohmann::json::parse(read_small_file(root, told_file, largest_told).value_or(""), nullptr, false);
    if (!json.is_object())
        return told;
    for (const auto& [subject, when] : json.items()) {
        const auto time = when.is_string() ? parse_rfc3339(when.get<std::string>()) : Timestamp{};
        if (time <= now && now - time < time_between)
            told.emplace(subject, time);
    }
    return told;
}

} // namespace

std::vector<std::string> not_told_today(int root, const std::vector<std::string>& subjects, Timestamp now) {
    std::vector<std::string> to_tell;
    if (subjects.empty())
        return to_tell;
    auto told = load_told(root, now);
    for (const auto& subject : subjects) {
        const auto key = percent_encoded(subject);
        if (told.contains(key))
            continue;
        to_tell.push_back(subject);
        if (told.size() < most_told)
            told.emplace(key, now);
    }
    if (to_tell.empty())
        return to_tell;
    auto json = nlohmann::json::object();
    for (const auto& [subject, when] : told)
        json[subject] = rfc3339(when);
    (void)write_atomically(root, told_file, json.dump(1));
    return to_tell;
}

} // namespace logbackup
