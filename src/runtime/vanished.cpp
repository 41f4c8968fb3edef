// SPDX-License-Identifier: MIT
#include "runtime/vanished.hpp"

#include "util/error.hpp"
#include "util/files.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace logbackup {
namespace {

bool is_being_removed(const Container& container) {
    return container.state == ContainerState::removing || container.state == ContainerState::dead;
}

bool can_write(const Container& container) {
    return container.has_process() || container.state == ContainerState::running ||
           container.state == ContainerState::paused || container.state == ContainerState::restarting;
}

} // namespace

LayerSight look_at_layer(const std::string& upper) {
    LayerSight sight;
    struct stat status {};
    if (upper.empty() || ::stat(upper.c_str(), &status) == 0)
        return sight;
    sight.error = errno;
    // Docker uses <layers>/<id>/diff, and containerd <snapshots>/<number>/fs; both remove the second as a
    // whole.
    const std::string name = base_name(upper);
    const std::string own = name == "diff" || name == "fs" ? parent_path(upper) : upper;
    sight.above_is_there = ::stat(("/" + parent_path(own)).c_str(), &status) == 0 && S_ISDIR(status.st_mode);
    return sight;
}

bool has_vanished(Known known, const Container& container, const LayerSight& sight) {
    if (known == Known::no)
        return true;
    if (container.upper.empty())
        return is_being_removed(container);
    return !can_write(container) && sight.error == ENOENT && sight.above_is_there;
}

std::string why_unseen(const Container& container, const LayerSight& sight, const std::string& reason) {
    if (sight.error == 0)
        return reason;
    std::string text = "cannot open its layer " + in_quotes(container.upper) + ": " + error_text(sight.error);
    if (container.has_process())
        text += "; nor can its process " + std::to_string(container.pid) + " be reached on this machine";
    return text;
}

std::string hint_for_unseen(const LayerSight& sight) {
    const bool is_process_hidden = sight.error == 0 && ::geteuid() != 0;
    if (sight.error == EACCES || sight.error == EPERM || is_process_hidden)
        return "run as root, and let root read docker's data (a network file system may keep it from that)";
    return "run on the engine's own machine, and not in a container or chroot in which docker's data "
           "directory is not there";
}

} // namespace logbackup
