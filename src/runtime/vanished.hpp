// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/container.hpp"

#include <string>

/// Tells whether a container whose files cannot be read is gone, or is only invisible to this process.
namespace logbackup {

/// How this process sees a container's topmost layer.
struct LayerSight {
    int error = 0;               ///< errno of stat(2); 0: the layer exists
    bool above_is_there = false; ///< true: the directory of all containers' layers exists
};
[[nodiscard]] LayerSight look_at_layer(const std::string& upper);

/// Docker's answer when asked again whether it knows a container.
enum class Known { yes, no, unclear };

/// Returns whether a container is gone. It is if docker no longer knows it. It is also gone if it has ended
/// and its layer is missing from an existing directory of layers, or, when docker names no layer, if docker
/// is removing it. `container` is docker's last description of it. Pure.
[[nodiscard]] bool has_vanished(Known known, const Container& container, const LayerSight& sight);

/// Returns why nothing of a container can be read, safe to print: `reason`, unless its layer cannot be seen.
[[nodiscard]] std::string why_unseen(const Container& container, const LayerSight& sight,
                                     const std::string& reason);

/// Returns a hint for the case that no container can be seen.
[[nodiscard]] std::string hint_for_unseen(const LayerSight& sight);

} // namespace logbackup
