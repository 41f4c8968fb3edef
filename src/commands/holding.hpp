// SPDX-License-Identifier: MIT
#pragma once

#include "commands/survey.hpp"
#include "util/descriptors.hpp"

#include <cstddef>
#include <vector>

/// A run holds a log directory by descriptors from when it finds it until all of it is saved. If there are
/// not enough descriptors for all, it closes those of some log directories and opens them again when it is
/// their turn.
namespace logbackup {

/// Returns the number of descriptors that a log directory holds.
[[nodiscard]] std::size_t descriptors_of(const LogDirectory& found);
/// Returns the descriptors to reserve for examining one more container.
[[nodiscard]] std::size_t descriptors_to_locate(const std::vector<Wanted>& wanted);

void close_descriptors(LogDirectory& found);
/// Closes the descriptors of a holder if there are not enough for all.
[[nodiscard]] Holder hold_or_let_go(Holder holder, DescriptorShare& share);

/// Shows a job's log directory as `directory` in the view. Returns false, and notes why, when it cannot be
/// shown.
[[nodiscard]] bool show_job(const Session& session, Survey& survey, Job& job, const std::string& directory);

/// Closes the descriptors of a job.
void let_go(const Survey& survey, Job& job);
/// Opens a log directory again. If it is not the same any more, notes a problem and returns false.
[[nodiscard]] bool take_up(const Session& session, Survey& survey, Job& job);

} // namespace logbackup
