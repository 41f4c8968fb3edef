// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/record.hpp"
#include "logbackup/report.hpp"
#include "runtime/docker/docker_cli.hpp"
#include "util/text.hpp"

#include <string>
#include <vector>

namespace logbackup {

struct MissedContainers {
    std::vector<Missed> missed; ///< by the time they died
    std::string gap;            ///< why there may be more of them; empty: there are none
};

/// Our containers that were started after `since` and removed before any tick saw them. `records` are those
/// of live log directories, `since` is when the last tick began.
///
/// A history that is full may have forgotten the first part; one that does not tell of a container's birth or
/// removal that is known otherwise has forgotten it, as an engine does that was started anew. Pure.
[[nodiscard]] MissedContainers find_missed(const History& history, const Discovery& discovery,
                                           const std::vector<Record>& records, Timestamp since);

/// Whether containers may have been made or removed since then: the directory of overlay2, in which each has
/// its own, tells without asking docker.
[[nodiscard]] bool may_have_changed(const Discovery& discovery, Timestamp since);

/// What is written down of it.
[[nodiscard]] Record record_of(const Missed& missed);

} // namespace logbackup
