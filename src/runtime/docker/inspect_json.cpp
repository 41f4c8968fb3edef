// SPDX-License-Identifier: MIT
#include "runtime/docker/inspect_json.hpp"

#include "runtime/json.hpp"
#include "util/error.hpp"
#include "util/files.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <limits>
#include <sstream>
#include <utility>

namespace logbackup {
namespace {

using Json = nlohmann::json;

ContainerState parse_state(const Json& state) {
    static const std::array<std::pair<const char*, ContainerState>, 11> names{{
        {"created", ContainerState::created},
        {"running", ContainerState::running},
        {"paused", ContainerState::paused},
        {"restarting", ContainerState::restarting},
        {"removing", ContainerState::removing},
        {"exited", ContainerState::exited},
        {"dead", ContainerState::dead},
        {"configured", ContainerState::created}, // these are podman's
        {"initialized", ContainerState::created},
        {"stopping", ContainerState::running},
        {"stopped", ContainerState::exited},
    }};
    const std::string status = text(member(state, "Status"));
    for (const auto& [name, value] : names)
        if (status == name)
            return value;
    return ContainerState::unknown;
}

pid_t parse_pid(const Json& value) {
    if (!value.is_number_integer())
        return 0;
    const auto pid = value.get<std::int64_t>();
    return pid > 0 && pid <= std::numeric_limits<pid_t>::max() ? static_cast<pid_t>(pid) : 0;
}

void parse_layers(const Json& data, Container& container) {
    container.upper = text(member(data, "UpperDir"));
    container.merged = text(member(data, "MergedDir"));
    std::istringstream lowers(text(member(data, "LowerDir")));
    for (std::string lower; std::getline(lowers, lower, ':');)
        container.lowers.push_back(std::move(lower));
}

/// Returns the data root for "/var/lib/docker/containers/<id>/resolv.conf"; "" for any other path. A
/// container of a pod has the file of its pod's sandbox.
std::string data_root_of(const std::string& resolv_conf, const std::string& id) {
    static constexpr std::size_t digits = 64; // of an id
    const std::string end = "/resolv.conf";
    const std::string middle = "/containers/";
    if (!resolv_conf.starts_with('/') || !resolv_conf.ends_with(end))
        return {};
    const std::string own = resolv_conf.substr(0, resolv_conf.size() - end.size());
    const auto name = own.rfind('/') + 1;
    const bool is_id =
        own.substr(name) == id ||
        (own.size() - name == digits && own.find_first_not_of("0123456789abcdef", name) == std::string::npos);
    const std::string above = own.substr(0, name);
    return is_id && above.ends_with(middle) ? above.substr(0, above.size() - middle.size()) : std::string();
}

/// Returns podman's data root for its directory of a container, which is
/// "<data root>/overlay-containers/<id>/userdata"; "" for any other path.
std::string podman_root_of(const std::string& static_directory, const std::string& id) {
    const std::string end = "-containers/" + id + "/userdata";
    if (!static_directory.starts_with('/') || !static_directory.ends_with(end))
        return {};
    return parent_path(static_directory.substr(0, static_directory.size() - end.size()));
}

void parse_mounts(const Json& mounts, const Json& tmpfs, Container& container) {
    if (mounts.is_array()) {
        for (const auto& mount : mounts) {
            const Json& writable = member(mount, "RW");
            container.mounts.push_back({text(member(mount, "Type")), text(member(mount, "Source")),
                                        text(member(mount, "Destination")),
                                        writable.is_boolean() && !writable.get<bool>()
                                            ? MountAccess::read_only
                                            : MountAccess::read_write,
                                        text(member(mount, "Name"))});
        }
    }
    // `docker run --tmpfs` appears here only, not in .Mounts.
    if (tmpfs.is_object())
        for (const auto& [destination, options] : tmpfs.items())
            container.mounts.push_back({"tmpfs", {}, destination, MountAccess::read_write});
}

constexpr std::size_t longest_name = 253;

Container parse_container(const Json& value) {
    Container container;
    container.id = text(member(value, "Id"));
    const Json& state = member(value, "State");
    container.state = parse_state(state);
    container.pid = parse_pid(member(state, "Pid"));
    container.created = parse_rfc3339(text(member(value, "Created")));
    container.started = parse_rfc3339(text(member(state, "StartedAt")));
    container.finished = parse_rfc3339(text(member(state, "FinishedAt")));
    const std::string name = text(member(value, "Name"));
    container.name = name.substr(name.starts_with('/') ? 1 : 0, longest_name);
    const Json& config = member(value, "Config");
    static constexpr std::size_t longest_image = 1000;
    container.image = text(member(config, "Image")).substr(0, longest_image);
    parse_labels(member(config, "Labels"), container);
    parse_layers(member(member(value, "GraphDriver"), "Data"), container);
    parse_mounts(member(value, "Mounts"), member(member(value, "HostConfig"), "Tmpfs"), container);
    container.data_root = data_root_of(text(member(value, "ResolvConfPath")), container.id);
    if (container.data_root.empty())
        container.data_root = podman_root_of(text(member(value, "StaticDir")), container.id);
    if (const Json& infra = member(value, "IsInfra"); infra.is_boolean()) // podman's, whatever a label says
        container.kind = infra.get<bool>() ? "podsandbox" : "";
    return container;
}

} // namespace

std::vector<Container> parse_inspect(std::string_view json) {
    // Drop unused members while parsing, so that memory depends only on what is kept.
    const auto keep = [](int depth, Json::parse_event_t event, Json& parsed) {
        if (event != Json::parse_event_t::key || depth != 2)
            return true;
        static const std::array<std::string, 11> read{
            "Id",     "Name",       "Created",        "State",     "Config", "GraphDriver",
            "Mounts", "HostConfig", "ResolvConfPath", "StaticDir", "IsInfra"};
        return std::find(read.begin(), read.end(), parsed.get_ref<const std::string&>()) != read.end();
    };
    const Json document = Json::parse(json, keep, false);
    if (!document.is_array())
        throw Error("cannot understand what docker inspect printed: it is not a JSON array");
    std::vector<Container> containers;
    for (const auto& value : document) {
        Container container = parse_container(value);
        if (!container.id.empty())
            containers.push_back(std::move(container));
    }
    return containers;
}

} // namespace logbackup
