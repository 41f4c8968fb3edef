// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/held.hpp"
#include "logbackup/move.hpp"
#include "logbackup/record.hpp"
#include "logbackup/records.hpp"
#include "logbackup/source.hpp"
#include "util/text.hpp"

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace logbackup {

/// A container's request for a directory of the backup.
struct Claim {
    std::string container_id;
    std::string service;
    std::string pod;
    std::string namespace_name;
    Timestamp created{};
    Timestamp finished{}; ///< when its container ended; zero: it runs, or nobody knows
    Identity identity;    ///< identity of the log directory; equal for containers that mount the same one
    std::string volume;   ///< host path if the log directory lies on a volume; else empty
    MountAccess access = MountAccess::read_write;
    bool direct = false;  ///< true: the volume is mounted at the log directory or above it; no link led there
    std::string suffix{}; ///< of the name of its directory, see LogDirectoryName
    std::string log_directory{}; ///< path in the container
    bool was_removed = false; ///< the container is gone, and files of it are held: its record may have ended

    [[nodiscard]] HolderId holder() const { return {container_id, log_directory}; }
};

/// The place of one log directory in the backup.
struct Place {
    std::vector<HolderId> holders;  ///< all that have the log directory; it is saved under the first one
    std::string directory;          ///< "<service>/<instance>"
    std::string present_as;         ///< the directory's present name in the backup; empty: it does not exist
    std::optional<RecordId> known;  ///< its record among the live ones; empty: new
    bool adopted = false;           ///< true: the directory existed before, without a record
    std::optional<Record> reopened; ///< record of a log directory that had ended but continues now
    std::string problem;            ///< why it gets no directory, safe to print; else empty
    bool has_moved = false;         ///< true: the volume of its record has another host path by now
    bool is_writer = false;         ///< true: it has its volume mounted for writing, see assign()
    /// Live records of the same log directory that end with this place.
    std::set<RecordId> supersedes;
};

struct Assignments {
    std::vector<Place>
        places;              ///< one per log directory, in the order of the claims that they are saved under
    std::vector<Move> moves; ///< do these in order, before anything else
};

/// Finds the claims of each log directory, and gives it a directory in the backup.
///
/// A log directory keeps the directory that its record names. A record is recognised by the container and the
/// path in it, or by the volume. A new log directory gets the plain name "<pod>" if its container is the
/// newest of its service, pod and namespace; the holder of that name, of an earlier container of this pod,
/// moves to the next free "<pod>@<n>". Labels can be forged, so a holder never moves if it runs or belongs to
/// another namespace; the new log directory gets a number instead. Among several new log directories, the one
/// whose container has run longest gets the plain name; if none runs, the newest does.
///
/// Within a pod an init container often has a volume first, and gives it its name. Once it has ended, the
/// record moves to the names of a container that runs, see Groups::successor_in().
///
/// Each further log directory of a service has a suffix: its plain name is "<pod>+var+log", and the others
/// are "<pod>@<n>+var+log". Only a new log directory is named after the configuration. One that had ended
/// only because it was not configured for some time continues in its directory.
///
/// A name is taken if its record cannot be read. Its directory is neither assigned nor moved, not even for
/// the container that had it, because that container is unknown. If the taken names cannot be read, new log
/// directories get none.
///
/// A directory without any record is adopted. Log directories with one identity are the same log directory.
/// It is saved under the claim that already has a record, else under the first created one that may write,
/// of those that run if any does.
/// However, a container that can read a directory can link its own log directory to it, and be first. So a
/// container gives way to a writer: one that has the directory itself mounted (at the log directory or above
/// it, and not read-only). The record of a container that is not a writer then ends, its saved files keep
/// their name, and the writer gets a directory of its own. A volume is identified by its host path and inode:
/// if another container puts a different directory in its place, that is another log directory, and one that
/// was moved away continues as its container's.
///
/// `running` contains the ids of all containers that run or may run. Pure: `look_up` reads a service's
/// directory, `ended` reads the record of an ended log directory (nothing if it cannot be read), and both are
/// called only for new log directories.
///
/// A pod that is made again, as one of a StatefulSet, has its volume at another host path. Such a new log
/// directory goes on under the record of the same names whose volume has the same inode, if `continues` says
/// so: nothing is at the record's path any longer, and the new one has what was saved. It gets the record and
/// the log directory's first holder. Without it there are no such records.
[[nodiscard]] Assignments
assign(const std::vector<Claim>& claims, const Records& live, const std::set<std::string>& running,
       const std::function<ServiceDirectory(const std::string& service)>& look_up,
       const std::function<std::optional<Record>(const std::string& service, const std::string& instance)>&
           ended,
       const std::function<bool(const Record& record, const HolderId& holder)>& continues = {});

} // namespace logbackup
