// SPDX-License-Identifier: MIT
#include "logbackup/locate.hpp"

#include "logbackup/util/error.hpp"
#include "logbackup/util/files.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <deque>
#include <optional>

namespace logbackup {
namespace {

constexpr int path_flags = O_PATH | O_CLOEXEC;
constexpr int directory_flags = path_flags | O_DIRECTORY;
constexpr int most_links = 40; // the kernel's own limit, path_resolution(7)

Identity identity_of(const struct stat& status) {
    return {status.st_dev, status.st_ino};
}

std::string failed(const char* verb, const std::string& path) {
    return std::string("cannot ") + verb + " " + in_quotes(path) + ": " + error_text(errno);
}

/// A mount and the canonical path of its place: mount points are resolved in the container like any path.
struct PlacedMount {
    const Mount* mount = nullptr;
    std::string path; ///< without the leading slash
};

/// A root file system and what is mounted in it.
struct Root {
    SourceKind kind = SourceKind::merged;
    std::vector<UniqueFd> layers; ///< one; for `upper` the bare layers, topmost first
    std::string host_path;
    std::vector<PlacedMount> mounts;
    UniqueFd process;
};

Root one_layer(SourceKind kind, UniqueFd held, const std::string& host_path, UniqueFd process = {}) {
    Root root{kind, {}, host_path, {}, std::move(process)};
    root.layers.push_back(std::move(held));
    return root;
}

/// The container's process, checked to be of this container still: a pid can be reused. Holds it by pidfd.
std::optional<Root> process_root(const Container& container) {
    UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, container.pid, 0)));
    const std::string proc = "/proc/" + std::to_string(container.pid);
    UniqueFd root(::open((proc + "/root").c_str(), directory_flags));
    if (!process || !root)
        return std::nullopt;
    const UniqueFd above(::open(proc.c_str(), directory_flags));
    const auto cgroup = read_small_file(above.get(), "cgroup", 65536);
    pollfd alive{process.get(), POLLIN, 0};
    if (!cgroup || cgroup->find(container.id) == std::string::npos || ::poll(&alive, 1, 0) != 0)
        return std::nullopt;
    return one_layer(SourceKind::process, std::move(root), {}, std::move(process));
}

/// MergedDir exists as an empty directory for whoever does not see the daemon's mounts.
bool is_mount_point(int directory) {
    const auto here = status_of(directory);
    struct stat above {};
    return here && ::fstatat(directory, "..", &above, 0) == 0 && here->st_dev != above.st_dev;
}

class Locator {
  public:
    Locator(const Container& container, PrivateMounts* mounts) : container_(container), mounts_(mounts) {}

    Located locate(const std::string& log_directory);

  private:
    /// Where a walk ended.
    struct Place {
        UniqueFd held;                ///< none when only layers below the uppermost have it
        std::string path;             ///< canonical path in the container, without the leading slash
        const Mount* mount = nullptr; ///< the innermost mount it lies on
        std::string below_mount;      ///< path below that
    };
    enum class Walk { arrived, missing, on_tmpfs, failed };
    /// A directory, open, and the layer it was found in.
    struct Held {
        std::size_t layer = 0;
        UniqueFd directory;
    };
    struct Lookup;

    [[nodiscard]] std::optional<Root> root_file_system();
    void place_mounts(Root& root);
    [[nodiscard]] static const Mount* mount_at(const Root& root, const std::string& path);
    [[nodiscard]] static Lookup look_up(const Root& root, const std::vector<Held>& where,
                                        const std::string& name);
    [[nodiscard]] Walk walk(const Root& root, const std::string& path, Place& place);
    [[nodiscard]] bool add_mounts_below(const Root& root, const Place& place, LogDirectory& found);
    static void find_mount_of(const Root& root, Place& place);
    [[nodiscard]] static bool has_relevant_volume(const Root& root, const Place& place);
    [[nodiscard]] static bool volumes_are_as_mounted(const Root& root, const Place& place,
                                                     const Root& process);
    [[nodiscard]] static bool has_tmpfs_below(const Root& root, const std::string& directory);

    const Container& container_;
    PrivateMounts* mounts_;
    std::string reason_;
};

