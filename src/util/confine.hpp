// SPDX-License-Identifier: MIT
#pragma once

#include "util/landlock.hpp"

#include <sys/resource.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace logbackup {

/// The user a child runs as. `nobody` means uid and gid 65534 without supplementary groups, if this process
/// may change users.
enum class RunAs { us, nobody };

struct ResourceLimit {
    int resource; ///< RLIMIT_…, see setrlimit(2)
    rlim_t most;
};

/// Restrictions on a child and all its descendants, applied before its program starts. A confined child can
/// never gain privileges (PR_SET_NO_NEW_PRIVS) and dumps no core.
struct Confinement {
    /// CAP_…, see capabilities(7). The child keeps only these of our capabilities.
    std::vector<int> capabilities;
    RunAs run_as = RunAs::us;
    std::vector<ResourceLimit> limits;
    std::optional<FileAccess> files; ///< empty: everything its user may open; needs a kernel with Landlock
};

/// Returns whether this process has a capability.
[[nodiscard]] bool has_capability(int capability);

/// A prepared confinement: between fork and exec the child needs only system calls to apply it.
class Confiner {
  public:
    Confiner(const Confinement& confinement, const std::string& program);

    /// Confines the calling process. Async-signal-safe. Returns 0, or an errno value if the process is not
    /// confined.
    [[nodiscard]] int enter() const noexcept;

  private:
    std::vector<ResourceLimit> limits_;
    std::uint64_t capabilities_ = 0; ///< one bit per capability
    bool changes_user_ = false;
    UniqueFd rules_;
};

} // namespace logbackup
