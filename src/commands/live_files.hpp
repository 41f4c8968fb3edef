// SPDX-License-Identifier: MIT
#pragma once

#include "commands/survey.hpp"
#include "logbackup/prune.hpp"

#include <vector>

namespace logbackup {

/// Finds saved files of live log directories that have not changed for long and no longer have a source.
[[nodiscard]] std::vector<PruneItem> find_live_files(const Session& session, Survey& survey);

} // namespace logbackup