std::optional<Root> Locator::root_file_system() {
    if (container_.has_process()) {
        if (!container_.merged.empty()) {
            UniqueFd merged(::open(container_.merged.c_str(), directory_flags | O_NOFOLLOW));
            if (merged && is_mount_point(merged.get()))
                return one_layer(SourceKind::merged, std::move(merged), container_.merged);
        }
        if (auto root = process_root(container_))
            return root;
        // It has just ended: go on as for a stopped one.
    }
    if (container_.upper.empty()) {
        reason_ =
            container_.has_process()
                ? "docker reports no directory of its file system, and its process cannot be reached"
                : "docker reports no layers of it, so the files of the stopped container cannot be reached";
        return std::nullopt;
    }
    std::vector<std::string> layers{container_.upper};
    layers.insert(layers.end(), container_.lowers.begin(), container_.lowers.end());
    if (mounts_ != nullptr) {
        UniqueFd rebuilt = mounts_->rebuild(layers, reason_);
        if (!rebuilt)
            return std::nullopt;
        return one_layer(SourceKind::layers, std::move(rebuilt), container_.upper);
    }
    Root root{SourceKind::upper, {}, container_.upper, {}, {}};
    for (const auto& layer : layers) {
        root.layers.emplace_back(::open(layer.c_str(), directory_flags));
        if (!root.layers.back()) {
            reason_ = failed("open its layer", layer);
            return std::nullopt;
        }
    }
    return root;
}

std::string normalized(const std::string& path) {
    std::string result;
    for (const auto& part : components(path))
        result = joined(result, part);
    return result;
}

/// Outer mounts first, as the runtime mounts them, so that an inner one's path is resolved through the outer.
void Locator::place_mounts(Root& root) {
    std::vector<const Mount*> mounts;
    for (const auto& mount : container_.mounts)
        mounts.push_back(&mount);
    std::stable_sort(mounts.begin(), mounts.end(), [](const Mount* a, const Mount* b) {
        return components(a->destination).size() < components(b->destination).size();
    });
    for (const auto* mount : mounts) {
        std::string path = normalized(mount->destination);
        Place place;
        if (walk(root, path, place) == Walk::arrived)
            path = place.path;
        else if (walk(root, parent_path(path), place) == Walk::arrived) // a single file
            path = joined(place.path, base_name(path));
        root.mounts.push_back({mount, path});
    }
    reason_.clear();
}

const Mount* Locator::mount_at(const Root& root, const std::string& path) {
    if (root.kind == SourceKind::process)
        return nullptr; // the kernel shows them
    for (const auto& placed : root.mounts)
        if (placed.path == path)
            return placed.mount;
    return nullptr;
}

/// What one name in a directory is.
struct Locator::Lookup {
    Walk ended = Walk::arrived;
    std::string link; ///< target, when it is a symbolic link
    std::vector<Held> directories;
};

