// SPDX-License-Identifier: MIT
#include "logbackup/backup_root.hpp"

#include "logbackup/ledger.hpp"
#include "logbackup/util/error.hpp"
#include "logbackup/util/text.hpp"

#include <fcntl.h>
#include <sys/stat.h>

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

UniqueFd open_existing(const std::string& path) {
    return UniqueFd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

} // namespace

UniqueFd open_backup_root(const std::string& path) {
    std::error_code error;
    std::filesystem::create_directories(path, error); // 0750 by the umask
    UniqueFd root = open_existing(path);
    if (!root)
        fail(error ? "make" : "open", path, error ? error.value() : errno);
    if (::mkdirat(root.get(), state_directory, 0700) != 0 && errno != EEXIST)
        fail("write to", path, errno);
    return root;
}

UniqueFd find_backup_root(const std::string& path) {
    UniqueFd root = open_existing(path);
    if (!root && errno != ENOENT)
        fail("open", path, errno);
    return root;
}

OverlapCheck overlap_check(const std::string& path, const UniqueFd& root) {
    if (root)
        return {root.get(), BackupRoot::exists};
    UniqueFd above;
    for (std::filesystem::path p = path; !above && p.has_relative_path();) {
        p = p.parent_path();
        above = open_existing(p.string());
    }
    return {above.get(), BackupRoot::to_be_made};
}

} // namespace logbackup
