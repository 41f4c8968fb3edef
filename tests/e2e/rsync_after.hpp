// SPDX-License-Identifier: MIT
#pragma once

#include "../outside.hpp"
#include "support.hpp"

namespace e2e {

/// An rsync that waits, each time it is called, until a shell script has run. rsync is confined, and so is
/// what stands in its place: the script runs outside.
class RsyncAfter {
  public:
    /// Makes it in a directory of its own, to be called with further options.
    RsyncAfter(const fs::path& directory, const std::string& script, const std::string& options = "")
        : outside_((fs::create_directories(directory), directory.string()), script),
          path_(write_script(directory / "rsync",
                             outside_.call() + "\nexec /usr/bin/rsync " + options + " \"$@\"")) {}
    [[nodiscard]] std::string path() const { return path_.string(); }

  private:
    Outside outside_;
    fs::path path_;
};

} // namespace e2e