/// Looks a name up in the layers that have the directory, the topmost first: as overlayfs does, but for
/// opaque directories, which only a process that may mount can recognise.
Locator::Lookup Locator::look_up(const Root& root, const std::vector<Held>& where, const std::string& name) {
    Lookup result;
    for (const auto& [layer, directory] : where) {
        UniqueFd next(::openat(directory.get(), name.c_str(), path_flags | O_NOFOLLOW));
        const auto status = next ? status_of(next.get()) : std::nullopt;
        if (!status && errno == ENOENT)
            continue;
        if (!status) {
            result.ended = Walk::failed;
            return result;
        }
        if (S_ISDIR(status->st_mode)) {
            result.directories.push_back({layer, std::move(next)});
            continue;
        }
        // Anything else hides what the layers below have of this name.
        const bool whiteout =
            root.kind == SourceKind::upper && S_ISCHR(status->st_mode) && status->st_rdev == 0;
        if (whiteout || !result.directories.empty())
            break;
        if (S_ISLNK(status->st_mode)) {
            std::array<char, PATH_MAX> target{};
            const auto length = ::readlinkat(next.get(), "", target.data(), target.size());
            result.link.assign(target.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
        } else {
            errno = ENOTDIR;
        }
        if (result.link.empty())
            result.ended = Walk::failed;
        return result;
    }
    if (result.directories.empty())
        result.ended = Walk::missing;
    return result;
}

Locator::Walk Locator::walk(const Root& root, const std::string& path, Place& place) {
    struct Step {
        std::string name;
        std::vector<Held> held;
        const Mount* mount = nullptr;
    };
    std::vector<Step> steps(1); // where we are; steps[0] is the root
    for (std::size_t i = 0; i < root.layers.size(); ++i)
        steps[0].held.push_back({i, UniqueFd(::openat(root.layers[i].get(), ".", directory_flags))});
    const auto parts = components(path);
    std::deque<std::string> pending(parts.begin(), parts.end());
    auto here = [&] {
        std::string canonical;
        for (const auto& step : steps)
            canonical = joined(canonical, step.name);
        return canonical;
    };
    for (int links = 0; !pending.empty();) {
        const std::string name = std::move(pending.front());
        pending.pop_front();
        if (name == ".")
            continue;
        if (name == "..") {
            if (steps.size() > 1)
                steps.pop_back();
            continue;
        }
        const std::string candidate = joined(here(), name);
        if (const Mount* mount = mount_at(root, candidate)) {
            if (mount->source.empty())
                return Walk::on_tmpfs;
            UniqueFd volume(::open(mount->source.c_str(), directory_flags));
            if (!volume) {
                reason_ = failed("open its volume", mount->source);
                return Walk::failed;
            }
            Step step{name, {}, mount};
            step.held.push_back({0, std::move(volume)});
            steps.push_back(std::move(step));
            continue;
        }
        Lookup next = look_up(root, steps.back().held, name);
        if (next.ended == Walk::failed)
            reason_ = failed("open", "/" + candidate);
        if (next.ended != Walk::arrived)
            return next.ended;
        if (next.link.empty()) {
            steps.push_back({name, std::move(next.directories), steps.back().mount});
            continue;
        }
        if (++links > most_links) {
            errno = ELOOP;
            reason_ = failed("open", "/" + candidate);
            return Walk::failed;
        }
        if (next.link.starts_with('/'))
            steps.resize(1);
        const auto more = components(next.link);
        pending.insert(pending.begin(), more.begin(), more.end());
    }
    place.path = here();
    place.below_mount.clear();
    place.mount = steps.back().mount;
    for (std::size_t i = 1; i < steps.size(); ++i)
        place.below_mount =
            steps[i].mount != steps[i - 1].mount ? std::string() : joined(place.below_mount, steps[i].name);
    // Of bare layers only the uppermost is read: what the container itself wrote.
    if (steps.back().held.front().layer == 0)
        place.held = std::move(steps.back().held.front().directory);
    return Walk::arrived;
}

/// The part of `path` below the directory `above`; empty when it does not lie below.
std::string part_below(const std::string& path, const std::string& above) {
    if (above.empty())
        return path;
    return path.size() > above.size() + 1 && path.starts_with(above) && path[above.size()] == '/'
               ? path.substr(above.size() + 1)
               : std::string();
}

/// For a walk through the process, where the kernel crosses the mounts: on which volume did it end?
void Locator::find_mount_of(const Root& root, Place& place) {
    std::size_t longest = 0;
    for (const auto& [mount, path] : root.mounts) {
        const std::string below = part_below(place.path, path);
        if (mount->source.empty() || path.size() < longest || (path != place.path && below.empty()))
            continue;
        longest = path.size();
        place.mount = mount;
        place.below_mount = path == place.path ? std::string() : below;
    }
}

bool Locator::has_tmpfs_below(const Root& root, const std::string& directory) {
    return std::any_of(root.mounts.begin(), root.mounts.end(), [&](const PlacedMount& placed) {
        return placed.mount->source.empty() && !part_below(placed.path, directory).empty();
    });
}

bool Locator::add_mounts_below(const Root& root, const Place& place, LogDirectory& found) {
    for (const auto& [mount, path] : root.mounts) {
        const std::string below = part_below(path, place.path);
        if (below.empty())
            continue;
        UniqueFd held;
        if (root.kind == SourceKind::process) {
            held = UniqueFd(::openat(open_directory(root.layers.front().get(), parent_path(path)).get(),
                                     base_name(path).c_str(), path_flags | O_NOFOLLOW));
        } else if (mount->source.empty()) {
            continue; // a tmpfs of a container that has ended: nothing is left
        } else {
            held = UniqueFd(::open(mount->source.c_str(), path_flags));
        }
        const auto status = held ? status_of(held.get()) : std::nullopt;
        if (!status) {
            reason_ = failed("open its volume", mount->source.empty() ? mount->destination : mount->source);
            return false;
        }
        if (S_ISDIR(status->st_mode) || S_ISREG(status->st_mode))
            found.sources.push_back(
                {root.kind == SourceKind::process ? SourceKind::process : SourceKind::volume, below,
                 std::move(held), mount->source});
    }
    // A later mount can lie in an earlier one's tree; the outer one comes first.
    std::sort(found.sources.begin(), found.sources.end(),
              [](const Source& a, const Source& b) { return a.below < b.below; });
    return true;
}

bool Locator::has_relevant_volume(const Root& root, const Place& place) {
    return place.mount != nullptr ||
           std::any_of(root.mounts.begin(), root.mounts.end(), [&](const PlacedMount& placed) {
               return !part_below(placed.path, place.path).empty();
           });
}

/// Whether the paths on the host of all volumes that matter lead to what the container has mounted. A
/// container that can write to the directory in which a volume begins can put a link there instead.
bool Locator::volumes_are_as_mounted(const Root& root, const Place& place, const Root& process) {
    return std::all_of(root.mounts.begin(), root.mounts.end(), [&](const PlacedMount& placed) {
        if (placed.mount != place.mount && part_below(placed.path, place.path).empty())
            return true;
        const UniqueFd above = open_directory(process.layers.front().get(), parent_path(placed.path));
        const UniqueFd inside(::openat(above.get(), base_name(placed.path).c_str(), path_flags | O_NOFOLLOW));
        const UniqueFd outside(::open(placed.mount->source.c_str(), path_flags));
        const auto mounted = inside ? status_of(inside.get()) : std::nullopt;
        const auto named = outside ? status_of(outside.get()) : std::nullopt;
        return mounted && named && identity_of(*mounted) == identity_of(*named);
    });
}

Located Locator::locate(const std::string& log_directory) {
    auto root = root_file_system();
    if (!root)
        return LocateFailed{reason_};
    place_mounts(*root);
    Place place;
    Walk ended = walk(*root, log_directory, place);
    const bool tmpfs =
        ended == Walk::on_tmpfs || (ended == Walk::arrived && has_tmpfs_below(*root, place.path));
    // Nobody but the container's own processes can see a tmpfs; nor can anybody else tell what is mounted
    // where the volume's path on the host leads elsewhere by now.
    if (root->kind != SourceKind::process && container_.has_process() &&
        (tmpfs || has_relevant_volume(*root, place))) {
        auto through_process = process_root(container_);
        if (through_process && (tmpfs || !volumes_are_as_mounted(*root, place, *through_process))) {
            root = std::move(through_process);
            place_mounts(*root);
            place = Place{};
            ended = walk(*root, log_directory, place);
        }
    }
    if (ended == Walk::missing || ended == Walk::on_tmpfs)
        return NoLogDirectory{};
    if (ended == Walk::failed)
        return LocateFailed{reason_};
    const auto status = status_of(place.held ? place.held.get() : root->layers.front().get());
    if (!status)
        return LocateFailed{failed("read", log_directory)};
    if (root->kind == SourceKind::process)
        find_mount_of(*root, place);
    LogDirectory found;
    found.identity = identity_of(*status);
    std::string host_path = root->host_path.empty() ? std::string() : root->host_path + "/" + place.path;
    if (place.mount != nullptr) {
        host_path = place.mount->source;
        if (!place.below_mount.empty())
            host_path += "/" + place.below_mount;
        found.volume = host_path;
        found.access = place.mount->access;
    }
    const bool direct_volume = place.mount != nullptr && root->kind != SourceKind::process;
    found.sources.push_back(
        {direct_volume ? SourceKind::volume : root->kind, "", std::move(place.held), host_path});
    if (!add_mounts_below(*root, place, found))
        return LocateFailed{reason_};
    if (!found.sources.front().held && found.sources.size() == 1)
        return NoLogDirectory{};
    found.process = std::move(root->process);
    return found;
}

} // namespace

Located locate(const Container& container, const std::string& log_directory, PrivateMounts* mounts) {
    return Locator(container, mounts).locate(log_directory);
}

} // namespace logbackup
