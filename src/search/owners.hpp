// SPDX-License-Identifier: MIT
#pragma once

#include "util/text.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace logbackup {

/// Finds the time of lines that have none of their own: it is that of the last line before. Reads a file from
/// its beginning, piece by piece. Pure.
class Owners {
  public:
    /// `written`: see line_time().
    explicit Owners(Timestamp written) : written_(written) {}

    /// Takes bytes until the line that begins at this offset has ended. Returns how many it took: if
    /// these are fewer than all, the line has ended. Offsets must not decrease.
    [[nodiscard]] std::size_t take(std::string_view bytes, std::uint64_t until);
    /// True if the line at this offset has ended.
    [[nodiscard]] bool has(std::uint64_t offset) const noexcept { return next_ > offset; }
    /// Takes the end of the file, which ends its last line.
    void end();
    /// The time of the last line that has ended; zero if none had one.
    [[nodiscard]] Timestamp last() const noexcept { return last_; }

  private:
    Timestamp written_;
    Timestamp last_{};
    std::uint64_t next_ = 0; ///< where the line begins that has not ended
    std::uint64_t length_ = 0;
    std::string head_; ///< of it
};

} // namespace logbackup
