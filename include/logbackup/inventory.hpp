// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/record.hpp"
#include "util/text.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace logbackup {

/// The regular files of an instance directory, taken together.
struct Usage {
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;      ///< their sizes
    std::uint64_t disk_bytes = 0; ///< what they take on disk; less where they have holes
    Timestamp last_saved{};       ///< the newest ctime, which no container can set; zero when there is none
};

/// One log directory of the backup, or a container that was missed: that one has no `record.instance`.
struct Instance {
    Record record;
    bool has_record = true; ///< else an earlier script made the directory: `record` has its names only
    Usage usage;
};

struct Inventory {
    std::string backup_root;
    std::vector<Instance> instances; ///< what needs attention first: failing, cut, missed, without a record;
                                     ///< then by service, pod and the time their containers were created
    std::vector<std::string> problems; ///< safe to print
};

} // namespace logbackup
