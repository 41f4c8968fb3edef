// SPDX-License-Identifier: MIT
#pragma once

#include "util/process.hpp"

#include <functional>
#include <string>
#include <vector>

namespace logbackup {

/// One run of rsync that appends to files which exist.
struct RsyncRun {
    std::string program;
    int source = -1; ///< directory of links to `held_files`, to which the paths are relative; inherited
    int target = -1; ///< directory of the files; inherited
    std::vector<std::string> paths;
    std::vector<int> held_files; ///< inherited
    int lock = -1; ///< inherited: should this process be killed, the lock stays taken as long as rsync lives
    std::uint64_t bandwidth = UINT64_MAX; ///< bytes a second; UINT64_MAX: no limit
};

/// Runs `rsync --append` over a list of files. Names come from containers: they pass as a NUL-separated list
/// in memory, never as arguments. Gives what went wrong, safe to print; empty when rsync did all of it. Which
/// bytes arrived is seen in the files.
///
/// The targets must be files of no value: when a source shrinks while it is read, rsync writes its target
/// anew from the start, whatever it held (check_for_finished_files() in its generator.c).
///
/// rsync has no capability but that of reading files of any user, and where the kernel has Landlock opens no
/// files but those of this run.
///
/// `all_arrived` is called every now and then. Once it says yes rsync is ended at once: at its end it sleeps
/// up to 40 ms, in steps of 20, while its processes wait for one another (wait_process_with_flush() in its
/// main.c).
[[nodiscard]] std::string rsync_append(const RsyncRun& run, StopSignal& stop,
                                       const std::function<bool()>& all_arrived);

} // namespace logbackup
