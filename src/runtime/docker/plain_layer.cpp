// SPDX-License-Identifier: MIT
#include "runtime/docker/plain_layer.hpp"

#include "runtime/docker/inspect_json.hpp"
#include "runtime/json.hpp"
#include "util/files.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <utility>

namespace logbackup {
namespace {

/// A storage driver, and where it has the directories.
constexpr std::array<std::pair<const char*, const char*>, 2> drivers{
    {{"vfs", "/vfs/dir/"}, {"btrfs", "/btrfs/subvolumes/"}}};

/// Returns the name of the container's layer in podman's list of them; "" if it is not there.
std::string layer_in_list(const std::string& list, const std::string& id) {
    const nlohmann::json containers = nlohmann::json::parse(list, nullptr, false);
    if (containers.is_array())
        for (const auto& one : containers)
            if (text(member(one, "id")) == id)
                return text(member(one, "layer"));
    return {};
}

std::string plain_layer_of(const Container& container) {
    static constexpr std::size_t largest_list = 64U << 20U;
    for (const auto& [driver, place] : drivers) {
        std::string layer = text_of_file(container.data_root + "/image/" + driver + "/layerdb/mounts/" +
                                         container.id + "/mount-id");
        if (layer.empty())
            layer =
                layer_in_list(text_of_file(container.data_root + "/" + driver + "-containers/containers.json",
                                           largest_list),
                              container.id);
        if (!layer.empty() && layer.find('/') == std::string::npos)
            return container.data_root + place + layer;
    }
    return {};
}

} // namespace

std::vector<Container> described(std::string_view json) {
    auto containers = parse_inspect(json);
    for (auto& container : containers)
        if (container.upper.empty() && !container.data_root.empty())
            container.upper = plain_layer_of(container);
    return containers;
}

} // namespace logbackup
