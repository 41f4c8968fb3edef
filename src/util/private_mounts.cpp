// SPDX-License-Identifier: MIT
#include "util/private_mounts.hpp"

#include "util/error.hpp"
#include "util/text.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>

namespace logbackup {
namespace {

constexpr int directory_flags = O_PATH | O_DIRECTORY | O_CLOEXEC;

UniqueFd make_tmpfs() {
    const UniqueFd context(::fsopen("tmpfs", FSOPEN_CLOEXEC));
    if (!context || ::fsconfig(context.get(), FSCONFIG_SET_STRING, "mode", "0700", 0) != 0 ||
        ::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
        return {};
    return UniqueFd(
        ::fsmount(context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
}

bool lock_down(int mount) {
    mount_attr attributes{};
    attributes.attr_set =
        MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW;
    attributes.propagation = MS_PRIVATE;
    return ::mount_setattr(mount, "", AT_EMPTY_PATH, &attributes, sizeof attributes) == 0;
}

} // namespace

std::optional<PrivateMounts> PrivateMounts::create(std::string& problem) {
    auto refuse = [&](const char* what) {
        problem = std::string(what) + ": " + error_text(errno);
        return std::nullopt;
    };
    if (::unshare(CLONE_NEWNS) != 0)
        return refuse("a mount namespace of its own");
    UniqueFd root(::open("/", directory_flags)); // before unshare it would be the old namespace's root
    // Receive the host's unmounts, but propagate nothing back.
    if (::mount("", "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0)
        return refuse("private mounts");
    UniqueFd own_namespace(::open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
    if (!own_namespace)
        return refuse("/proc/self/ns/mnt");
    UniqueFd tmpfs = make_tmpfs();
    if (!tmpfs)
        return refuse("a tmpfs");
    if (::move_mount(tmpfs.get(), "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) != 0)
        return refuse("mounting");
    if (::mkdirat(tmpfs.get(), "view", 0700) != 0 || ::mkdirat(tmpfs.get(), "probe", 0700) != 0)
        return refuse("a directory on a tmpfs");
    UniqueFd view(::openat(tmpfs.get(), "view", directory_flags));
    PrivateMounts mounts(std::move(own_namespace), std::move(root), std::move(tmpfs), std::move(view));
    // Only a trial shows whether this kernel supports all of this.
    const UniqueFd probe(::openat(mounts.tmpfs_.get(), "probe", directory_flags));
    errno = mounts.clone_onto(probe.get(), probe.get(), -1);
    if (errno != 0)
        return refuse("a read-only, nosymfollow clone of a mount");
    return mounts;
}

UniqueFd PrivateMounts::rebuild(const std::vector<std::string>& layers, std::string& problem) {
    if (const auto known = layers.empty() ? rebuilt_.end() : rebuilt_.find(layers.front());
        known != rebuilt_.end())
        return UniqueFd(::openat(tmpfs_.get(), known->second.c_str(), directory_flags));
    std::vector<UniqueFd> held;
    std::string options = "ro,lowerdir=";
    for (const auto& layer : layers) {
        held.emplace_back(::open(layer.c_str(), directory_flags));
        if (!held.back()) {
            problem = "cannot open its layer " + in_quotes(layer) + ": " + error_text(errno);
            return {};
        }
        // Use descriptors: mount(2) truncates options at one page, and one layer's path has some 100
        // characters.
        options +=
            (held.size() == 1 ? "/proc/self/fd/" : ":/proc/self/fd/") + std::to_string(held.back().get());
    }
    if (layers.empty() || options.size() > 4095) {
        problem = layers.empty() ? "docker reports no layers of it"
                                 : "it has " + std::to_string(layers.size()) + " layers, too many to mount";
        return {};
    }
    if (layers.size() == 1) // an overlay needs two layers; a single layer needs no mount
        return std::move(held.front());
    const std::string name = "rebuilt" + std::to_string(rebuilt_.size());
    if (::mkdirat(tmpfs_.get(), name.c_str(), 0700) != 0) {
        problem = "cannot make a mount point: " + error_text(errno);
        return {};
    }
    const UniqueFd place(::openat(tmpfs_.get(), name.c_str(), directory_flags));
    const std::string path = "/proc/self/fd/" + std::to_string(place.get());
    static constexpr unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
    // metacopy and redirect_dir evaluate features that the original mount may have used. Mount without them
    // if the kernel does not know or allow them (an older kernel, layers of rootless Docker).
    for (const std::string& extra : {std::string(",metacopy=on,redirect_dir=follow"), std::string()}) {
        const std::string all = options + extra;
        if (all.size() <= 4095 && ::mount("overlay", path.c_str(), "overlay", flags, all.c_str()) == 0) {
            rebuilt_.emplace(layers.front(), name);
            return UniqueFd(::openat(tmpfs_.get(), name.c_str(), directory_flags));
        }
    }
    problem = "cannot mount its layers: " + error_text(errno);
    ::unlinkat(tmpfs_.get(), name.c_str(), AT_REMOVEDIR); // the next attempt reuses the name
    return {};
}

UniqueFd PrivateMounts::clone_in(int directory, int process) const {
    static constexpr unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
    if (process < 0)
        return UniqueFd(::open_tree(directory, "", flags));
    // A process can only clone a mount of its own namespace.
    if (::setns(process, CLONE_NEWNS) != 0)
        return {};
    UniqueFd clone(::open_tree(directory, "", flags));
    const int error = errno;
    // If we cannot return, every later operation might run in the wrong namespace.
    if (::setns(namespace_.get(), CLONE_NEWNS) != 0 || ::fchdir(root_.get()) != 0 || ::chroot(".") != 0)
        std::abort();
    errno = error;
    return clone;
}

UniqueFd PrivateMounts::clone_of(int directory, int process) const {
    UniqueFd clone = clone_in(directory, process);
    return clone && lock_down(clone.get()) ? std::move(clone) : UniqueFd();
}

int PrivateMounts::clone_onto(int directory, int place, int process) const {
    const UniqueFd clone = clone_of(directory, process);
    if (!clone ||
        ::move_mount(clone.get(), "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0)
        return errno;
    return 0;
}

void PrivateMounts::release(const std::string& directory) const {
    const std::string path = "/proc/self/fd/" + std::to_string(view_.get()) + "/" + directory;
    ::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
}

} // namespace logbackup
