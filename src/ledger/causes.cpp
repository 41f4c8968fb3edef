// SPDX-License-Identifier: MIT
#include "ledger/causes.hpp"

#include "util/files.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>

namespace logbackup {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* causes_file = ".logbackup/causes"; ///< an object: key, and what Cause has
constexpr std::size_t largest_causes = 4U << 20U;
constexpr std::size_t most_causes = 200;
constexpr std::chrono::minutes until_over{5};

std::string text_in(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Timestamp time_in(const Json& object, const char* key) {
    return parse_rfc3339(text_in(object, key));
}

std::string time_text(Timestamp time) {
    return time == Timestamp{} ? std::string() : rfc3339(time);
}

} // namespace

CauseNews causes_after(const Causes& before, const std::map<std::string, std::string>& lines, Timestamp now,
                       std::chrono::milliseconds repeat, bool tells) {
    CauseNews news;
    for (const auto& [key, cause] : before) {
        if (lines.contains(key) || cause.last > now) // the clock was set back: nobody knows
            continue;
        if (now - cause.last <= until_over)
            news.causes.emplace(key, cause);
        else if (cause.told != Timestamp{})
            news.over.push_back(cause);
    }
    for (const auto& [key, line] : lines) {
        const auto known = before.find(key);
        const bool is_known = known != before.end() && known->second.last <= now;
        if (!is_known)
            news.fresh.insert(key);
        Cause cause{line, is_known ? known->second.since : now, now,
                    is_known ? known->second.told : Timestamp{}};
        if (tells && cause.told != Timestamp{} && now - cause.told < repeat)
            news.silent.insert(key);
        else if (tells)
            cause.told = now;
        if (news.causes.size() < most_causes)
            news.causes.emplace(key, std::move(cause));
    }
    return news;
}

Causes load_causes(int root) {
    Causes causes;
    const auto text = read_small_file(root, causes_file, largest_causes);
    const Json json = Json::parse(text.value_or(""), nullptr, false);
    if (json.is_object())
        for (const auto& [key, value] : json.items())
            if (value.is_object())
                causes.emplace(key, Cause{text_in(value, "line"), time_in(value, "since"),
                                          time_in(value, "last"), time_in(value, "told")});
    return causes;
}

void save_causes(int root, const Causes& causes) {
    Json json = Json::object();
    for (const auto& [key, cause] : causes)
        json[key] = {{"line", cause.line},
                     {"since", time_text(cause.since)},
                     {"last", time_text(cause.last)},
                     {"told", time_text(cause.told)}};
    (void)write_atomically(root, causes_file, json.dump(1, ' ', true, Json::error_handler_t::replace));
}

std::string over_line(const Cause& cause) {
    const auto lasted = std::chrono::floor<std::chrono::seconds>(cause.last - cause.since);
    return "is over" + (lasted.count() > 0 ? ", it lasted " + rough_time(lasted) : std::string()) + ": " +
           cause.line.substr(0, cause.line.find('\n'));
}

} // namespace logbackup
