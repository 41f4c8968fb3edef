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

std::size_t count_in(const Json& object) {
    const auto found = object.find("count");
    return found != object.end() && found->is_number_unsigned() ? found->get<std::size_t>() : 1;
}

Timestamp time_in(const Json& object, const char* key) {
    return parse_rfc3339(text_in(object, key));
}

std::string time_text(Timestamp time) {
    return time == Timestamp{} ? std::string() : rfc3339(time);
}

} // namespace

CauseNews causes_after(const Causes& before, const std::map<std::string, MetCause>& met, Timestamp now,
                       std::chrono::milliseconds repeat, bool tells, bool whole) {
    CauseNews news;
    for (const auto& [key, cause] : before) {
        if (met.contains(key) || cause.last > now) // the clock was set back: nobody knows
            continue;
        if (!whole)
            news.causes.emplace(key, cause).first->second.last = now;
        else if (now - cause.last <= until_over)
            news.causes.emplace(key, cause);
        else
            news.over.push_back(cause);
    }
    for (const auto& [key, one] : met) {
        const auto known = before.find(key);
        const bool is_known = known != before.end() && known->second.last <= now;
        if (!is_known)
            news.fresh.insert(key);
        Cause cause = is_known ? known->second : Cause{one.line, one.count, now, now, {}};
        cause.last = now;
        const bool is_told =
            cause.told != Timestamp{} && now - cause.told < repeat && one.count < 2 * cause.count;
        if (tells && is_told)
            news.silent.insert(key);
        else
            cause = {one.line, one.count, cause.since, now, tells ? now : cause.told};
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
                causes.emplace(key, Cause{text_in(value, "line"), count_in(value), time_in(value, "since"),
                                          time_in(value, "last"), time_in(value, "told")});
    return causes;
}

void save_causes(int root, const Causes& causes) {
    Json json = Json::object();
    for (const auto& [key, cause] : causes)
        json[key] = {{"line", cause.line},
                     {"count", cause.count},
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
