// SPDX-License-Identifier: MIT
#pragma once

#include "support.hpp"

#include <gtest/gtest.h>

#include <sched.h>
#include <sys/mount.h>

#include <cstdio>
#include <functional>
#include <string>

namespace logbackup::test {

/// Runs `work`, which may expect things, in a forked child with a mount namespace of its own: what it mounts
/// nobody else sees, and it is gone with it. To be called last in a test, for it skips it without root.
inline void in_private_mounts(const std::function<void()>& work) {
    if (!is_root())
        GTEST_SKIP() << "only root can mount";
    std::fflush(nullptr); // or the child prints it again
    const int code = in_child([&] {
        if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
            return 2;
        work();
        std::fflush(nullptr);
        return ::testing::Test::HasFailure() ? 1 : 0;
    });
    EXPECT_EQ(code, 0) << "in the child";
}

inline void mount_tmpfs(const std::string& at, const char* options) {
    ASSERT_EQ(::mount("tmpfs", at.c_str(), "tmpfs", 0, options), 0) << at;
}
inline void bind_mount(const std::string& from, const std::string& to) {
    ASSERT_EQ(::mount(from.c_str(), to.c_str(), nullptr, MS_BIND, nullptr), 0) << from << " " << to;
}

} // namespace logbackup::test
