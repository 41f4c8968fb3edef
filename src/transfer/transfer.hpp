// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/outcome.hpp"
#include "logbackup/plan.hpp"
#include "transfer/apply.hpp"
#include "util/stop_signal.hpp"
#include "util/unique_fd.hpp"
#include "view/view.hpp"

#include <cstddef>
#include <vector>

namespace logbackup {

/// One file that is to be created or appended to. Tree and action stay the caller's.
struct Transfer {
    std::size_t work = 0; ///< index of its directory's outcome
    const Tree* tree = nullptr;
    const Action* action = nullptr;
    UniqueFd source;        ///< held open while it is transferred, so that what it names cannot be exchanged
    std::int64_t mtime = 0; ///< of the source before the transfer
};

/// Brings the bytes of all files into the backup, whose names are free and whose directories exist, and
/// counts in `outcome` what arrived.
///
/// rsync never opens a file of the backup: a source can change between its plan and its transfer, and rsync
/// would write over what is saved. It appends to stand-ins in ".logbackup/incoming", which have the size of
/// what is saved but are empty. Each is then compared with its source, held open since before; so is what is
/// saved. Only what is proved is taken over: a new file by a rename, new bytes of an old one by copying them
/// to its end. A run that is killed leaves the backup as it was.
///
/// A file's time is taken over only when it did not change meanwhile, so that a file that was rewritten in
/// place while it was read is looked at again.
///
/// Log directories that bring little come first, all of them, before those that bring a lot. One of which
/// more arrives than was planned, because a file was made longer since, is taken from rsync: its files are
/// copied up to where they were planned. So are files of which only a part is to be saved now.
///
/// As many files at a time are moved, proved and taken over as there are descriptors for, but no more than
/// 1 GiB of them. Of what has arrived when the run is to stop, what can be proved in a few seconds is taken
/// over; the rest is not.
///
/// Files that would not leave the file system its reserve (MinFree) are refused, the largest first.
void transfer_bytes(std::vector<Transfer>& transfers, const ApplySettings& settings, StopSignal& stop,
                    const Progress& progress, ApplyOutcome& outcome);

/// Removes what the transfer of a run that was killed has left in ".logbackup/incoming".
void remove_leftovers(int root);

} // namespace logbackup
