// SPDX-License-Identifier: MIT
#include "util/lock_file.hpp"

#include "refuse_call.hpp"
#include "support.hpp"
#include "util/error.hpp"

#include <gtest/gtest.h>

#include <sys/syscall.h>

namespace logbackup {
namespace {

/// 0: acquired, 1: somebody else holds it.
int acquire_in_child(const test::TempDir& dir) {
    return test::in_child([&] { return LockFile::try_acquire(dir.fd(), "lock") ? 0 : 1; });
}

TEST(LockFile, IsHeldByOneProcess) {
    const test::TempDir dir;
    {
        const auto lock = LockFile::try_acquire(dir.fd(), "lock");
        ASSERT_TRUE(lock);
        EXPECT_EQ(acquire_in_child(dir), 1);
    }
    EXPECT_EQ(acquire_in_child(dir), 0);
}

TEST(LockFile, ExcludesASecondOneInTheSameProcess) {
    const test::TempDir dir;
    const auto lock = LockFile::try_acquire(dir.fd(), "lock");
    ASSERT_TRUE(lock);
    EXPECT_FALSE(LockFile::try_acquire(dir.fd(), "lock"));
}

TEST(LockFile, IsFreeWhenItsHolderWasKilled) {
    const test::TempDir dir;
    auto locked = test::make_pipe();
    const pid_t holder = ::fork();
    if (holder == 0) {
        const auto lock = LockFile::try_acquire(dir.fd(), "lock");
        [[maybe_unused]] const auto put = ::write(locked.write_end.get(), lock ? "y" : "n", 1);
        for (;;)
            ::pause();
    }
    char answer = '?';
    ASSERT_EQ(::read(locked.read_end.get(), &answer, 1), 1);
    EXPECT_EQ(answer, 'y');
    EXPECT_FALSE(LockFile::try_acquire(dir.fd(), "lock"));
    ::kill(holder, SIGKILL);
    ::waitpid(holder, nullptr, 0);
    EXPECT_TRUE(LockFile::try_acquire(dir.fd(), "lock"));
}

TEST(LockFile, StaysHeldByAChildThatInheritedIt) {
    const test::TempDir dir;
    auto lock = LockFile::try_acquire(dir.fd(), "lock");
    ASSERT_TRUE(lock);
    auto end = test::make_pipe();
    const pid_t child = ::fork(); // inherits the descriptor, as a program does that is told to keep it
    if (child == 0) {
        end.write_end.reset();
        char byte = 0;
        [[maybe_unused]] const auto got = ::read(end.read_end.get(), &byte, 1); // until the parent says so
        ::_exit(0);
    }
    lock.reset();
    EXPECT_FALSE(LockFile::try_acquire(dir.fd(), "lock"));
    end.write_end.reset();
    ::waitpid(child, nullptr, 0);
    EXPECT_TRUE(LockFile::try_acquire(dir.fd(), "lock"));
}

TEST(LockFile, IsNeverUnlinkedAndIsPrivate) {
    const test::TempDir dir;
    { const auto lock = LockFile::try_acquire(dir.fd(), "lock"); }
    struct stat first {};
    ASSERT_EQ(::stat(dir.at("lock").c_str(), &first), 0);
    EXPECT_EQ(first.st_mode & 07777U, 0600U);
    { const auto lock = LockFile::try_acquire(dir.fd(), "lock"); }
    struct stat second {};
    ASSERT_EQ(::stat(dir.at("lock").c_str(), &second), 0);
    EXPECT_EQ(first.st_ino, second.st_ino);
}

TEST(LockFile, IsClosedOnExec) {
    const test::TempDir dir;
    const auto lock = LockFile::try_acquire(dir.fd(), "lock");
    ASSERT_TRUE(lock);
    EXPECT_NE(::fcntl(lock->fd(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(LockFile, ThrowsWhenItCannotBeOpened) {
    const test::TempDir dir;
    dir.write("victim", "precious");
    dir.link("lock", "victim");
    EXPECT_THROW((void)LockFile::try_acquire(dir.fd(), "lock"), Error);
    EXPECT_THROW((void)LockFile::try_acquire(dir.fd(), "missing/lock"), Error);
    EXPECT_EQ(dir.read("victim"), "precious");
}

TEST(LockFile, SaysWhatToDoWhereTheFileSystemKnowsNone) {
    const test::TempDir dir;
    EXPECT_EQ(test::in_child([&] {
                  if (!test::refuse_call(SYS_flock, ENOLCK))
                      return 99;
                  try {
                      return LockFile::try_acquire(dir.fd(), "lock") ? 1 : 2;
                  } catch (const Error& error) {
                      return error.hint().find("must know locks") == std::string::npos ? 3 : 0;
                  }
              }),
              0);
}

} // namespace
} // namespace logbackup
