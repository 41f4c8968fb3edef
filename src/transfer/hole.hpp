// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/plan.hpp"

#include <cstdint>

/// The hole at the end of a saved file: it stands for zeros that a writer has set aside at the end of its
/// log, and lines take its place.
namespace logbackup {

/// Takes everything after the first `data` bytes from a saved file, if that is only zeros. Returns 0 or an
/// errno value, and ESTALE if it is not.
[[nodiscard]] int cut_hole(int saved, std::uint64_t data);

/// Lets a saved file that has all data of its source end where the source does, as `action` wants it: with
/// the action's zeros as a hole. Does nothing if the source has another end by now, or one that no file here
/// can have; the next run looks again. Returns 0 or an errno value.
[[nodiscard]] int end_as_source(int saved, int source, const Action& action);

} // namespace logbackup
