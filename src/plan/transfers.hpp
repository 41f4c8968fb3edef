// SPDX-License-Identifier: MIT
#pragma once

#include "plan/plan.hpp"

#include <optional>

namespace logbackup {

/// How a source file is brought into the backup.
struct PlannedTransfer {
    std::optional<Action> action;   ///< nothing if all that may be saved is saved
    std::optional<Problem> problem; ///< the file is larger than what is saved of a file
};

/// Plans to save a source file from an offset on, up to `file_size` bytes of the file without its holes.
[[nodiscard]] PlannedTransfer plan_transfer(ActionKind kind, const Entry& entry, std::uint64_t from,
                                            const Content& content, std::uint64_t file_size);

} // namespace logbackup
