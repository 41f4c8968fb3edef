// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace logbackup {

/// What a record says of how much of a log directory is saved.
enum class Coverage {
    live,     ///< it can still grow
    complete, ///< its containers have ended, and after that every byte was compared, at `saved_until`
    cut,      ///< it is gone: saved up to `saved_until`
    missed,   ///< its container lived and died between two ticks: nothing of it is saved
};

[[nodiscard]] std::string_view name_of(Coverage coverage);

/// One log directory and the directory of the backup that belongs to it.
struct Record {
    std::string service;
    std::string instance; ///< name of the instance directory below the service's: "<pod>" or "<pod>@<n>"
    std::string pod;
    std::string namespace_name;
    std::string pod_uid;
    std::string volume;             ///< path on the host, or empty: the container's own file system
    std::uint64_t volume_inode = 0; ///< of that directory; 0: unknown
    std::string layer; ///< path of the newest container's own layer on the host; empty when unknown
    std::vector<std::string> containers; ///< ids, the newest last
    std::string image;                   ///< of the newest container, as are the next four
    std::string restart_count;
    std::string created; ///< RFC 3339, UTC; empty when unknown
    std::string started;
    std::string finished;
    std::string log_directory; ///< path in the container
    std::string first_seen;
    Coverage coverage = Coverage::live;
    /// complete: when its last pass began; cut: the last tick that saved it; live: empty, but when it fails
    /// the last tick before it began to.
    std::string saved_until;
    std::string ended; ///< the tick that found it gone; empty when it is there, and in older records
    /// The ended containers after which every byte was compared, by id, and when each had finished: one that
    /// finished at another time has run again.
    std::map<std::string, std::string> last_passes;
    bool volumes_below = false; ///< a part of it lies on volumes, to which others can write
    bool has_writer = false;    ///< a container was saved here that was given this volume to write to
    /// Paths of volumes on the host that led through symbolic links, and where they led while a container
    /// had that mounted.
    std::map<std::string, std::string> seen_places;
    std::string compared_to; ///< how far a last pass that takes several ticks has come

    [[nodiscard]] std::string directory() const { return service + "/" + instance; }
    bool operator==(const Record&) const = default;
};

/// The parts of an instance's name: "pod@1" and "opt/logs" of "pod@1/opt/logs"; "pod@1" and "" of "pod@1".
[[nodiscard]] std::string top_of(const std::string& instance);
[[nodiscard]] std::string below_of(const std::string& instance);

/// Notes where volumes' paths on the host led this time: first that of the log directory's own container,
/// then those of others that share it. A container can choose how long they are: where they take more than 64
/// KiB what was noted before is given up, and then what does not fit.
void note_places(Record& record, const std::vector<std::map<std::string, std::string>>& places);

} // namespace logbackup
