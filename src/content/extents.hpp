// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>

/// The data and the holes of an open file. A file system that knows no holes shows all of it as data.
namespace logbackup {

/// Returns the offset after the last byte in a range that is not zero; `begin` if all bytes are zeros, and
/// `end` if the file cannot be read. Reads from the end, over holes, and takes what it reads from `budget`.
/// If the budget ends before a byte is found, reads on from `begin` to the first zeros of a length of the
/// former budget: a log that grows goes on there. Then leaves 0 of the budget. Once `is_stopped` returns
/// true, it returns `end` and leaves 0 of the budget.
[[nodiscard]] std::uint64_t data_end(int file, std::uint64_t begin, std::uint64_t end, std::uint64_t& budget,
                                     const std::function<bool()>& is_stopped = {});

/// Returns where the data at `begin` ends, at most `end`. The range is not empty, nor is the result.
[[nodiscard]] std::uint64_t next_hole(int file, std::uint64_t begin, std::uint64_t end);

/// Returns how many bytes of a range are holes. Those of a file with very many are only counted in part.
[[nodiscard]] std::uint64_t holes_in(int file, std::uint64_t begin, std::uint64_t end);

} // namespace logbackup
