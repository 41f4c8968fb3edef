// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace logbackup {

/// Identifies a runtime on this host. A member is empty when it is not known.
struct EngineIdentity {
    std::string id;   ///< a random id that the runtime keeps in its directory
    std::string root; ///< that directory
};

} // namespace logbackup
