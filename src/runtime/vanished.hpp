// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/container.hpp"

#include <string>

/// Whether a container whose files cannot be read is gone, or whether it is only that this process does not
/// see it.
namespace logbackup {

/// What this process sees of a container's uppermost layer.
struct LayerSight {
    int error = 0;               ///< errno of looking at it; 0: it is there
    bool above_is_there = false; ///< as is the directory in which all containers have theirs
};
[[nodiscard]] LayerSight look_at_layer(const std::string& upper);

/// Whether docker knows a container, when it is asked again.
enum class Known { yes, no, unclear };

/// Gone is what docker does not know any longer; what has ended and has no layer where the directory of
/// layers is; and, where docker names no layer, what it is removing. `container` is as docker described it
/// last. Pure.
[[nodiscard]] bool has_vanished(Known known, const Container& container, const LayerSight& sight);

/// Why nothing of a container can be read, safe to print: `reason`, unless its layer is what is not seen.
[[nodiscard]] std::string why_unseen(const Container& container, const LayerSight& sight,
                                     const std::string& reason);

/// What to do when nothing of any container is seen.
[[nodiscard]] std::string hint_for_unseen(const LayerSight& sight);

} // namespace logbackup
