// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/move.hpp"
#include "logbackup/record.hpp"
#include "logbackup/source.hpp"
#include "util/text.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace logbackup {

/// A container's wish for a directory of the backup.
struct Claim {
    std::string container_id;
    std::string service;
    std::string pod;
    std::string namespace_name;
    Timestamp created{};
    Identity identity;  ///< of the log directory; equal for containers that mount the same one
    std::string volume; ///< path on the host when it lies on a volume
    MountAccess access = MountAccess::read_write;
    bool direct = false; ///< the volume is mounted at the log directory or above it: no link led there
    /// Where below "<pod>" it is saved, "opt/logs"; empty where its service has only this log directory.
    std::string below{};
    std::string log_directory{}; ///< path in the container
};

struct Assignment {
    std::string directory;  ///< "<service>/<instance>"; an instance can have slashes in it
    std::string present_as; ///< what the directory is called in the backup now; empty: not there
    std::optional<std::size_t>
        shared_with;                  ///< index of the claim under which the same log directory is saved
    std::optional<std::size_t> known; ///< index of its record among the live ones; none: it is new
    bool adopted = false;             ///< the directory was there before, without a record
    std::optional<Record> reopened;   ///< the record of an ended log directory that is not ended after all
    std::string problem;              ///< not empty: it gets no directory, and why, safe to print
    bool is_writer = false;           ///< it was given its volume to write to, see assign()
    std::set<std::size_t> supersedes; ///< indexes of live records of the same log directory that end with
                                      ///< this assignment
};

struct Assignments {
    std::vector<Assignment> of_claim; ///< one for each claim, in their order
    std::vector<Move> moves;          ///< to be done in this order, before anything else
};

/// Gives each claim its instance directory.
///
/// A log directory keeps the directory its record names. A new one gets the plain name "<pod>" if its
/// container is the newest of its service, pod and namespace; an older holder of that name is moved to the
/// next free "<pod>@<n>". But labels can be forged, so a holder that runs is never moved, nor one of another
/// namespace: then the new one is numbered. Of several new ones at once that of
/// the container that has run longest gets the plain name, and if none runs the newest.
///
/// Where a service has several log directories each is an instance by itself, "<pod>/opt/logs", and so is its
/// number: "<pod>@<n>/opt/logs". Such a name and "<pod>" exclude each other, for one would lie in the other,
/// as do "<pod>/opt" and "<pod>/opt/logs": who comes later gets a number, and the record of the same log
/// directory under a name of the other kind ends with that. When its service is configured as before, it goes
/// on under the name it had then. Beside what another namespace's pod saved, or one that runs, nothing gets
/// the plain name.
///
/// A name whose record cannot be read is taken: its directory is neither given to anybody nor moved, not even
/// to or for the container that had it, for nobody can tell which that is. Where it cannot be read which
/// names are taken, new log directories get none.
///
/// A directory without any record is adopted. Log directories with one identity are one: saved under the
/// claim that is already recorded, else the first created that may write. But whoever can read a directory
/// can link its own log directory to it, and come first: a container gives way to a writer, one that was
/// given the directory itself (mounted at the log directory or above it, and not read-only). The record of
/// one that is not ends then, what was saved stays under its name, and the writer gets a directory of its
/// own. A volume is known by its path on the host and its inode: what another container puts into its place
/// is another log directory, and one that was moved away goes on as that of its container.
///
/// `running` are the ids of all containers that run, or may. Pure; `look_up` reads a service's directory,
/// `ended` the record of an ended log directory (nothing when it cannot be read), and they are asked only
/// when something is new.
[[nodiscard]] Assignments
assign(const std::vector<Claim>& claims, const std::vector<Record>& live,
       const std::set<std::string>& running,
       const std::function<ServiceDirectory(const std::string& service)>& look_up,
       const std::function<std::optional<Record>(const std::string& service, const std::string& instance)>&
           ended);

} // namespace logbackup
