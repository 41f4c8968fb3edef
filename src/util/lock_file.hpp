// SPDX-License-Identifier: MIT
#pragma once

#include "util/unique_fd.hpp"

#include <optional>
#include <string>

namespace logbackup {

/// Holds flock(2) on a file until this object is destroyed and every child that inherited fd() has ended. The
/// file is never unlinked: otherwise a second process could lock a new file of the same name while the first
/// still works.
class LockFile {
  public:
    /// Creates the file (0600) below the directory `at` if needed and locks it. Returns nothing if another
    /// process holds the lock. Throws Error when the file cannot be opened.
    [[nodiscard]] static std::optional<LockFile> try_acquire(int at, const std::string& name);

    /// Let a child inherit this descriptor to keep the lock held until that child ends.
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  private:
    explicit LockFile(UniqueFd fd) : fd_(std::move(fd)) {}
    UniqueFd fd_;
};

} // namespace logbackup
