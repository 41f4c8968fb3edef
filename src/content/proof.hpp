// SPDX-License-Identifier: MIT
#pragma once

#include "util/stop_signal.hpp"

#include <cstdint>
#include <functional>

namespace logbackup {

/// How much of what arrived is what the source holds.
struct Proof {
    std::uint64_t until = 0; ///< up to there
    int error = 0;           ///< why no more could be compared; 0: there it differs, or it is all
};

/// What arrived of a source: a hole from `from` to `data_from`, then bytes up to `size`.
struct Arrival {
    int source = -1;
    int arrived = -1;
    std::uint64_t from = 0;
    std::uint64_t data_from = 0;
    std::uint64_t size = 0;
};

/// Compares every byte: rsync writes zeros where it cannot read. All of it must have arrived before: a file
/// that is rewritten while it is read can arrive as a mixture of its states, and what is the same afterwards
/// is of one state. Gives ECANCELED where `is_over` said so, which is asked between blocks, or when there is
/// no hole any longer where there was one.
[[nodiscard]] Proof prove(const Arrival& arrival, StopSignal& stop, const std::function<bool()>& is_over);

/// Compares the first and the last window of what two files hold before `end`.
[[nodiscard]] bool same_at_ends(int source, int saved, std::uint64_t end, StopSignal& stop);

} // namespace logbackup
