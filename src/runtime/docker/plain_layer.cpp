// SPDX-License-Identifier: MIT
#include "runtime/docker/plain_layer.hpp"

#include "runtime/docker/inspect_json.hpp"
#include "runtime/json.hpp"
#include "util/files.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <map>
#include <string>
#include <utility>

namespace logbackup {
namespace {

/// A storage driver, and where it has the directories.
constexpr std::array<std::pair<const char*, const char*>, 2> drivers{
    {{"vfs", "/vfs/dir/"}, {"btrfs", "/btrfs/subvolumes/"}}};

using Layers = std::map<std::string, std::string>; ///< their names, by container id

/// Reads podman's lists of containers with such a driver: of those that stay, and of "podman run --rm".
Layers podman_layers(const std::string& data_root, const std::string& driver) {
    static constexpr std::size_t largest_list = 64U << 20U;
    Layers layers;
    for (const char* name : {"containers.json", "volatile-containers.json"}) {
        const nlohmann::json containers = nlohmann::json::parse(
            text_of_file(data_root + "/" + driver + "-containers/" + name, largest_list), nullptr, false);
        if (containers.is_array())
            for (const auto& one : containers)
                layers[text(member(one, "id"))] = text(member(one, "layer"));
    }
    return layers;
}

/// `lists` keeps what podman_layers() returned, by directory and driver.
std::string plain_layer_of(const Container& container, std::map<std::string, Layers>& lists) {
    for (const auto& [driver, place] : drivers) {
        std::string layer = text_of_file(container.data_root + "/image/" + driver + "/layerdb/mounts/" +
                                         container.id + "/mount-id");
        if (layer.empty()) {
            const auto [list, is_new] = lists.try_emplace(container.data_root + "/" + driver);
            if (is_new)
                list->second = podman_layers(container.data_root, driver);
            layer = list->second[container.id];
        }
        if (!layer.empty() && layer.find('/') == std::string::npos)
            return container.data_root + place + layer;
    }
    return {};
}

} // namespace

std::vector<Container> described(std::string_view json) {
    auto containers = parse_inspect(json);
    std::map<std::string, Layers> lists;
    for (auto& container : containers)
        if (container.upper.empty() && !container.data_root.empty())
            container.upper = plain_layer_of(container, lists);
    return containers;
}

} // namespace logbackup
