// SPDX-License-Identifier: MIT
#pragma once

#include "util/text.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

/// Tracks failures across runs: each is reported when it begins, when it ends, and from time to time in
/// between.
namespace logbackup {

struct Cause {
    std::string line;      ///< as it was told, safe to print
    std::size_t count = 1; ///< of what it concerned when it was told
    Timestamp since{};
    Timestamp last{}; ///< the last run that met it
    Timestamp told{}; ///< zero: never
    bool operator==(const Cause&) const = default;
};
using Causes = std::map<std::string, Cause>; ///< by a key that stays the same from run to run

/// The causes after a run, and which of them are news.
struct CauseNews {
    Causes causes;                ///< to keep for the next run
    std::set<std::string> fresh;  ///< keys of those that no run before has met
    std::set<std::string> silent; ///< keys of those that need not be told
    std::vector<Cause> over;      ///< those that no run has met for five minutes
};

/// A cause that a run met: its message, and how many log directories and the like it concerns.
struct MetCause {
    std::string line;
    std::size_t count = 1;
};

/// `met` are the causes that a run met, by their keys. One that was told less than `repeat` ago is silent,
/// unless it concerns twice as many now. One that is away for less than five minutes is still the same one.
/// With `tells` false the run says everything by itself, and nothing is noted as told. A run that is not
/// `whole` ended early: what it did not meet may still be so. At most 200 are kept. Pure.
[[nodiscard]] CauseNews causes_after(const Causes& before, const std::map<std::string, MetCause>& met,
                                     Timestamp now, std::chrono::milliseconds repeat, bool tells,
                                     bool whole = true);

/// Reads and writes the file ".logbackup/causes". `root` is a descriptor of the backup root. When it cannot
/// be read or written, causes are told again.
[[nodiscard]] Causes load_causes(int root);
void save_causes(int root, const Causes& causes);

/// Says that a cause is over, and how long it lasted.
[[nodiscard]] std::string over_line(const Cause& cause);

} // namespace logbackup
