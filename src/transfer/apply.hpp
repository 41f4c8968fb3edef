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

/// One instance directory's plan and the tree it was made from; both stay the caller's.
struct DirectoryWork {
    const Tree* tree = nullptr;
    const DirectoryPlan* plan = nullptr;
};

struct ApplySettings {
    int root = -1;     ///< the backup root
    int scratch = -1;  ///< directory of a private tmpfs; -1: none, in the direct way
    int lock = -1;     ///< descriptor of the lock file, for rsync to hold
    std::string rsync; ///< path of the program
    MinFree min_free;
    gid_t group = static_cast<gid_t>(-1); ///< whom new files and directories are handed to; -1: nobody
    std::uint64_t bandwidth = UINT64_MAX; ///< bytes a second; UINT64_MAX: no limit
};

/// Carries out the plans: renames first, by system calls, then one rsync for the bytes of all directories
/// together; none when there are no bytes to move. Directories are made 0750, files 0640.
///
/// A source can change between its plan and its transfer. Only bytes that are proved afterwards reach the
/// backup: see transfer_bytes(). The bytes counted are those that are there.
///
/// One file's failure stops no other. The outcomes are in the order of `work`.
[[nodiscard]] ApplyOutcome apply(const std::vector<DirectoryWork>& work, const ApplySettings& settings,
                                 StopSignal& stop, const Progress& progress);

/// Hands an adopted directory and all in it to the running user: directories 0750, files 0640. Links are
/// left. The first failure, if any; safe to print.
[[nodiscard]] std::string take_over(int root, const std::string& directory, gid_t group);

} // namespace logbackup
