// SPDX-License-Identifier: MIT
#pragma once

#include "commands/survey.hpp"

namespace logbackup {

/// Drops plain logs from the backup that no longer have a source and are contained in a compressed log.
void drop_copies(const Session& session, Survey& survey);

} // namespace logbackup
