// SPDX-License-Identifier: MIT
#include "locate/locator.hpp"

#include "util/error.hpp"
#include "util/files.hpp"
#include "util/text.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <memory>
#include <utility>

namespace logbackup {
namespace {

LinkEnd unread(std::string reason) {
    return {LinkEnd::Kind::unread, {}, {}, std::move(reason)};
}

} // namespace

/// Judges what was found at the end of a link. Paths are canonical and without the leading slash.
LinkEnd Locator::taken(UniqueFd held, const std::string& path, const std::string& log_directory,
                       const std::string& host_path, int process) const {
    if (lies_in(path, log_directory))
        return {LinkEnd::Kind::inside, {}, part_below(path, log_directory), {}};
    const auto status = held ? status_of(held.get()) : std::nullopt;
    if (!status || (!S_ISREG(status->st_mode) && !S_ISDIR(status->st_mode)))
        return {}; // of bare layers, what the image has and the container never wrote
    if (S_ISREG(status->st_mode))
        return {LinkEnd::Kind::followed, std::move(held), {}, {}, host_path};
    if (lies_in(log_directory, path))
        return unread("the log directory lies in " + in_quotes("/" + path) + ", to which it leads");
    if (mounts_ == nullptr) {
        auto problem =
            process < 0 ? host_.problem_below(host_path) : process_->value().tree.problem_below(path);
        return problem.empty() ? LinkEnd{LinkEnd::Kind::followed, std::move(held), {}, {}, host_path}
                               : unread(std::move(problem));
    }
    // A clone does not show what is mounted below, and no link leads out of it.
    UniqueFd clone = mounts_->clone_of(held.get(), process);
    return clone ? LinkEnd{LinkEnd::Kind::followed, std::move(clone), {}, {}, host_path}
                 : unread("cannot clone the mount of " + in_quotes("/" + path) + ": " + error_text(errno));
}

/// Returns where a file that the container's process shows lies on the host; "" if it is on no volume.
std::string Locator::volume_path_of(const std::string& path, int held) {
    for (const auto& mount : container_.mounts) {
        if (mount.source.empty())
            continue;
        const std::string place = process()->tree.open(mount.destination).path;
        if (place.empty() || !lies_in(path, place))
            continue;
        auto host_path = on_host(joined(mount.source, part_below(path, place)), held);
        if (!host_path.empty())
            return host_path;
    }
    return {};
}

LinkEnd Locator::follow_in_process(const std::string& log_directory, const std::string& link) {
    const auto top = process()->tree.open(log_directory);
    auto place = process()->tree.open(link);
    using Ended = MountedTree::Ended;
    if (place.ended == Ended::missing || place.is_nowhere)
        return {};
    if (place.ended != Ended::arrived || top.ended != Ended::arrived)
        return unread("cannot open " + in_quotes("/" + place.path) + ": " + place.reason);
    const std::string host_path = volume_path_of(place.path, place.held.get());
    return taken(std::move(place.held), place.path, top.path, host_path, process()->process.get());
}

LinkEnd Locator::follow_in(const Root& root, const std::string& log_directory, const std::string& link) {
    using Walk = Root::Walk;
    Root::Place place;
    std::string reason;
    const auto ended = root.walk(link, volumes_, place, reason);
    if ((ended == Walk::on_tmpfs || ended == Walk::elsewhere) && process() != nullptr)
        return follow_in_process(log_directory, link);
    switch (ended) {
    case Walk::missing:
    case Walk::nowhere:
    case Walk::left_out: return {};
    case Walk::on_tmpfs: return unread("it leads to a tmpfs");
    case Walk::gone: return unread("it leads to a volume that was removed");
    case Walk::elsewhere:
    case Walk::failed: return unread(reason);
    case Walk::arrived: break;
    }
    Root::Place top;
    if (root.walk(log_directory, volumes_, top, reason) != Walk::arrived)
        return unread(reason);
    std::string host_path = root.host_path() + "/" + place.path;
    if (place.mount != nullptr)
        host_path = joined(volumes_.open(*place.mount).path, place.below_mount);
    return taken(std::move(place.held), place.path, top.path, host_path, -1);
}

LinkEnd Locator::follow(const std::string& log_directory, const std::string& link) {
    if (!links_root_) {
        links_root_ = merged();
        if (!*links_root_ && process() == nullptr)
            links_root_ = layers();
        if (*links_root_)
            (*links_root_)->place_mounts(container_, volumes_);
    }
    const std::string path = joined(log_directory, link);
    if (*links_root_)
        return follow_in(**links_root_, log_directory, path);
    return process() != nullptr ? follow_in_process(log_directory, path) : unread(reason_);
}

FollowInContainer link_follower(const Container& container, const std::string& log_directory,
                                PrivateMounts* mounts, HostPaths& host) {
    const auto locator = std::make_shared<Locator>(container, mounts, host);
    return [locator, log_directory](const std::string& link) { return locator->follow(log_directory, link); };
}

} // namespace logbackup
