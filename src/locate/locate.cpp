// SPDX-License-Identifier: MIT
#include "locate/locate.hpp"

#include "locate/locator.hpp"
#include "locate/paths.hpp"
#include "util/error.hpp"
#include "util/files.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <functional>
#include <optional>

namespace logbackup {
namespace {

std::string failed(const char* verb, const std::string& path) {
    return std::string("cannot ") + verb + " " + in_quotes(path) + ": " + error_text(errno);
}

UniqueFd copy_of(const UniqueFd& held) {
    return UniqueFd(::fcntl(held.get(), F_DUPFD_CLOEXEC, 0));
}

std::optional<Limit> limit_of(bool is_barred) {
    return is_barred ? std::optional(Limit::location) : std::nullopt;
}

/// Outside the daemon's mount namespace MergedDir is an empty directory.
bool is_mount_point(int directory) {
    const auto here = status_of(directory);
    struct stat above {};
    return here && ::fstatat(directory, "..", &above, 0) == 0 && here->st_dev != above.st_dev;
}

} // namespace

ProcessRoot* Locator::process() {
    if (!process_)
        open_process();
    return *process_ ? &**process_ : nullptr;
}

/// Returns why a running container's process was not opened.
std::string Locator::why_no_process() const {
    return process_problem_.empty()
               ? "its process " + std::to_string(container_.pid) + " cannot be reached on this machine"
               : process_problem_;
}

/// True if a volume that exists is mounted at the log directory or above it.
bool Locator::is_on_volume(const std::string& log_directory) {
    const std::string path = normalized(log_directory);
    return std::any_of(container_.mounts.begin(), container_.mounts.end(), [&](const Mount& mount) {
        const std::string place = normalized(mount.destination);
        return !mount.source.empty() && (place == path || !part_below(path, place).empty()) &&
               volumes_.open(mount).state != Volume::State::gone;
    });
}

std::optional<Root> Locator::merged() const {
    if (!container_.has_process() || container_.merged.empty())
        return std::nullopt;
    std::vector<UniqueFd> layers;
    layers.emplace_back(::open(container_.merged.c_str(), directory_flags | O_NOFOLLOW));
    if (!layers.front() || !is_mount_point(layers.front().get()))
        return std::nullopt;
    return Root(SourceKind::merged, std::move(layers), container_.merged);
}

/// Returns the file system of a stopped container.
std::optional<Root> Locator::layers() {
    if (container_.upper.empty()) {
        reason_ =
            container_.has_process()
                ? "docker reports no directory of its file system, and its process " +
                      std::to_string(container_.pid) + " cannot be reached on this machine"
                : "docker reports no layers of it, so the files of the stopped container cannot be reached";
        return std::nullopt;
    }
    std::vector<std::string> layers{container_.upper};
    layers.insert(layers.end(), container_.lowers.begin(), container_.lowers.end());
    std::vector<UniqueFd> held;
    if (mounts_ != nullptr) {
        if (!rebuilt_) // a second mount would be a second file system
            rebuilt_ = mounts_->rebuild(layers, reason_);
        if (!rebuilt_)
            return std::nullopt;
        held.push_back(copy_of(rebuilt_));
        return Root(SourceKind::layers, std::move(held), container_.upper);
    }
    for (const auto& layer : layers) {
        held.emplace_back(::open(layer.c_str(), directory_flags));
        if (!held.back()) {
            reason_ = failed("open its layer", layer);
            return std::nullopt;
        }
    }
    return Root(SourceKind::upper, std::move(held), container_.upper);
}

/// Only the container's own processes can see a tmpfs. Only they show what is mounted if the volume's host
/// path leads elsewhere by now.
bool Locator::needs_process(const Root& root, Root::Walk ended, const std::string& path) {
    if (ended == Root::Walk::on_tmpfs || ended == Root::Walk::elsewhere)
        return true;
    return ended == Root::Walk::arrived &&
           std::any_of(root.mounts().begin(), root.mounts().end(), [&](const PlacedMount& placed) {
               return !part_below(placed.path, path).empty() &&
                      (placed.mount->source.empty() ||
                       volumes_.open(*placed.mount).state == Volume::State::elsewhere);
           });
}

/// Returns why a directory on the host cannot be read without the mounts below it.
std::string Locator::problem_below(const std::string& host_path) const {
    return mounts_ != nullptr ? std::string() : host_.problem_below(host_path);
}

/// Returns why the whole log directory cannot be saved; "" if it can. Parts that cannot be saved become
/// problems of `found`.
std::string Locator::add_volumes_below(const Root& root, const std::string& path, LogDirectory& found) {
    for (const auto& [mount, place] : root.mounts()) {
        const std::string below = part_below(place, path);
        if (below.empty())
            continue;
        if (mount->source.empty()) { // a tmpfs disappears when its container ends
            if (container_.has_process())
                found.problems.push_back({below, "it is a tmpfs, and " + why_no_process()});
            else
                found.has_lost_part = true;
            continue;
        }
        Volume& volume = volumes_.open(*mount);
        if (volume.state == Volume::State::missing)
            return volume.reason;
        if (volume.state == Volume::State::left_out) {
            found.left_out.push_back(below);
            continue;
        }
        if (volume.state == Volume::State::gone) {
            found.has_lost_part = true;
            continue;
        }
        std::string problem = volume.reason;
        if (volume.state == Volume::State::usable)
            problem = problem_below(volume.path);
        const auto status = status_of(volume.held.get());
        if (!problem.empty())
            found.problems.push_back({below, problem});
        else if (status && (S_ISDIR(status->st_mode) || S_ISREG(status->st_mode)))
            found.sources.push_back({SourceKind::volume, below, copy_of(volume.held), volume.path});
    }
    return {};
}

Located Locator::locate_in(Root root, const std::string& log_directory) {
    root.place_mounts(container_, volumes_);
    Root::Place place;
    const auto ended = root.walk(log_directory, volumes_, place, reason_);
    if (container_.has_process() && needs_process(root, ended, place.path) && process() != nullptr)
        return locate_in_process(log_directory);
    if (ended == Root::Walk::on_tmpfs && container_.has_process())
        return LocateFailed{"its log directory is on a tmpfs, and " + why_no_process(), false, true};
    if (ended == Root::Walk::gone || (ended == Root::Walk::on_tmpfs && container_.is_still()))
        return LogDirectoryGone{};
    if (ended == Root::Walk::left_out)
        return LogDirectoryLeftOut{};
    if (ended == Root::Walk::missing || ended == Root::Walk::on_tmpfs)
        return NoLogDirectory{};
    auto status =
        ended == Root::Walk::arrived ? status_of(place.held ? place.held.get() : root.top()) : std::nullopt;
    if (status && !S_ISDIR(status->st_mode)) {
        errno = ENOTDIR;
        status.reset();
    }
    if (!status) {
        const bool is_barred =
            ended == Root::Walk::nowhere || (ended == Root::Walk::arrived && errno == ENOTDIR);
        return LocateFailed{ended == Root::Walk::arrived ? failed("open", "/" + place.path) : reason_, false,
                            false, limit_of(is_barred)};
    }
    LogDirectory found;
    found.identity = identity_of(*status);
    std::string host_path = root.host_path() + "/" + place.path;
    if (place.mount != nullptr) {
        host_path = joined(volumes_.open(*place.mount).path, place.below_mount);
        if (const auto problem = problem_below(host_path); !problem.empty())
            return LocateFailed{problem};
        found.volume = joined(place.mount->source, place.below_mount);
        found.access = place.mount->access;
        found.direct =
            components(joined(place.mount->destination, place.below_mount)) == components(log_directory);
    }
    found.sources.push_back(
        {place.mount != nullptr ? SourceKind::volume : root.kind(), "", std::move(place.held), host_path});
    if (auto reason = add_volumes_below(root, place.path, found); !reason.empty())
        return LocateFailed{std::move(reason)};
    if (!found.sources.front().held && found.sources.size() == 1 && found.problems.empty())
        return NoLogDirectory{};
    for (const auto& [mount, volume] : volumes_.opened())
        if (volume.linked)
            found.seen_places[mount->source] = volume.path;
    return found;
}

/// Returns the host path of the held file; "" if `path` leads elsewhere.
std::string Locator::on_host(const std::string& path, int held) {
    const auto place = host_.open(path);
    return place.held && is_same_file(place.held.get(), held) ? "/" + place.path : std::string();
}

void Locator::add_mounts_below(const std::string& path, LogDirectory& found) {
    for (const auto& mount : container_.mounts) {
        auto place = process()->tree.open(mount.destination);
        const std::string below = part_below(place.path, path);
        if (below.empty() || place.ended == MountedTree::Ended::missing)
            continue;
        const auto status = place.held ? status_of(place.held.get()) : std::nullopt;
        if (place.is_left_out || host_.leaves_out(mount.source)) {
            found.left_out.push_back(below);
        } else if (!status) {
            found.problems.push_back({below, "cannot open its volume: " + place.reason});
        } else if (S_ISDIR(status->st_mode) || S_ISREG(status->st_mode)) {
            std::string host_path =
                mount.source.empty() ? std::string() : on_host(mount.source, place.held.get());
            found.sources.push_back(
                {SourceKind::process, below, std::move(place.held), std::move(host_path)});
        }
    }
}

/// Finds the volume that contains the log directory. The container controls its own root, so a mount reported
/// by docker counts only if its host path is the very same directory.
void Locator::name_volume(const std::string& path, const std::string& log_directory, LogDirectory& found) {
    std::size_t longest = 0;
    for (const auto& mount : container_.mounts) {
        if (mount.source.empty())
            continue;
        const std::string place = process()->tree.open(mount.destination).path;
        const std::string below = part_below(path, place);
        if (place.empty() || place.size() < longest || (place != path && below.empty()))
            continue;
        const std::string text = joined(mount.source, place == path ? std::string() : below);
        std::string host_path = on_host(text, found.sources.front().held.get());
        longest = place.size();
        found.volume = host_path.empty() ? std::string() : text;
        found.access = host_path.empty() ? MountAccess::read_write : mount.access;
        found.direct =
            !host_path.empty() && components(joined(mount.destination, below)) == components(log_directory);
        found.sources.front().host_path = std::move(host_path);
    }
}

/// Locates through the container's process, where the kernel crosses the mounts.
Located Locator::locate_in_process(const std::string& log_directory) {
    auto place = process()->tree.open(log_directory);
    if (place.ended == MountedTree::Ended::missing)
        return NoLogDirectory{};
    if (place.is_left_out)
        return LogDirectoryLeftOut{};
    const auto status = place.held ? status_of(place.held.get()) : std::nullopt;
    if (!status || !S_ISDIR(status->st_mode))
        return LocateFailed{"cannot open " + in_quotes("/" + place.path) + ": " +
                                (status ? error_text(ENOTDIR) : place.reason),
                            false, false, limit_of(status || is_its_own_doing(place.error))};
    if (mounts_ == nullptr)
        if (const auto problem = process()->tree.problem_below(place.path); !problem.empty())
            return LocateFailed{problem};
    LogDirectory found;
    found.identity = identity_of(*status);
    found.sources.push_back({SourceKind::process, "", std::move(place.held), {}});
    name_volume(place.path, log_directory, found);
    add_mounts_below(place.path, found);
    found.process = copy_of(process()->process);
    return found;
}

Located Locator::locate(const std::string& log_directory) {
    if (is_left_out(log_directory))
        return LogDirectoryLeftOut{};
    auto root = merged();
    const bool through_process = !root && process() != nullptr;
    if (!root && !through_process) // the container is stopped, or has just ended
        root = layers();
    if (!root && !through_process && container_.upper.empty() && container_.is_still() &&
        !is_on_volume(log_directory))
        return LogDirectoryGone{};
    if (!root && !through_process)
        return LocateFailed{process_problem_.empty() ? reason_ : process_problem_, true};
    auto located =
        through_process ? locate_in_process(log_directory) : locate_in(std::move(*root), log_directory);
    auto* found = std::get_if<LogDirectory>(&located);
    if (found != nullptr && found->volume.size() > PATH_MAX) // links can lead arbitrarily deep
        return LocateFailed{"its path on the host is too long", false, false, Limit::path};
    if (found != nullptr) // outer before inner
        std::sort(found->sources.begin(), found->sources.end(),
                  [](const Source& a, const Source& b) { return a.below < b.below; });
    return located;
}

Located locate(const Container& container, const std::string& log_directory, PrivateMounts* mounts,
               HostPaths& host) {
    return Locator(container, mounts, host).locate(log_directory);
}

std::vector<Located> locate(const Container& container, const std::vector<std::string>& log_directories,
                            PrivateMounts* mounts, HostPaths& host) {
    Locator locator(container, mounts, host);
    std::vector<Located> located;
    located.reserve(log_directories.size());
    for (const auto& log_directory : log_directories)
        located.push_back(locator.locate(log_directory));
    return located;
}

} // namespace logbackup
