// SPDX-License-Identifier: MIT
#include "runtime/containerd/ctr_text.hpp"

#include "runtime/json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <sstream>
#include <utility>

namespace logbackup {
namespace {

using Json = nlohmann::json;

constexpr std::size_t longest_image_name = 1000;
constexpr std::size_t longest_count = 253;

/// Decodes base64 (RFC 4648, section 4); stops at the first byte that is not of its alphabet.
std::string decode_base64(std::string_view encoded) {
    static constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string decoded;
    std::uint32_t bits = 0;
    int held = 0;
    for (const char digit : encoded) {
        const auto value = alphabet.find(digit);
        if (value == std::string_view::npos)
            break;
        bits = bits << 6U | static_cast<std::uint32_t>(value);
        held += 6;
        if (held >= 8) {
            held -= 8;
            decoded += static_cast<char>(bits >> static_cast<unsigned>(held) & 0xffU);
        }
    }
    return decoded;
}

/// Returns how often the kubelet had started the container before. The CRI service keeps its own description
/// of the container as base64 of JSON.
std::string restart_count_of(const Json& extensions) {
    const Json metadata = Json::parse(
        decode_base64(text(member(member(extensions, "io.cri-containerd.container.metadata"), "value"))),
        nullptr, false);
    const Json& config = member(member(metadata, "Metadata"), "Config");
    const std::string annotated =
        text(member(member(config, "annotations"), "io.kubernetes.container.restartCount"));
    if (!annotated.empty())
        return annotated.substr(0, longest_count);
    const Json& attempt = member(member(config, "metadata"), "attempt");
    return attempt.is_number_unsigned() ? std::to_string(attempt.get<std::uint64_t>()) : std::string();
}

void parse_mount(const Json& value, Container& container) {
    Mount mount;
    mount.type = text(member(value, "type"));
    mount.destination = text(member(value, "destination"));
    bool is_bind = mount.type == "bind";
    if (const Json& options = member(value, "options"); options.is_array())
        for (const auto& option : options) {
            is_bind = is_bind || option == "bind" || option == "rbind";
            if (option == "ro")
                mount.access = MountAccess::read_only;
        }
    if (is_bind) {
        mount.type = "bind";
        mount.source = text(member(value, "source"));
    }
    if (mount.type == "tmpfs" || mount.source.starts_with('/'))
        container.mounts.push_back(std::move(mount));
}

Timestamp time_at(const Json& nanoseconds) {
    return nanoseconds.is_number_integer()
               ? Timestamp(std::chrono::nanoseconds(nanoseconds.get<std::int64_t>()))
               : Timestamp{};
}

/// Returns the value of one of the options of a mount, "a=b,c=d"; "" if there is none.
std::string option_value(const std::string& options, const std::string& name) {
    std::istringstream stream(options);
    for (std::string option; std::getline(stream, option, ',');)
        if (option.starts_with(name + "="))
            return option.substr(name.size() + 1);
    return {};
}

pid_t pid_of(const Json& value) {
    if (!value.is_number_integer())
        return 0;
    const auto pid = value.get<std::int64_t>();
    return pid > 0 && pid <= std::numeric_limits<pid_t>::max() ? static_cast<pid_t>(pid) : 0;
}

struct CtrEvent {
    Timestamp time;
    std::string name_space;
    std::string topic;
    Json json;
};

void take(const CtrEvent& event, History& history, CtrPlaces& places) {
    const bool is_birth = event.topic == "/containers/create";
    const bool is_removal = event.topic == "/containers/delete";
    const bool is_start = event.topic == "/tasks/start";
    if (!is_birth && !is_removal && !is_start && event.topic != "/tasks/exit")
        return;
    const std::string id = text(member(event.json, is_birth || is_removal ? "id" : "container_id"));
    // An exit can be that of a command beside the container's own.
    if (id.empty() || (event.topic == "/tasks/exit" && text(member(event.json, "id")) != id))
        return;
    Life& life = history.lives[id];
    life.container.id = id;
    if (is_birth) {
        life.container.created = event.time;
        places[id] = {event.name_space, {}};
    } else if (is_removal) {
        life.removed = event.time;
        places.erase(id);
    } else if (is_start) {
        life.container.started = event.time;
        places[id] = {event.name_space, {pid_of(member(event.json, "pid")), ContainerState::running}};
    } else {
        life.container.finished = event.time;
        if (const auto place = places.find(id); place != places.end())
            place->second.task.state = ContainerState::exited;
    }
}

} // namespace

std::map<std::string, CtrTask> parse_tasks(const std::string& text) {
    static const std::array<std::pair<const char*, ContainerState>, 5> states{{
        {"RUNNING", ContainerState::running},
        {"PAUSED", ContainerState::paused},
        {"PAUSING", ContainerState::paused},
        {"CREATED", ContainerState::created},
        {"STOPPED", ContainerState::exited},
    }};
    std::map<std::string, CtrTask> tasks;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string id;
        std::string status;
        long pid = 0;
        if (!(words >> id >> pid >> status) || pid <= 0 || pid > std::numeric_limits<pid_t>::max())
            continue;
        CtrTask task{static_cast<pid_t>(pid), ContainerState::unknown};
        for (const auto& [name, state] : states)
            if (status == name)
                task.state = state;
        tasks.emplace(std::move(id), task);
    }
    return tasks;
}

