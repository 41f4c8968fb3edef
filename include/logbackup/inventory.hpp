// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/model/record.hpp"
#include "logbackup/options.hpp"
#include "logbackup/util/text.hpp"

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

/// Whether the last runs could not save all of it.
[[nodiscard]] bool is_failing(const Instance& instance);

struct Inventory {
    std::string backup_root;
    std::vector<Instance> instances; ///< what needs attention first: failing, cut, missed, without a record;
                                     ///< then by service, pod and the time their containers were created
    std::vector<std::string> problems; ///< safe to print
};

/// What is in the backup, of what the filters select. Reads only, and needs no lock: beside a tick it shows
/// each directory as it is before or after that. Follows no link. `root` is a descriptor of the backup root.
/// Throws Error when the records must not be read.
[[nodiscard]] Inventory take_inventory(int root, const Options& options);

} // namespace logbackup
