// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace logbackup {

/// What a record says of how much of a log directory is saved.
enum class Coverage {
    live, ///< its container, or the volume it lies on, exists
    cut,  ///< it is gone: saved up to `saved_until`
};

/// One log directory and the directory of the backup that belongs to it.
struct Record {
    std::string service;
    std::string instance; ///< name of the instance directory below the service's: "<pod>" or "<pod>@<n>"
    std::string pod;
    std::string namespace_name;
    std::string pod_uid;
    std::string volume;                  ///< path on the host, or empty: the container's own file system
    std::vector<std::string> containers; ///< ids, the newest last
    std::string image;                   ///< of the newest container, as are the next four
    std::string restart_count;
    std::string created; ///< RFC 3339, UTC; empty when unknown
    std::string started;
    std::string finished;
    std::string log_directory; ///< path in the container
    std::string first_seen;
    Coverage coverage = Coverage::live;
    std::string saved_until; ///< when coverage is `cut`: the last tick before it was gone

    [[nodiscard]] std::string directory() const { return service + "/" + instance; }
    bool operator==(const Record&) const = default;
};

} // namespace logbackup
