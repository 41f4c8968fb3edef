// SPDX-License-Identifier: MIT
#pragma once

#include "util/stop_signal.hpp"

#include <cstdint>
#include <functional>

namespace logbackup {

/// The proved part of what arrived: the bytes that equal the source.
struct Proof {
    std::uint64_t until = 0; ///< end of the proved part
    int error = 0; ///< why the rest could not be compared; 0: the next byte differs, or everything is proved
};

/// The bytes that arrived of a source: a hole from `from` to `data_from`, then bytes up to `size`.
struct Arrival {
    int source = -1;
    int arrived = -1;
    std::uint64_t from = 0;
    std::uint64_t data_from = 0;
    std::uint64_t size = 0;
};

/// Compares every byte, because rsync writes zeros where it cannot read. Call only when everything has
/// arrived: a file that is rewritten while it is read can arrive as a mixture of its states, but bytes that
/// are still the same afterwards belong to one state. Calls `is_over` between blocks. Returns ECANCELED when
/// `is_over` returns true, or when the source's hole has been filled.
[[nodiscard]] Proof prove(const Arrival& arrival, StopSignal& stop, const std::function<bool()>& is_over);

/// Compares the first and the last window of two files' content before `end`.
[[nodiscard]] bool same_at_ends(int source, int saved, std::uint64_t end, StopSignal& stop);

} // namespace logbackup