std::vector<std::string> parse_words(const std::string& text) {
    std::vector<std::string> result;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string word;
        std::string more;
        if (words >> word && !(words >> more) && word.front() != '-')
            result.push_back(std::move(word));
    }
    return result;
}

std::optional<CtrInfo> parse_info(std::string_view json) {
    const Json value = Json::parse(json, nullptr, false);
    CtrInfo info;
    Container& container = info.container;
    container.id = text(member(value, "ID"));
    if (container.id.empty())
        return std::nullopt;
    const Json& labels = member(value, "Labels");
    const std::string nerdctl_name = text(member(labels, "nerdctl/name"));
    container.name = nerdctl_name.empty() ? container.id : nerdctl_name;
    container.image = text(member(value, "Image")).substr(0, longest_image_name);
    container.created = parse_rfc3339(text(member(value, "CreatedAt")));
    parse_labels(labels, container);
    // Labels can be those of an image; what the CRI service knows of a container, nobody else writes.
    const Json& extensions = member(value, "Extensions");
    if (member(extensions, "io.cri-containerd.sandbox.metadata").is_object())
        container.kind = "podsandbox";
    else
        container.kind =
            member(extensions, "io.cri-containerd.container.metadata").is_object() ? "container" : "";
    container.restart_count = restart_count_of(member(value, "Extensions"));
    if (const Json& mounts = member(member(value, "Spec"), "mounts"); mounts.is_array())
        for (const auto& mount : mounts)
            parse_mount(mount, container);
    info.snapshotter = text(member(value, "Snapshotter"));
    info.snapshot = text(member(value, "SnapshotKey"));
    return info;
}

void parse_snapshot_mounts(const std::string& text, Container& container) {
    std::istringstream words(text);
    std::string mount;
    std::string dash;
    std::string type;
    std::string source;
    std::string place;
    std::string dash_o;
    std::string options;
    std::string more;
    if (!(words >> mount >> dash >> type >> source >> place >> dash_o >> options) || words >> more)
        return;
    if (type == "bind" && source.starts_with('/')) {
        container.upper = source;
        return;
    }
    const std::string upper = option_value(options, "upperdir");
    if (type != "overlay" || !upper.starts_with('/'))
        return;
    container.upper = upper;
    std::istringstream lowers(option_value(options, "lowerdir"));
    for (std::string lower; std::getline(lowers, lower, ':');)
        container.lowers.push_back(std::move(lower));
}

void parse_cri_status(std::string_view json, Container& container) {
    const Json status = Json::parse(json, nullptr, false);
    if (!status.is_object())
        return;
    container.started = time_at(member(status, "StartedAt"));
    container.finished = time_at(member(status, "FinishedAt"));
    if (container.has_process())
        container.finished = {};
    else
        container.state = container.started == Timestamp{} ? ContainerState::created : ContainerState::exited;
}

History parse_ctr_events(std::string_view lines, CtrPlaces& places) {
    History history;
    std::istringstream stream{std::string(lines)};
    for (std::string line; std::getline(stream, line);) {
        std::istringstream words(line);
        CtrEvent event;
        std::string date;
        std::string time_of_day;
        std::string zone;
        std::string utc;
        std::string json;
        if (!(words >> date >> time_of_day >> zone >> utc >> event.name_space >> event.topic) ||
            utc != "UTC" || is_of_docker(event.name_space) || !std::getline(words, json))
            continue;
        event.json = Json::parse(json, nullptr, false);
        event.time = parse_rfc3339(date + "T" + time_of_day + "Z");
        if (!event.json.is_object() || event.time == Timestamp{})
            continue;
        if (history.events++ == 0)
            history.begins = event.time;
        take(event, history, places);
    }
    return history;
}

bool is_of_docker(std::string_view containerd_namespace) {
    return containerd_namespace == "moby" || containerd_namespace == "plugins.moby";
}

std::string containerd_root_of(const std::string& upper) {
    const auto end = upper.find("/io.containerd.snapshotter.v1.");
    return upper.starts_with('/') && end != std::string::npos ? upper.substr(0, end) : std::string();
}

} // namespace logbackup
