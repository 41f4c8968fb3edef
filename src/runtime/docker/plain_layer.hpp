// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/container.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace logbackup {

/// Parses what `docker inspect` prints, like parse_inspect(), and completes it: the storage drivers vfs and
/// btrfs have a plain directory for each container, which inspect does not tell. Docker's own files do
/// ("image/<driver>/layerdb/mounts/<id>/mount-id", layer/layer_store.go in moby), and podman's
/// ("<driver>-containers/containers.json"). Throws like parse_inspect().
[[nodiscard]] std::vector<Container> described(std::string_view json);

} // namespace logbackup
