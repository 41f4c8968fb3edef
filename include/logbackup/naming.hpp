// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace logbackup {

enum class NameScheme { automatic, kubernetes, swarm, compose, nomad, ecs, quadlet, container };

/// How containers get their names in the backup; see name_containers().
struct Naming {
    NameScheme scheme = NameScheme::automatic;
    std::string service_label; ///< key of a label of one's own; empty: none
    std::string instance_label;
};

} // namespace logbackup
