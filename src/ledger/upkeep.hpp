// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/container.hpp"
#include "logbackup/record.hpp"
#include "logbackup/records.hpp"
#include "util/text.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

/// Decides what becomes of the records at the end of a run: which are updated, and which end. All functions
/// are pure.
namespace logbackup {

/// A container's log directory as a run found it.
struct Seen {
    const Container* container = nullptr;
    std::string log_directory; ///< path in the container
    std::string volume;        ///< host path if it lies on a volume; else empty
    std::uint64_t inode = 0;
    std::optional<RecordId> known;  ///< its record when the run began
    std::optional<RecordId> record; ///< the record under which it is saved now
};

enum class Result {
    saved,         ///< everything that it has, but for what limits leave out
    compared_all,  ///< the same, and every byte in the backup was compared and is on the disk
    compared_rest, ///< the same, but a part of it was removed before
    failed,        ///< not everything
};

/// The result of a run for the log directory of one record.
struct Done {
    RecordId record{};
    std::vector<const Container*> containers; ///< that share it under the record's names, oldest first
    Result result = Result::saved;
    std::set<RecordId> supersedes; ///< other records of the same log directory, which end with this one
};

/// All that a run learned and that decides about records.
struct RunFacts {
    Timestamp now{};      ///< when the run began
    Timestamp previous{}; ///< when the last complete run began
    std::vector<Seen> seen;
    std::vector<Done> done;
    /// Log directories of which something could not be saved: id of the container and path in it.
    std::set<std::pair<std::string, std::string>> failed;
    /// Log directories of which limits leave something out.
    std::map<std::pair<std::string, std::string>, std::set<Limit>> limited;
    std::set<std::string> listed;  ///< ids of all containers that the runtime knows
    std::set<std::string> removed; ///< ids of containers that the runtime reported as removed
    /// Records whose containers are listed, but whose log directory was removed.
    std::set<RecordId> lost;
    std::set<RecordId> gone;         ///< records of which nothing is on this host any longer
    std::set<RecordId> left_behind;  ///< records whose container is not listed but has its layer on this host
    std::set<RecordId> unconfigured; ///< records of log directories that are not to be saved any longer
    bool is_doubtful = false;        ///< the run cannot tell whether a container is gone: no record ends
};

struct Upkeep {
    Records records;                   ///< all records as they are now
    std::vector<RecordId> changed;     ///< those to write
    std::vector<RecordId> ended;       ///< those to end
    std::vector<RecordId> unlisted;    ///< those that are told: not listed for less than a day
    std::vector<RecordId> unexplained; ///< ended ones that the runtime did not report as removed
};

/// Updates the coverage of each record, and finds those that end. A record ends when its container and its
/// volume are gone, when the volume of an ended container was removed, when a writer has a record of its own,
/// when another directory took the place of a volume, when its service no longer has this log directory, or
/// when a container has too many former ones.
[[nodiscard]] Upkeep upkeep(Records records, const RunFacts& facts);

/// True if the runtime lists none of the record's containers.
[[nodiscard]] bool is_unlisted(const Record& record, const std::set<std::string>& listed);

/// True if the runtime reported that it has removed the record's newest container since the last run.
[[nodiscard]] bool was_removed(const Record& record, const std::set<std::string>& removed);

/// True if a run should find the record's log directory. It need not find one that outlives its containers on
/// a volume.
[[nodiscard]] bool is_expected(const Record& record, const std::set<std::string>& listed,
                               const std::set<std::string>& removed);

/// True if all of these containers, which share a log directory, have ended, and not all of it was compared
/// since. `record` is its record, or nullptr.
[[nodiscard]] bool needs_last_pass(const Record* record, const std::vector<const Container*>& containers);

} // namespace logbackup
