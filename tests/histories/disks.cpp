// SPDX-License-Identifier: MIT
#include "disks.hpp"

#include "must.hpp"

#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

namespace logbackup::test {

namespace fs = std::filesystem;

Disks::Disks(DiskKind kind) : kind_(kind) {
    must(::unshare(CLONE_NEWNS) == 0, "unshare");
    must(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "private mounts");
    place_ = (fs::temp_directory_path() / "logbackup-histories-XXXXXX").string();
    must(::mkdtemp(place_.data()) != nullptr, "mkdtemp");
    must(::mount("tmpfs", place_.c_str(), "tmpfs", 0, "size=256m,mode=0700") == 0, "mount " + place_);
    fs::create_directories(layers() + "/own/opt/logs"); // where the volume is mounted
    fs::create_directories(layers() + "/image");
    fs::create_directories(place_ + "/logs");
    fs::create_directories(place_ + "/backup");
    if (kind_ == DiskKind::memory) {
        must(::mount("tmpfs", (place_ + "/backup").c_str(), "tmpfs", 0, "size=64m,nr_inodes=100000") == 0,
             "mount tmpfs");
        leave_enough();
    } else {
        const std::string image = place_ + "/image";
        const std::string make = "truncate -s 128M " + image + " && mkfs.ext4 -q -b 1024 " + image +
                                 " && mount -o loop " + image + " " + place_ + "/logs && mkdir " + place_ +
                                 "/logs/backup && mount --bind " + place_ + "/logs/backup " + place_ +
                                 "/backup";
        must(std::system(make.c_str()) == 0, "an ext4");
    }
    clear();
}

Disks::~Disks() {
    ::umount2((place_ + "/backup").c_str(), MNT_DETACH);
    ::umount2((place_ + "/logs").c_str(), MNT_DETACH);
    ::umount2(place_.c_str(), MNT_DETACH);
    std::error_code ignored;
    fs::remove(place_, ignored);
}

void Disks::clear() const {
    fs::remove_all(logs());
    fs::remove_all(backup());
    fs::create_directories(logs());
}

void Disks::leave(std::size_t bytes, std::size_t inodes) const {
    if (kind_ != DiskKind::memory)
        return;
    // The run is stopped meanwhile, but its rsync is not. The kernel refuses a limit that rsync has just
    // exceeded.
    constexpr int most_attempts = 10'000;
    for (int attempt = 1; !limit_to_used_and(bytes, inodes); ++attempt)
        must(errno == EINVAL && attempt < most_attempts, "remount with less space");
}

bool Disks::limit_to_used_and(std::size_t bytes, std::size_t inodes) const {
    struct statvfs status {};
    must(::statvfs((place_ + "/backup").c_str(), &status) == 0, "statvfs");
    const std::size_t used = (status.f_blocks - status.f_bfree) * status.f_frsize;
    const std::string options =
        "size=" + std::to_string(std::max(used + bytes, status.f_frsize)) + // 0 would be no limit
        ",nr_inodes=" + std::to_string(status.f_files - status.f_ffree + inodes);
    return ::mount(nullptr, (place_ + "/backup").c_str(), nullptr, MS_REMOUNT, options.c_str()) == 0;
}

void Disks::leave_enough() const {
    leave(64U << 20U, 100'000);
}

} // namespace logbackup::test
