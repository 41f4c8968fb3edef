// SPDX-License-Identifier: MIT
#include "logbackup/container.hpp"

namespace logbackup {

std::string_view name_of(ContainerState state) {
    switch (state) {
    case ContainerState::created: return "created";
    case ContainerState::running: return "running";
    case ContainerState::paused: return "paused";
    case ContainerState::restarting: return "restarting";
    case ContainerState::removing: return "removing";
    case ContainerState::exited: return "exited";
    case ContainerState::dead: return "dead";
    case ContainerState::unknown: break;
    }
    return "unknown";
}

} // namespace logbackup
