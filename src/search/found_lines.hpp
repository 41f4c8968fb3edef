// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/search.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace logbackup {

/// Reads what ripgrep and grep print with the options of this room: "PATH\0NUMBER:OFFSET:TEXT\n", and with
/// "-" instead of ":" for a line that does not match and stands beside one. Without a path it is all of one
/// file.
class FoundLines {
  public:
    /// `files`: which path is which file. `alone`: the only file, when no paths are printed.
    FoundLines(std::map<std::string, std::size_t> files, std::size_t alone)
        : files_(std::move(files)), alone_(alone) {}

    /// Takes the next piece of the output, and calls `consume` for each line that is complete. Ignores what
    /// it cannot parse. Keeps the first MiB of a longer line.
    void take(std::string_view bytes, const std::function<void(FoundLine)>& consume);

  private:
    [[nodiscard]] bool parse(std::string_view record, FoundLine& line) const;

    std::map<std::string, std::size_t> files_;
    std::size_t alone_;
    std::string rest_; ///< of a record
};

} // namespace logbackup
