// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/container.hpp"
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
    saved,            ///< backed up; in a dry run: would be
    shared,           ///< its log directory is saved under another container's name, `target`
    complete,         ///< it has ended, and all of it was saved and compared before: not looked at again
    no_log_directory, ///< nothing to save
    vanished,         ///< it was removed while the tick worked
    failed,           ///< it, or some of its files; the failures say why
};

/// One log directory of a container in the report. Names are raw bytes; whoever prints them escapes them.
struct Row {
    std::string container_id;
    std::string service;
    std::string pod;
    std::string namespace_name;
    std::string log_directory; ///< in the container
    std::string below;         ///< where below the pod's it is saved; empty unless its service has several
    ContainerState state = ContainerState::unknown;
    RowStatus status = RowStatus::saved;
    std::size_t created = 0; ///< files new in the backup
    std::size_t changed = 0; ///< files that were appended to
    std::size_t renamed = 0; ///< their sources were rotated by renaming
    std::size_t set_aside = 0;
    std::size_t dropped = 0;  ///< copies whose bytes are saved elsewhere too
    std::size_t files = 0;    ///< regular files in the log directory
    std::size_t excluded = 0; ///< files and directories there that are left out, see --exclude
    std::uint64_t bytes = 0;
    std::string source; ///< kind of source
    std::string source_path;
    std::string target;          ///< "<service>/<instance>"
    std::vector<Action> actions; ///< what was planned, file by file
    std::vector<Problem> failures;
    std::vector<Problem> skipped;
    std::vector<Problem> unsettled;
};

/// A container that lived and died between two ticks: nothing of it is saved.
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
};

enum class RunKind { tick, dry_run, list, verify, prune, prune_dry_run, check, config };

struct Report {
    RunKind kind = RunKind::tick;
    std::string backup_root;
    std::vector<Row> rows;
    std::vector<std::string> problems; ///< of no single container that is listed; safe to print
    std::chrono::duration<double> duration{};

    std::vector<std::string> notices; ///< of loss that could not be prevented; safe to print
    std::vector<Missed> missed;
    std::vector<std::string>
        cut;              ///< "<service>/<instance>" of log directories that are gone since the last run
    std::size_t live = 0; ///< log directories that are not; 0 unless the run came so far
    std::vector<std::pair<std::string, double>> stages; ///< name and seconds
    PruneReport pruned;

    [[nodiscard]] bool has_failures() const;
};

} // namespace logbackup
