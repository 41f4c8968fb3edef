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
        refused,   ///< it may not answer, or nobody can tell that the container had it
        elsewhere, ///< the container's process has something else mounted
    };
    State state = State::refused;
    UniqueFd held;
    std::string path;    ///< on the host, without links
    std::string reason;  ///< why it is not usable, safe to print
    bool linked = false; ///< links that the container may have made lead there, and it is what it has mounted
};

/// The volumes of one container. Each is opened once; what was verified is what is used.
///
/// Who can write to a directory above a volume's path on the host can put a link there. So while the
/// container runs, what is found must be what its process has mounted. Of a stopped one links on the way are
/// followed only if they are older than the container, or lead where they led when it ran.
class Volumes {
  public:
    /// `process` gives the running container's process, or nullptr.
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

/// Whether two descriptors hold the same file.
[[nodiscard]] bool is_same_file(int one, int other);

} // namespace logbackup
