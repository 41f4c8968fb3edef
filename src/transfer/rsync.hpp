// SPDX-License-Identifier: MIT
#pragma once

#include "util/process.hpp"

#include <functional>
#include <string>
#include <vector>

namespace logbackup {

/// One run of rsync that appends to existing files.
struct RsyncRun {
    std::string program;
    int source = -1;             ///< directory of links to `held_files`, and of nothing else; inherited
    int target = -1;             ///< directory of the files, which have the names of the links; inherited
    std::vector<int> held_files; ///< inherited
    int lock = -1; ///< inherited: if this process is killed, rsync keeps the lock as long as it lives
    std::uint64_t bandwidth = UINT64_MAX;                        ///< bytes a second; UINT64_MAX: no limit
    std::function<std::string(const std::string& name)> path_of; ///< what a name stands for, for messages
};

/// Runs `rsync --append` for all links of a directory, in the order of their names. The names are numbers of
/// ours: rsync sees no name of a container. Returns the problem, safe to print; empty when rsync has done all
/// of it. The files themselves tell which bytes arrived.
///
/// The targets must be files of no value: when a source shrinks while it is read, rsync rewrites its target
/// from the start, whatever it held (check_for_finished_files() in its generator.c).
///
/// rsync runs with a single capability, which lets it read files of any user. Where the kernel has Landlock,
/// it can open only the files of this run.
///
/// `all_arrived` is called every now and then. Once it returns true, rsync is ended at once: at its end it
/// would sleep up to 40 ms, in steps of 20, while its processes wait for one another
/// (wait_process_with_flush() in its main.c).
[[nodiscard]] std::string rsync_append(const RsyncRun& run, StopSignal& stop,
                                       const std::function<bool()>& all_arrived);

} // namespace logbackup
