// SPDX-License-Identifier: MIT
#pragma once

#include "util/landlock.hpp"

#include <sys/resource.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace logbackup {

/// Whom a child runs as. `nobody` is user and group 65534, without other groups, where this process may
/// change that.
enum class RunAs { us, nobody };

struct ResourceLimit {
    int resource; ///< RLIMIT_…, see setrlimit(2)
    rlim_t most;
};

/// What a child gives up before its program starts, for itself and all that it starts. It can never get new
/// privileges (PR_SET_NO_NEW_PRIVS) and dumps no core.
struct Confinement {
    std::vector<int> capabilities; ///< CAP_…, see capabilities(7): of those that we have, it keeps these only
    RunAs run_as = RunAs::us;
    std::vector<ResourceLimit> limits;
    std::optional<FileAccess> files; ///< none: all that its user may; holds where the kernel has Landlock
};

/// Whether this process has a capability.
[[nodiscard]] bool has_capability(int capability);

/// A confinement made ready, so that a child between fork and exec needs nothing but system calls.
class Confiner {
  public:
    Confiner(const Confinement& confinement, const std::string& program);

    /// Confines the calling process. Async-signal-safe. 0, or an errno value when it is not confined.
    [[nodiscard]] int enter() const noexcept;

  private:
    std::vector<ResourceLimit> limits_;
    std::uint64_t capabilities_ = 0; ///< a bit each
    bool changes_user_ = false;
    UniqueFd rules_;
};

} // namespace logbackup
