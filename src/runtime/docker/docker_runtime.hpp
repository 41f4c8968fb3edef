// SPDX-License-Identifier: MIT
#pragma once

#include "runtime/docker/docker_cli.hpp"
#include "runtime/runtime.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace logbackup {

/// Asks Docker's engine, or podman, by its command-line client. `known`: see discover().
[[nodiscard]] Runtime docker_runtime(const DockerSettings& settings, std::shared_ptr<Descriptions> known);

/// Returns the identity of the engine with this data root: Docker's id in its file, or the inode of podman's
/// state.
[[nodiscard]] EngineIdentity identity_of(const std::string& root);
/// Returns the engine that keeps these containers; empty when no container tells it. Docker keeps an id in
/// its directory since version 24.
[[nodiscard]] EngineIdentity engine_of(const std::vector<Container>& containers);
/// The format to pass to "docker info" for parse_engine().
inline constexpr const char* engine_format = "{{.ID}}\n{{.DockerRootDir}}";
inline constexpr const char* podman_engine_format = "\n{{.Store.GraphRoot}}"; ///< it has no id
[[nodiscard]] EngineIdentity parse_engine(std::string_view printed);

} // namespace logbackup
