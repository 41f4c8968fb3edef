// SPDX-License-Identifier: MIT
#pragma once

#include "util/stop_signal.hpp"

#include <cstdint>

/// How the saved versions of one file are related: what was saved of a file before it was written anew, and
/// what was saved of it since. All files are open descriptors of files in the backup. Compressed ones never
/// are related: each can hold the only copy of a log.
namespace logbackup {

/// True if a version was rewritten into the one that followed it: at least half of its blocks of 4 KiB stand
/// in the other at the same place. The lines of a log never come again at the same place, so a log that was
/// rotated or truncated is never taken for a rewritten file. When in doubt returns false: of a text at least
/// four blocks must be the same, and two of a file with binary content; blocks of zeros do not count. Looks
/// at 512 blocks at most. A file that cannot be read counts as not rewritten.
[[nodiscard]] bool is_rewritten(int older, int newer, StopSignal& stop);

/// True if every byte of a version also stands in one of its neighbours: in both at its own place (a file
/// that is written in a circle), or its head within `before` and its tail at the beginning of `after` (a log
/// that is trimmed at its head), without a gap between them. Reads at most `budget` bytes and takes them from
/// it. Returns false when that is too little, when a file cannot be read, or when `stop` is requested.
[[nodiscard]] bool is_covered(int before, int version, int after, std::uint64_t& budget, StopSignal& stop);

} // namespace logbackup
