// SPDX-License-Identifier: MIT
#include "ledger/backup_root.hpp"

#include "ledger/ledger.hpp"
#include "util/error.hpp"
#include "util/files.hpp"
#include "util/mount_table.hpp"
#include "util/text.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

namespace logbackup {
namespace {

[[noreturn]] void fail(const char* verb, const std::string& path, int error) {
    std::string hint;
    if (error == EROFS)
        hint = "its file system is mounted read-only; mount it read-write, or choose another directory with "
               "--dest";
    else if (error == ENOSPC || error == EDQUOT)
        hint = "its file system is full; free space there, or choose another directory with --dest";
    else if (error == EACCES || error == EPERM)
        hint = "run as root, or choose a directory you may write to with --dest";
    else if (error == ENOTDIR || error == EEXIST)
        hint = "choose a directory with --dest";
    throw Error(std::string("cannot ") + verb + " the backup root " + in_quotes(path) + ": " +
                    error_text(error),
                hint);
}

constexpr mode_t state_mode = 0700;
constexpr mode_t service_mode = 0750;

UniqueFd open_existing(const std::string& path) {
    return UniqueFd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

constexpr mode_t others_write = S_IWGRP | S_IWOTH;

bool is_ours(const struct stat& status) {
    return status.st_uid == 0 || status.st_uid == ::geteuid();
}

[[noreturn]] void refuse(const std::string& path, const std::string& cause, const std::string& hint) {
    throw Error("cannot trust " + in_quotes(path) + ": " + cause, hint);
}

/// Refuses a directory that other users can write to: they could replace saved files with other files, or
/// with links.
void require_ours(int directory, const std::string& path) {
    const auto status = status_of(directory);
    if (!status)
        fail("look at", path, errno);
    if (!is_ours(*status))
        refuse(path,
               "it is owned by uid " + std::to_string(status->st_uid) +
                   "; the owner must be root or the current user",
               "chown " + std::to_string(::geteuid()) + " " + in_quotes(path) +
                   ", or choose another directory with --dest");
    if ((status->st_mode & others_write) != 0)
        refuse(path, "users other than its owner may write to it",
               "chmod go-w " + in_quotes(path) + ", or choose another directory with --dest");
}

/// Opens ".logbackup"; returns no descriptor when it is missing.
UniqueFd find_state(int root, const std::string& path) {
    const std::string below = joined(path, state_directory);
    UniqueFd state = open_directory(root, state_directory);
    if (!state && (errno == ELOOP || errno == ENOTDIR))
        refuse(below, "it is not a directory", "see what it is, and move it away");
    if (!state && errno != ENOENT)
        fail("open", path, errno);
    if (state)
        require_ours(state.get(), below);
    return state;
}

void open_state(int root, const std::string& path) {
    const UniqueFd state = find_state(root, path);
    if (!state || ::faccessat(state.get(), ".", W_OK | X_OK, AT_EACCESS) != 0)
        fail("write to", path, errno);
    if ((status_of(state.get())->st_mode & 07777U) != state_mode &&
        ::fchmodat(state.get(), ".", state_mode, 0) != 0)
        fail("write to", path, errno);
}

/// Corrects directories of services that an earlier script created for another user, or writable for
/// everybody. A directory without records here belongs to somebody else and stays as it is.
void take_over_services(int root) {
    for (const auto& name : names_in(root, live_records).value_or(std::vector<std::string>())) {
        const auto status = status_at(root, name);
        if (!status || !S_ISDIR(status->st_mode) ||
            (is_ours(*status) && (status->st_mode & others_write) == 0))
            continue;
        const UniqueFd service = open_directory(root, name);
        if (service && ::fchownat(service.get(), "", ::geteuid(), static_cast<gid_t>(-1), AT_EMPTY_PATH) == 0)
            [[maybe_unused]]
            const int done = ::fchmodat(service.get(), ".", service_mode, 0);
    }
}

} // namespace

UniqueFd open_backup_root(const std::string& path) {
    std::error_code error;
    std::filesystem::create_directories(path, error); // the umask makes it 0750
    UniqueFd root = open_existing(path);
    if (!root)
        fail(error ? "make" : "open", path, error ? error.value() : errno);
    require_ours(root.get(), path);
    if (::mkdirat(root.get(), state_directory, state_mode) != 0 && errno != EEXIST)
        fail("write to", path, errno);
    open_state(root.get(), path);
    take_over_services(root.get());
    return root;
}

UniqueFd find_backup_root(const std::string& path) {
    UniqueFd root = open_existing(path);
    if (!root && errno != ENOENT)
        fail("open", path, errno);
    return root;
}

std::pair<UniqueFd, std::string> nearest_directory(const std::string& path) {
    for (std::filesystem::path nearest = path;; nearest = nearest.parent_path()) {
        UniqueFd held = open_existing(nearest.string());
        if (held || !nearest.has_relative_path())
            return {std::move(held), nearest.string()};
    }
}

void require_mounted(const std::string& path) {
    const auto [nearest, nearest_path] = nearest_directory(path);
    const UniqueFd top = open_existing("/");
    const auto here = nearest ? mount_id(nearest.get()) : std::nullopt;
    const auto there = top ? mount_id(top.get()) : std::nullopt;
    if (here && there && *here != *there)
        return;
    throw Error(
        "nothing is mounted at the backup root " + in_quotes(path) +
            (here && there ? ": " + in_quotes(nearest_path) + " is on the file system of '/'"
                           : std::string(": its mount is not known")),
        "mount the backup's disk, or leave --require-mount (require-mount, LOGBACKUP_REQUIRE_MOUNT) out");
}

void examine_backup_root(int root, const std::string& path) {
    require_ours(root, path);
    (void)find_state(root, path);
}

void require_usable(const std::string& path) {
    const UniqueFd root = find_backup_root(path);
    if (root)
        examine_backup_root(root.get(), path);
    const UniqueFd state = root ? open_directory(root.get(), state_directory) : UniqueFd();
    const UniqueFd nearest = nearest_directory(path).first;
    if (::faccessat(state ? state.get() : nearest.get(), ".", W_OK | X_OK, AT_EACCESS) != 0)
        fail(root ? "write to" : "make", path, errno);
}

std::string nearest_backup_root(const std::string& path) {
    const auto is_one = [](const std::filesystem::path& directory) {
        std::error_code ignored;
        return std::filesystem::is_directory(directory / state_directory, ignored);
    };
    for (std::filesystem::path above = path; above.has_relative_path();) {
        above = above.parent_path();
        if (is_one(above))
            return above.string();
    }
    std::error_code ignored;
    for (const auto& below : std::filesystem::directory_iterator(path, ignored))
        if (is_one(below.path()))
            return below.path().string();
    return {};
}

} // namespace logbackup
