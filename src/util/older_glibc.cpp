// SPDX-License-Identifier: MIT
//
// Functions that glibc has only since 2.36. With these, a program built against a newer glibc also runs on
// 2.35. Linux uses the same numbers for the mount calls on every architecture.
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" {

int fsopen(const char* name, unsigned int flags) noexcept {
    return static_cast<int>(::syscall(SYS_fsopen, name, flags));
}

int fsconfig(int fd, unsigned int cmd, const char* key, const void* value, int aux) noexcept {
    return static_cast<int>(::syscall(SYS_fsconfig, fd, cmd, key, value, aux));
}

int fsmount(int fd, unsigned int flags, unsigned int ms_flags) noexcept {
    return static_cast<int>(::syscall(SYS_fsmount, fd, flags, ms_flags));
}

int move_mount(int from_dfd, const char* from_pathname, int to_dfd, const char* to_pathname,
               unsigned int flags) noexcept {
    return static_cast<int>(::syscall(SYS_move_mount, from_dfd, from_pathname, to_dfd, to_pathname, flags));
}

int open_tree(int dfd, const char* filename, unsigned int flags) noexcept {
    return static_cast<int>(::syscall(SYS_open_tree, dfd, filename, flags));
}

int mount_setattr(int dfd, const char* path, unsigned int flags, mount_attr* uattr,
                  std::size_t usize) noexcept {
    return static_cast<int>(::syscall(SYS_mount_setattr, dfd, path, flags, uattr, usize));
}

/// Used by the standard library's random_device.
std::uint32_t arc4random() noexcept {
    std::uint32_t value = 0;
    if (::getentropy(&value, sizeof value) != 0)
        std::abort();
    return value;
}

} // extern "C"
