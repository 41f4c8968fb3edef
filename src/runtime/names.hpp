// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/container.hpp"
#include "logbackup/naming.hpp"

#include <vector>

/// Where a container's service and instance ("pod") get their names on hosts without Kubernetes.
namespace logbackup {

/// True if the kubelet made one of the containers.
[[nodiscard]] bool has_kubernetes(const std::vector<Container>& containers);

/// Names containers by their labels and their own names:
///
/// | scheme    | set by           | service              | instance       | namespace              |
/// | swarm     | Docker Swarm     | service              | task           |                        |
/// | compose   | Docker Compose   | service              | container name | project                |
/// | nomad     | Nomad            | task                 | allocation     |                        |
/// | ecs       | Amazon ECS       | container            | task           | family of the task     |
/// | quadlet   | podman, systemd  | unit                 | container name |                        |
/// | container | nobody           | container name       | container name |                        |
///
/// A scheme leaves containers without its labels nameless, so that they are not saved. `automatic` takes
/// Kubernetes' names where they are, and for all if `is_kubernetes`; else for each container the first scheme
/// of the table that fits. With a label for the service in `settings`, that label names it, and another one,
/// or its own name, the instance.
void name_containers(std::vector<Container>& containers, const Naming& settings, bool is_kubernetes);

} // namespace logbackup
