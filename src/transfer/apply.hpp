// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/outcome.hpp"
#include "logbackup/plan.hpp"
#include "logbackup/progress.hpp"
#include "util/free_space.hpp"
#include "util/stop_signal.hpp"
#include "view/view.hpp"

#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>

namespace logbackup {

/// One instance directory's plan and the tree from which it was made; the caller owns both.
struct DirectoryWork {
    const Tree* tree = nullptr;
    const DirectoryPlan* plan = nullptr;
};

struct ApplySettings {
    int root = -1;     ///< the backup root
    int scratch = -1;  ///< directory of a private tmpfs; -1: there are no private mounts
    int lock = -1;     ///< descriptor of the lock file, which rsync holds
    std::string rsync; ///< path of the program
    MinFree min_free;
    gid_t group = static_cast<gid_t>(-1); ///< group that new files and directories get; -1: unchanged
    std::uint64_t bandwidth = UINT64_MAX; ///< bytes a second; UINT64_MAX: no limit
};

/// Carries out the plans: first the renames, by system calls, and then one rsync for the bytes of all
/// directories together, unless there are no bytes to move. Directories get mode 0750, files 0640.
///
/// A source can change between its plan and its transfer. Only bytes that are proved afterwards reach the
/// backup: see transfer_bytes(). Only these bytes are counted.
///
/// A problem with one file stops no other file. The outcomes are in the order of `work`.
[[nodiscard]] ApplyOutcome apply(const std::vector<DirectoryWork>& work, const ApplySettings& settings,
                                 StopSignal& stop, const Progress& progress);

/// Gives an adopted directory and its content to the running user: directories get mode 0750, files 0640.
/// Links stay as they are. Returns the first problem, if any; safe to print.
[[nodiscard]] std::string take_over(int root, const std::string& directory, gid_t group);

} // namespace logbackup
