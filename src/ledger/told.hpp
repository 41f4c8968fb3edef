// SPDX-License-Identifier: MIT
#pragma once

#include "util/text.hpp"

#include <map>
#include <set>
#include <string>

namespace logbackup {

/// When each of some lasting notices was told.
using Told = std::map<std::string, Timestamp>;

/// Returns which notices count as told after a run that tells those of `keys` which are not in `told`: a
/// notice is told again after a day. At most 1000 are kept. Pure.
[[nodiscard]] Told told_after(const Told& told, const std::set<std::string>& keys, Timestamp now);

/// Returns those of `keys` that were told within the last day, and notes that the others are told now, in
/// ".logbackup/told". `root` is a descriptor of the backup root. When it cannot be written, all are told
/// again. A key must be printable.
[[nodiscard]] std::set<std::string> note_told(int root, const std::set<std::string>& keys, Timestamp now);

} // namespace logbackup
