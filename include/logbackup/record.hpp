// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/listing.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace logbackup {

/// How much of a log directory is saved, as its record says.
enum class Coverage {
    live,     ///< it can still grow
    complete, ///< its containers ended, and then a run compared every byte, at `saved_until`
    cut,      ///< it disappeared; saved up to `saved_until`
    missed,   ///< its container ended before anything of it was saved
};

[[nodiscard]] std::string_view name_of(Coverage coverage);

/// Names under which a log directory is looked for beside its record's own: another container has it, or had
/// it.
struct Sharer {
    std::string service;
    std::string instance; ///< the name that an instance directory of its own would have
    std::string pod;
    std::string namespace_name;
    std::string container; ///< id of its newest container
    bool operator==(const Sharer&) const = default;
};

/// Describes one log directory and its directory in the backup.
struct Record {
    std::string service;
    /// Name of the instance directory in the service's: "<pod>" or "<pod>@<n>", followed by a suffix if it
    /// was not its service's first log directory; see suffix_of().
    std::string instance;
    std::string pod;
    std::string namespace_name;
    std::string pod_uid;
    std::string volume;                  ///< path on the host; empty: the container's own file system
    std::uint64_t volume_inode = 0;      ///< inode of the volume directory; 0: unknown
    std::string layer;                   ///< host path of the newest container's own layer; empty if unknown
    std::string runtime = "docker";      ///< that has its containers, see Runtime::name
    std::vector<std::string> containers; ///< container ids, newest last
    std::string image; ///< image of the newest container; the next four also describe that one
    std::string restart_count;
    std::string created; ///< RFC 3339, UTC; empty when unknown
    std::string started;
    std::string finished;
    std::string log_directory; ///< path in the newest container
    std::string first_seen;
    Coverage coverage = Coverage::live;
    /// complete: the start of its last pass. cut: the last run that saved it. live: empty, or, while saving
    /// fails, the last run before the first problem.
    std::string saved_until;
    std::string ended; ///< the run that found it gone; empty while it exists, and in older records
    /// Ended containers after whose end every byte was compared: id and finish time. A container with another
    /// finish time has run again.
    std::map<std::string, std::string> last_passes;
    /// Limits that leave out a part of it. It is not complete as long as there are any.
    std::set<Limit> limits;
    bool volumes_below = false; ///< a part lies on volumes that others can write to
    bool has_writer = false;    ///< a container saved here had this volume mounted for writing
    /// Host paths of volumes that contained symbolic links, and the places they led to while a container had
    /// them mounted.
    std::map<std::string, std::string> seen_places;
    std::uint64_t skipped = 0; ///< number of links, devices, … in it that the last run did not save by design
    std::vector<Sharer> sharers; ///< in the order in which runs saw them first
    /// Parts of the log directory that are saved elsewhere: path below it, and path below the backup root.
    std::map<std::string, std::string> elsewhere;

    [[nodiscard]] std::string directory() const { return service + "/" + instance; }
    bool operator==(const Record&) const = default;
};

/// Handle of a live record in one run; see Records.
enum class RecordId : std::size_t {};

/// Records where the volumes' host paths lead in this run: first those of the log directory's own container,
/// then those of containers that share it. A container can choose the length of these paths: above 64 KiB in
/// total, earlier entries are dropped first, then those that do not fit.
void note_places(Record& record, const std::vector<std::map<std::string, std::string>>& places);

/// Notes under which names others have the log directory. The record's own names are no sharer. At most 50
/// are kept: the first ones go that are not among `present`.
void note_sharers(Record& record, const std::vector<Sharer>& present);

} // namespace logbackup
