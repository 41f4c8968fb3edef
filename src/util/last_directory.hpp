// SPDX-License-Identifier: MIT
#pragma once

#include "util/unique_fd.hpp"

#include <cerrno>
#include <string>

namespace logbackup {

/// Keeps the directory that was used last, for files that are worked on in the order of their directories.
class LastDirectory {
  public:
    /// Returns the directory `name`; calls `open`, which returns its descriptor, unless it was the last one.
    /// Returns -1 with errno if it cannot be opened.
    template <typename Open> [[nodiscard]] int at(const std::string& name, Open open) {
        if (!held_ || name != name_) {
            held_ = open();
            name_ = name;
        }
        return held_.get();
    }
    void reset() { held_.reset(); }

  private:
    std::string name_;
    UniqueFd held_;
};

} // namespace logbackup
