// SPDX-License-Identifier: MIT
#include "runtime/docker/plain_layer.hpp"

#include "runtime/docker/inspect_json.hpp"
#include "util/files.hpp"

#include <array>
#include <utility>

namespace logbackup {
namespace {

/// A storage driver, and where it has the directories.
constexpr std::array<std::pair<const char*, const char*>, 2> drivers{
    {{"vfs", "/vfs/dir/"}, {"btrfs", "/btrfs/subvolumes/"}}};

std::string plain_layer_of(const Container& container) {
    for (const auto& [driver, place] : drivers) {
        const std::string layer = text_of_file(container.data_root + "/image/" + driver + "/layerdb/mounts/" +
                                               container.id + "/mount-id");
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
