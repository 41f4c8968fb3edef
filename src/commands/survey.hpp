// SPDX-License-Identifier: MIT
#pragma once

#include "commands/job.hpp"
#include "commands/session.hpp"
#include "locate/host_paths.hpp"
#include "locate/locate.hpp"
#include "locate/overlap.hpp"
#include "logbackup/move.hpp"
#include "logbackup/records.hpp"
#include "logbackup/report.hpp"
#include "util/private_mounts.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace logbackup {

/// A log directory that could not be read. The runtime is asked again whether its container is gone.
struct Unread {
    Wanted wanted;
    std::string reason;           ///< safe to print
    std::optional<Limit> limit{}; ///< see LocateFailed
    Job* job = nullptr;           ///< nullptr: it did not become one
    bool needs_process = false;   ///< see LocateFailed
};

/// The findings of a run before it saves anything: which containers exist, where their log directories are,
/// and where each is saved.
struct Survey {
    const HeldLogs* held = nullptr;   ///< see Session
    std::set<std::string> gone_empty; ///< ids of containers that had nothing to save, as a follower saw
    Discovery runtime;                ///< with the removed containers that are held
    std::set<std::string> listed;     ///< ids of all containers that the runtime knows, or a follower
    std::set<std::string> removed;    ///< ids of containers that it reported as removed since the last run
    Records records;                  ///< of live log directories
    std::size_t live_before = 0;      ///< number of records when the run began
    std::vector<Wanted> wanted;
    std::vector<Left> left;
    std::vector<Job> jobs; ///< has its size before anything points to a job
    std::vector<Move> moves;
    std::vector<Unread> unread;
    std::map<HolderId, Identity> left_to_others; ///< see leave_to_others()
    std::set<HolderId> gone;                     ///< log directories of listed containers that were removed

    std::optional<PrivateMounts> mounts; ///< none if this process may not mount
    UniqueFd root; ///< the backup root as it is seen with these mounts; none without them
    std::unique_ptr<HostPaths> host;
    std::optional<OverlapCheck> overlap;
    bool found_any = false;   ///< log directories
    bool reached_any = false; ///< the file system of a container
    bool is_doubtful = false; ///< this run cannot tell whether a container is gone

    std::vector<std::string> problems; ///< that belong to no log directory; safe to print
    std::vector<std::string> warnings;
    std::vector<std::string> notices;
    std::vector<PruneItem> old_versions; ///< that were deleted, see thin_versions()
    std::string nothing_to_save;         ///< see Report
    std::vector<Misnamed> misnamed;
    std::vector<Missed> missed;

    [[nodiscard]] const PrivateMounts* view() const { return mounts ? &*mounts : nullptr; }
};

/// How to treat log directories that cannot have changed since all of them was saved.
enum class Closed { leave_out, look_at };

/// Takes a log directory that was removed: what was saved of it stays, and its record ends unless another
/// container has it.
void take_gone(Survey& survey, const Wanted& wanted);

/// Finds the log directories on the host and gives each one a directory in the backup: makes the jobs.
void locate_all(const Session& session, Survey& survey, Closed closed);

/// Notes whether this run found what earlier runs did. A run that suddenly finds nothing cannot tell what is
/// gone.
void judge_sight(const Session& session, Survey& survey);

/// Locates log directories of one container.
[[nodiscard]] std::vector<Located> locate_of(Survey& survey, const std::vector<const Wanted*>& wanted);

/// Returns the parts of a log directory that cannot be saved and are not excluded.
[[nodiscard]] std::vector<Problem> failed_parts(const Session& session, const Container& container,
                                                const LogDirectory& found);

/// Returns the records of which a container is listed, but whose log directory was removed, unless they are
/// complete.
[[nodiscard]] std::set<RecordId> lost_in(const Survey& survey);

/// Returns all log directories of which limits leave something out.
[[nodiscard]] std::map<HolderId, std::set<Limit>> limited_in(const Survey& survey);

/// Returns all log directories of which something could not be saved.
[[nodiscard]] std::set<HolderId> failed_in(const Survey& survey);

} // namespace logbackup
