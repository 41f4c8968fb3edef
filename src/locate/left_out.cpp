// SPDX-License-Identifier: MIT
#include "locate/locator.hpp"
#include "util/files.hpp"

#include <set>
#include <string>

/// The volumes of a container that the settings leave out.
namespace logbackup {

/// Opens the container's process. Its kernel crosses all mounts, so it must not walk into those that are left
/// out.
void Locator::open_process() {
    process_ = container_.has_process() ? open_process_root(container_, process_problem_) : std::nullopt;
    if (!*process_)
        return;
    std::set<std::string> left_out; // paths in the container
    for (const auto& mount : container_.mounts)
        if (host_.leaves_out(mount.source))
            left_out.insert("/" + normalized(mount.destination));
    if (!left_out.empty())
        (**process_).tree.leave_out([left_out](const std::string& path) { return left_out.contains(path); });
}

/// True if the innermost volume that has the log directory is left out.
bool Locator::is_left_out(const std::string& log_directory) const {
    const std::string path = normalized(log_directory);
    const Mount* innermost = nullptr;
    for (const auto& mount : container_.mounts) {
        const std::string place = normalized(mount.destination);
        if (lies_in(path, place) &&
            (innermost == nullptr || place.size() >= normalized(innermost->destination).size()))
            innermost = &mount;
    }
    return innermost != nullptr && host_.leaves_out(innermost->source);
}

} // namespace logbackup
