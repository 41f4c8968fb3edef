// SPDX-License-Identifier: MIT
#include "util/lock_file.hpp"

#include "util/error.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

namespace logbackup {

std::optional<LockFile> LockFile::try_acquire(int at, const std::string& name) {
    UniqueFd fd(::openat(at, name.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600));
    if (!fd)
        throw Error("cannot open the lock file '" + name + "': " + error_text(errno));
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0)
        return LockFile(std::move(fd));
    if (errno == EWOULDBLOCK)
        return std::nullopt;
    const bool unknown = errno == ENOLCK || errno == ENOSYS || errno == EOPNOTSUPP || errno == EINVAL;
    throw Error("cannot lock '" + name + "': " + error_text(errno),
                unknown ? "its file system must know locks: of NFS mount version 4, or start rpc.statd" : "");
}

} // namespace logbackup
