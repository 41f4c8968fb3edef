// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/container.hpp"
#include "logbackup/held.hpp"
#include "logbackup/listing.hpp"
#include "logbackup/plan.hpp"
#include "logbackup/prune.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace logbackup {

enum class RowStatus {
    saved,            ///< backed up, or would be in a dry run
    shared,           ///< saved under another container's name, `target`
    complete,         ///< ended, and fully saved and compared earlier: not examined again
    no_log_directory, ///< there is nothing to save
    left_out,         ///< it lies on a volume that the settings leave out
    gone,             ///< the container has ended, and its log directory cannot be read any more
    vanished,         ///< the container was removed during the run
    incomplete,       ///< saved but for what a limit leaves out; see `limits`
    failed,           ///< the log directory or some of its files had problems; see `failures`
};

/// One log directory of a container in the report. Names are raw bytes; escape them before printing.
struct Row {
    std::string container_id;
    std::string service;
    std::string pod;
    std::string namespace_name;
    std::string log_directory; ///< path in the container
    std::string suffix;        ///< see LogDirectoryName
    ContainerState state = ContainerState::unknown;
    RowStatus status = RowStatus::saved;
    std::size_t created = 0; ///< files that are new in the backup
    std::size_t changed = 0; ///< files that grew in the backup
    std::size_t renamed = 0; ///< files whose sources were rotated by renaming
    std::size_t set_aside = 0;
    std::size_t dropped = 0;  ///< copies removed because their bytes are saved elsewhere
    std::size_t files = 0;    ///< number of regular files in the log directory
    std::size_t excluded = 0; ///< files and directories omitted because of --exclude
    std::uint64_t bytes = 0;
    std::string source; ///< kind of source
    std::string source_path;
    std::string target;          ///< "<service>/<instance>"
    std::vector<Action> actions; ///< the planned actions, file by file
    std::vector<Problem> failures;
    std::vector<Problem> limits; ///< what a limit leaves out
    std::vector<Problem> skipped;
    std::vector<Problem> unsettled;
};

/// A container that is left out because its labels are not valid names.
struct Misnamed {
    std::string container_id;
    std::string reason; ///< safe to print
};

/// A container that ended before anything of it was saved.
struct Missed {
    std::string container_id;
    std::string service;
    std::string pod;
    std::string namespace_name;
    std::string pod_uid;
    std::string image;
    Timestamp created{};
    Timestamp started{};
    Timestamp died{};
    std::string runtime = "docker"; ///< see Runtime::name
};

enum class RunKind { save, dry_run, list, verify, prune, prune_dry_run, check, config, grep };

struct Report {
    RunKind kind = RunKind::save;
    std::string backup_root;
    std::vector<Row> rows;
    std::vector<std::string> problems; ///< problems that belong to no listed container; safe to print
    std::chrono::duration<double> duration{};

    std::vector<std::string> warnings; ///< what somebody should know, although all is well; safe to print
    std::vector<std::string> notices;  ///< losses that could not be prevented; safe to print
    /// Says that there are containers, but none that is to be saved; safe to print. Empty otherwise.
    std::string nothing_to_save;
    std::vector<Misnamed> misnamed;
    std::vector<Missed> missed;
    /// "<service>/<instance>" of log directories that disappeared since the last run.
    std::vector<std::string> cut;
    std::size_t live = 0; ///< log directories that still exist; 0 if the run ended before counting them
    std::vector<std::pair<std::string, double>> stages; ///< name and seconds
    PruneReport pruned;
    std::vector<HeldOutcome> held; ///< for the follower that held it
    WhileFollowing while_following;

    [[nodiscard]] bool has_failures() const;
};

} // namespace logbackup
