// SPDX-License-Identifier: MIT
#pragma once

#include "runtime/descriptions.hpp"
#include "runtime/runtime.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace logbackup {

struct ContainerdSettings {
    std::string name;                 ///< of the runtime, see Runtime::name
    std::vector<std::string> program; ///< path of ctr, or of a program and the argument that makes it ctr
    std::string socket;
    std::string root;                            ///< containerd's directory; empty: not known
    std::chrono::milliseconds time_limit{10000}; ///< limit for one call
};

/// Asks containerd by its command-line client ctr: one `containers ls` and one `tasks ls` for each of its
/// namespaces but Docker's, and one `containers info` and `snapshots mounts` for each container that is not
/// in `known`. What these say stays the same as long as a container exists, so it is kept there. A container
/// that is removed in between is not an error; one that ctr cannot describe is unreachable.
///
/// containerd keeps no history of events.
[[nodiscard]] Runtime containerd_runtime(const ContainerdSettings& settings,
                                         const std::shared_ptr<Descriptions>& known);

} // namespace logbackup
