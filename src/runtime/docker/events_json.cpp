// SPDX-License-Identifier: MIT
#include "runtime/docker/events_json.hpp"

#include "runtime/json.hpp"

#include <nlohmann/json.hpp>

#include <sstream>

namespace logbackup {
namespace {

using Json = nlohmann::json;

/// One event, as Docker or podman prints it.
struct Event {
    std::string type;
    std::string action; ///< Docker's word for it
    std::string id;
    std::string image;
    std::string name;
    Timestamp time{};
    const Json* labels = nullptr; ///< beside a few of Docker's own
};

Timestamp time_from(const Json& nanoseconds) {
    return nanoseconds.is_number_unsigned() && nanoseconds.get<std::uint64_t>() <= INT64_MAX
               ? Timestamp(std::chrono::nanoseconds(nanoseconds.get<std::int64_t>()))
               : Timestamp{};
}

Event docker_event(const Json& json) {
    const Json& actor = member(json, "Actor");
    const Json& attributes = member(actor, "Attributes");
    return {text(member(json, "Type")),
            text(member(json, "Action")),
            text(member(actor, "ID")),
            text(member(attributes, "image")),
            text(member(attributes, "name")),
            time_from(member(json, "timeNano")),
            &attributes};
}

/// podman tells a time in words up to version 4, and in numbers since version 5.
Timestamp podman_time_of(const Json& json) {
    const Timestamp time = time_from(member(json, "timeNano"));
    return time == Timestamp{} ? parse_rfc3339(text(member(json, "Time"))) : time;
}

/// True for the container that keeps a pod's namespaces, "<12 digits of the pod's id>-infra", and that of
/// "podman kube play", "…-service".
bool is_infra(std::string_view name) {
    static constexpr std::size_t digits = 12;
    return name.find_first_not_of("0123456789abcdef") == digits &&
           (name.substr(digits) == "-infra" || name.substr(digits) == "-service");
}

Event podman_event(const Json& json) {
    std::string action = text(member(json, "Status"));
    if (action == "died")
        action = "die";
    else if (action == "remove")
        action = "destroy";
    return {text(member(json, "Type")),  std::move(action),          text(member(json, "ID")),
            text(member(json, "Image")), text(member(json, "Name")), podman_time_of(json),
            &member(json, "Attributes")};
}

void take(const Event& event, History& history) {
    if (event.type != "container" || event.id.empty())
        return;
    const bool is_birth = event.action == "create";
    if (!is_birth && event.action != "start" && event.action != "die" && event.action != "destroy")
        return;
    Life& life = history.lives[event.id];
    Container& container = life.container;
    container.id = event.id;
    container.image = event.image.substr(0, 1000);
    container.name = event.name.substr(0, 253);
    parse_labels(*event.labels, container);
    if (is_birth)
        container.created = event.time;
    else if (event.action == "start")
        container.started = event.time;
    else if (event.action == "die")
        container.finished = event.time;
    else
        life.removed = event.time;
}

} // namespace

History parse_events(std::string_view lines) {
    History history;
    std::istringstream stream{std::string(lines)};
    for (std::string line; std::getline(stream, line);) {
        const Json json = Json::parse(line, nullptr, false);
        if (!json.is_object())
            continue;
        const bool from_podman = json.contains("Status");
        const Event event = from_podman ? podman_event(json) : docker_event(json);
        if (from_podman && is_infra(event.name))
            continue;
        if (!from_podman && history.events++ == 0)
            history.begins = event.time;
        take(event, history);
    }
    return history;
}

} // namespace logbackup
