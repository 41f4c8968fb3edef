// SPDX-License-Identifier: MIT
#pragma once

#include "util/unique_fd.hpp"

#include <optional>
#include <string>

namespace logbackup {

/// Holds flock(2) on a file until it is destroyed and every child that inherited fd() has ended. The file is
/// never unlinked: a second process would lock a new file of the same name while the first still works.
class LockFile {
  public:
    /// Makes the file (0600) below the directory `at` when it is missing. Nothing when another process holds
    /// it. Throws Error when it cannot be opened.
    [[nodiscard]] static std::optional<LockFile> try_acquire(int at, const std::string& name);

    /// For a child that must not outlive the lock: as long as it lives, it holds it.
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  private:
    explicit LockFile(UniqueFd fd) : fd_(std::move(fd)) {}
    UniqueFd fd_;
};

} // namespace logbackup
