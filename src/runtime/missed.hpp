// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/records.hpp"
#include "logbackup/report.hpp"
#include "runtime/discovery.hpp"
#include "util/text.hpp"

#include <string>
#include <vector>

namespace logbackup {

struct MissedContainers {
    std::vector<Missed> missed; ///< sorted by time of death
    std::string gap;            ///< why more containers may have been missed; empty: there are none
};

/// Finds our containers that were started after `since` and removed before any run saw them. `records` are
/// the records of live log directories; `since` is the start of the last run.
///
/// Only containers of the history's runtime are looked at. A full history may have lost its oldest part. A
/// history that lacks a container's birth or removal that is known otherwise has lost it, as after a restart
/// of the engine. Pure.
[[nodiscard]] MissedContainers find_missed(const History& history, const Discovery& discovery,
                                           const Records& records, Timestamp since);

/// Finds the instances of one container of a pod that no run saw, for runtimes without a history: the kubelet
/// counts restarts, so a number is missing between two that are known. `known` are the records of the
/// container's service and pod. Returns the newest twenty at most, each with the time between its neighbours,
/// and an id of its own, since nobody knows the real one. Pure.
[[nodiscard]] std::vector<Missed> find_skipped_restarts(const Container& newest,
                                                        const std::vector<Container>& containers,
                                                        const std::vector<Record>& known);

/// Returns whether containers may have been created or removed since then. Checks the directory of Docker's
/// overlay2, in which each container has its own, without asking docker.
[[nodiscard]] bool may_have_changed(const Discovery& discovery, Timestamp since);

/// Returns the record of a missed container.
[[nodiscard]] Record record_of(const Missed& missed);

} // namespace logbackup
