// SPDX-License-Identifier: MIT
#pragma once

#include "commands/survey.hpp"

namespace logbackup {

/// Remembers the containers of which this run, and no run before it, could save anything. Those that an
/// earlier run remembered and that are removed by now are missed. Does nothing in a run that cannot tell what
/// is gone.
void keep_unsaved(const Session& session, Survey& survey);

} // namespace logbackup
