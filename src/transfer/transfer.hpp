// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/outcome.hpp"
#include "logbackup/plan.hpp"
#include "transfer/apply.hpp"
#include "util/stop_signal.hpp"
#include "util/unique_fd.hpp"
#include "view/view.hpp"

#include <sys/types.h>

#include <cstddef>
#include <vector>

namespace logbackup {

// Modes of new files and directories in the backup.
inline constexpr mode_t directory_mode = 0750;
inline constexpr mode_t file_mode = 0640;

/// One file to create or to append to. The caller owns the tree and the action.
struct Transfer {
    std::size_t work = 0; ///< index of its directory's outcome
    const Tree* tree = nullptr;
    const Action* action = nullptr;
    UniqueFd source;        ///< held open during the transfer, so that nobody can exchange the file
    UniqueFd arrived;       ///< its stand-in, for reading and writing
    std::int64_t mtime = 0; ///< mtime of the source before the transfer
};

/// Brings the bytes of all files into the backup and counts in `outcome` what arrived. The names of the files
/// must be free and their directories must exist.
///
/// rsync never opens a file of the backup, because a source can change between its plan and its transfer, and
/// rsync would overwrite saved bytes. Instead it appends to stand-ins in ".logbackup/incoming", which have
/// the size of the saved files but are empty. Each stand-in is then compared with its source, which has been
/// held open since before the transfer, and so is the saved file. Only proved bytes are taken over: a new
/// file by a rename, new bytes of an old file by copying them to its end. A run that is killed leaves the
/// backup as it was.
///
/// The mtime of a source is taken over only if the source did not change meanwhile, so that the next run
/// looks again at a file that was rewritten in place while it was read.
///
/// All log directories that bring little come before those that bring a lot. A log directory from which more
/// arrives than was planned, because a file grew meanwhile, is taken from rsync; its files are copied up to
/// the planned size. Files of which only a part is to be saved now are copied in the same way, and so are
/// files with large holes, which stay holes.
///
/// Each batch has as many files as there are descriptors for, but no more than 1 GiB. When the run has to
/// stop, it takes over what it can prove in a few seconds and drops the rest.
///
/// Files that would not leave the file system its reserve (MinFree) are refused, the largest first.
void transfer_bytes(std::vector<Transfer>& transfers, const ApplySettings& settings, StopSignal& stop,
                    const Progress& progress, ApplyOutcome& outcome);

/// Removes the files that the transfer of a killed run has left in ".logbackup/incoming".
void remove_leftovers(int root);

} // namespace logbackup
