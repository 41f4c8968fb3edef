// SPDX-License-Identifier: MIT
#include "runtime/docker/events_json.hpp"

#include "runtime/json.hpp"

#include <nlohmann/json.hpp>

#include <sstream>

namespace logbackup {
namespace {

using Json = nlohmann::json;

Timestamp time_of(const Json& event) {
    const Json& nanoseconds = member(event, "timeNano");
    return nanoseconds.is_number_unsigned() && nanoseconds.get<std::uint64_t>() <= INT64_MAX
               ? Timestamp(std::chrono::nanoseconds(nanoseconds.get<std::int64_t>()))
               : Timestamp{};
}

void take(const Json& event, History& history) {
    const Json& actor = member(event, "Actor");
    const std::string id = text(member(actor, "ID"));
    const std::string action = text(member(event, "Action"));
    if (text(member(event, "Type")) != "container" || id.empty())
        return;
    const bool is_birth = action == "create";
    if (!is_birth && action != "start" && action != "die" && action != "destroy")
        return;
    Life& life = history.lives[id];
    Container& container = life.container;
    container.id = id;
    const Json& attributes = member(actor, "Attributes");
    container.image = text(member(attributes, "image")).substr(0, 1000);
    container.name = text(member(attributes, "name")).substr(0, 253);
    parse_labels(attributes, container); // beside a few of Docker's own
    const Timestamp time = time_of(event);
    if (is_birth)
        container.created = time;
    else if (action == "start")
        container.started = time;
    else if (action == "die")
        container.finished = time;
    else
        life.removed = time;
}

} // namespace

History parse_events(std::string_view lines) {
    History history;
    std::istringstream stream{std::string(lines)};
    for (std::string line; std::getline(stream, line);) {
        const Json event = Json::parse(line, nullptr, false);
        if (!event.is_object())
            continue;
        if (history.events++ == 0)
            history.begins = time_of(event);
        take(event, history);
    }
    return history;
}

} // namespace logbackup
