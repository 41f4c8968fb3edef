// SPDX-License-Identifier: MIT
#pragma once

#include "util/text.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace logbackup {

/// Finds which time lines have that begin with none: that of the last line before them that has one. Takes a
/// file from its begin. Pure.
class Owners {
  public:
    /// `offsets`: of the lines, sorted. `written`: see line_time().
    Owners(std::vector<std::uint64_t> offsets, Timestamp written)
        : offsets_(std::move(offsets)), written_(written) {}

    /// Takes the next bytes. Returns false once it needs no more.
    [[nodiscard]] bool take(std::string_view bytes);
    /// Returns a time for each offset; the zero time where there is none.
    [[nodiscard]] std::vector<Timestamp> times();

  private:
    void end_head();

    std::vector<std::uint64_t> offsets_;
    Timestamp written_;
    std::vector<Timestamp> times_;
    Timestamp last_{};
    std::uint64_t next_ = 0; ///< offset of the next byte
    std::string head_;       ///< of the line
};

} // namespace logbackup
