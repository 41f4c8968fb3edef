// SPDX-License-Identifier: MIT
#include "locate/mounted_tree.hpp"

#include "locate/paths.hpp"
#include "util/error.hpp"
#include "util/files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <optional>

namespace logbackup {
namespace {

std::string slashed(const std::string& path) {
    return "/" + path;
}

bool is_older(int held, Timestamp than) {
    const auto status = status_of(held);
    return status && time_of(status->st_ctim) < than;
}

std::string link_target(int held) {
    std::array<char, PATH_MAX> target{};
    const auto length = ::readlinkat(held, "", target.data(), target.size());
    return {target.data(), length > 0 ? static_cast<std::size_t>(length) : 0};
}

std::string refusal(const MountInfo& mount) {
    const std::string where = "the file system at " + in_quotes(mount.point) + " (" + mount.type + ")";
    return file_system(mount.type) == FileSystem::of_the_kernel
               ? where + " is the kernel's own"
               : where + " may not answer, so it is not read; --skip-volume leaves it out";
}

} // namespace

/// A directory on the way. The first step is the root.
struct MountedTree::Step {
    std::string name;
    UniqueFd held;
    int mount = 0;
};

/// Returns whether who can make a link in the last of the steps owns the host anyway: with "/var/lib" also
/// the engine's data, the kubelet's and the packages'.
bool MountedTree::is_of_the_host(const std::vector<Step>& steps) {
    const std::string path = Way<Step>::path_of(steps);
    if (path != "var" && path != "var/lib")
        return false;
    return std::all_of(steps.begin(), steps.end(), [](const Step& step) {
        const auto status = status_of(step.held.get());
        return status && status->st_uid == 0 && (status->st_mode & (S_IWGRP | S_IWOTH)) == 0;
    });
}

MountedTree::Place MountedTree::left_out(const std::string& path) {
    Place place;
    place.ended = Ended::refused;
    place.path = path;
    place.reason = "the settings leave it out (--skip-volume)";
    place.is_nowhere = place.is_left_out = true;
    return place;
}

MountedTree::Place MountedTree::open(const std::string& path, Timestamp links_since) const {
    Place place;
    std::vector<Step> steps;
    steps.push_back({{}, UniqueFd(::fcntl(root_.get(), F_DUPFD_CLOEXEC, 0)), root_mount_});
    Way<Step> way(path);
    while (auto name = way.next(steps)) {
        place.path = joined(Way<Step>::path_of(steps), *name);
        if (left_out_ && left_out_(slashed(place.path)))
            return left_out(place.path);
        const MountInfo* mount = table_.covering(steps.back().mount, slashed(place.path));
        if (mount != nullptr && file_system(mount->type) != FileSystem::ordinary) {
            place.ended = Ended::refused;
            place.reason = refusal(*mount);
            place.is_nowhere = file_system(mount->type) == FileSystem::of_the_kernel;
            return place;
        }
        UniqueFd next(::openat(steps.back().held.get(), name->c_str(), path_flags));
        const auto status = next ? status_of(next.get()) : std::nullopt;
        if (!status) {
            place.ended = errno == ENOENT ? Ended::missing : Ended::failed;
            place.error = errno;
            place.is_nowhere = is_its_own_doing(place.error);
            place.reason = error_text(place.error);
            place.names_missing = way.names_left() + 1;
            return place;
        }
        if (!S_ISLNK(status->st_mode)) {
            steps.push_back(
                {std::move(*name), std::move(next), mount == nullptr ? steps.back().mount : mount->id});
            continue;
        }
        const bool old =
            is_of_the_host(steps) || (is_older(next.get(), links_since) &&
                                      std::all_of(steps.begin(), steps.end(), [&](const Step& step) {
                                          return is_older(step.held.get(), links_since);
                                      }));
        place.links = old && place.links != Links::changed ? Links::old : Links::changed;
        const std::string target = link_target(next.get());
        if (target.empty() || !way.follow(target, steps)) {
            place.error = errno;
            place.is_nowhere = is_its_own_doing(place.error);
            place.reason = error_text(place.error);
            return place;
        }
    }
    place.ended = Ended::arrived;
    place.path = Way<Step>::path_of(steps);
    place.held = std::move(steps.back().held);
    return place;
}

std::string MountedTree::problem_below(const std::string& path) const {
    const MountInfo* mount = table_.first_special_below(path.starts_with('/') ? path : slashed(path));
    if (mount == nullptr)
        return {};
    return "a special file system is mounted below it and cannot be skipped without CAP_SYS_ADMIN: " +
           refusal(*mount);
}

} // namespace logbackup
