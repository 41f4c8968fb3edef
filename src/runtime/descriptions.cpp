// SPDX-License-Identifier: MIT
#include "runtime/descriptions.hpp"

#include "util/text.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

namespace logbackup {
namespace {

using Json = nlohmann::json;

constexpr int format = 1; // it changes with what is kept

constexpr auto text_members = std::to_array<std::pair<const char*, std::string Container::*>>({
    {"runtime", &Container::runtime},
    {"image", &Container::image},
    {"service", &Container::service},
    {"pod", &Container::pod},
    {"namespace", &Container::namespace_name},
    {"pod_uid", &Container::pod_uid},
    {"restart_count", &Container::restart_count},
    {"kind", &Container::kind},
    {"name", &Container::name},
    {"upper", &Container::upper},
    {"merged", &Container::merged},
    {"data_root", &Container::data_root},
});
constexpr auto time_members = std::to_array<std::pair<const char*, Timestamp Container::*>>({
    {"created", &Container::created},
    {"started", &Container::started},
    {"finished", &Container::finished},
});
constexpr auto flag_members = std::to_array<std::pair<const char*, bool Container::*>>({
    {"has_service", &Container::has_service},
    {"has_pod", &Container::has_pod},
    {"is_named_freely", &Container::is_named_freely},
});

Json json_of(const Mount& mount) {
    // Any of these can have any bytes: an image or a pod chooses them.
    return Json::array({percent_encoded(mount.type), percent_encoded(mount.source),
                        percent_encoded(mount.destination), percent_encoded(mount.name),
                        mount.access == MountAccess::read_only});
}

Json json_of(const Container& container) {
    Json json;
    for (const auto& [name, member] : text_members)
        if (!(container.*member).empty())
            json[name] = percent_encoded(container.*member);
    for (const auto& [name, member] : time_members)
        if (container.*member != Timestamp{})
            json[name] = (container.*member).time_since_epoch().count();
    for (const auto& [name, member] : flag_members)
        if (container.*member)
            json[name] = true;
    json["status"] = static_cast<int>(container.state);
    if (container.pid != 0)
        json["pid"] = container.pid;
    for (const auto& lower : container.lowers)
        json["lowers"].push_back(percent_encoded(lower));
    for (const auto& [key, value] : container.labels)
        json["labels"][percent_encoded(key)] = percent_encoded(value);
    for (const auto& mount : container.mounts)
        json["mounts"].push_back(json_of(mount));
    return json;
}

// What follows throws Json::exception when the text is not what json_of() made.

std::string decoded(const Json& json) {
    return percent_decoded(json.get_ref<const std::string&>());
}

Mount mount_of(const Json& json) {
    return {decoded(json.at(0)), decoded(json.at(1)), decoded(json.at(2)),
            json.at(4).get<bool>() ? MountAccess::read_only : MountAccess::read_write, decoded(json.at(3))};
}

Container container_of(const Json& json) {
    Container container;
    container.runtime.clear();
    for (const auto& [name, member] : text_members)
        if (const auto found = json.find(name); found != json.end())
            container.*member = decoded(*found);
    for (const auto& [name, member] : time_members)
        if (const auto found = json.find(name); found != json.end())
            container.*member = Timestamp(std::chrono::nanoseconds(found->get<std::int64_t>()));
    for (const auto& [name, member] : flag_members)
        container.*member = json.contains(name);
    const int status = json.at("status").get<int>();
    if (status >= 0 && status <= static_cast<int>(ContainerState::unknown))
        container.state = static_cast<ContainerState>(status);
    if (const auto pid = json.find("pid"); pid != json.end())
        container.pid = pid->get<pid_t>();
    if (const auto lowers = json.find("lowers"); lowers != json.end())
        for (const auto& lower : *lowers)
            container.lowers.push_back(decoded(lower));
    if (const auto labels = json.find("labels"); labels != json.end())
        for (const auto& [key, value] : labels->items())
            container.labels.emplace(percent_decoded(key), decoded(value));
    if (const auto mounts = json.find("mounts"); mounts != json.end())
        for (const auto& mount : *mounts)
            container.mounts.push_back(mount_of(mount));
    return container;
}

} // namespace

std::string descriptions_text(const Descriptions& descriptions) {
    std::string text = "{\"format\":" + std::to_string(format) + ",\"containers\":{";
    const char* between = "\n";
    for (const auto& [id, description] : descriptions) {
        Json json = json_of(description.container);
        if (!description.state.empty())
            json["state"] = percent_encoded(description.state);
        text += between + Json(percent_encoded(id)).dump() + ":" + json.dump();
        between = ",\n";
    }
    return text + "\n}}\n";
}

Descriptions parse_descriptions(std::string_view text) {
    try {
        const Json json = Json::parse(text);
        if (json.at("format") != format)
            return {};
        Descriptions descriptions;
        for (const auto& [key, value] : json.at("containers").items()) {
            Description description{container_of(value), {}};
            description.container.id = percent_decoded(key);
            if (const auto state = value.find("state"); state != value.end())
                description.state = decoded(*state);
            descriptions.emplace(description.container.id, std::move(description));
        }
        return descriptions;
    } catch (const Json::exception&) {
        return {};
    }
}

} // namespace logbackup
