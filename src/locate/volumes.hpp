// SPDX-License-Identifier: MIT
#pragma once

#include "locate/host_paths.hpp"
#include "locate/process_root.hpp"
#include "logbackup/container.hpp"

#include <functional>
#include <map>
#include <string>

namespace logbackup {

/// A volume of a container, opened on the host.
struct Volume {
    enum class State {
        usable,
        missing,
        gone,      ///< removed after its container had ended
        left_out,  ///< the settings say so: it was not opened
        refused,   ///< it may not answer, or nothing proves that the container had it
        elsewhere, ///< the container's process has something else mounted
    };
    State state = State::refused;
    UniqueFd held;
    std::string path;   ///< path on the host, without links
    std::string reason; ///< why it is not usable, safe to print
    /// True if links that the container may have made lead there, and the container has this place mounted.
    bool linked = false;
};

/// The volumes of one container. Opens each only once, so that the verified directory is the one that is
/// used.
///
/// A process that can write to a directory above a volume's host path can put a link there. So while the
/// container runs, the opened directory must be the one that its process has mounted. For a stopped
/// container, links on the way are followed only if they are older than the container, or lead where they led
/// when it ran.
class Volumes {
  public:
    /// `process` returns the running container's process, or nullptr.
    Volumes(const Container& container, HostPaths& host, std::function<ProcessRoot*()> process)
        : container_(container), host_(host), process_(std::move(process)) {}

    Volume& open(const Mount& mount);
    [[nodiscard]] const std::map<const Mount*, Volume>& opened() const noexcept { return opened_; }

  private:
    [[nodiscard]] Volume look(const Mount& mount);

    const Container& container_;
    HostPaths& host_;
    std::function<ProcessRoot*()> process_;
    std::map<const Mount*, Volume> opened_;
};

/// Returns whether two descriptors refer to the same file.
[[nodiscard]] bool is_same_file(int one, int other);

} // namespace logbackup
