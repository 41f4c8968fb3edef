// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/listing.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace logbackup {

enum class ActionKind {
    drop,      ///< remove the backup file: the file at `new_path` begins with all of its bytes
    set_aside, ///< rename the backup file to `new_path`: the source no longer continues it
    rename,    ///< rename the backup file to `new_path`, where its source continues
    create,    ///< start a new backup file from the first byte
    append,    ///< continue a backup file that is a prefix of its source
    retime,    ///< the content is unchanged: only copy the modification time
    link,      ///< recreate the symbolic link
};

[[nodiscard]] std::string_view name_of(ActionKind kind);

/// How much of the saved content a run compares again.
enum class Thoroughness {
    changes,    ///< only files whose size or time changed
    everything, ///< every byte, for a log directory that is no longer written to
};

/// One step on one file of an instance directory. Paths are relative to that directory.
struct Action {
    ActionKind kind = ActionKind::create;
    std::string path;
    std::string new_path; ///< set_aside, rename: the new name; drop: the other file; link: the target
    /// append: bytes already saved, without a hole at the end; drop: size of the removed file
    std::uint64_t from = 0;
    /// create, append: offset of the source's next data; the bytes between `from` and it are a hole
    std::uint64_t data_from = 0;
    std::uint64_t to = 0;    ///< create, append, retime: end offset of the data in the source, in bytes
    std::int64_t mtime = 0;  ///< retime: nanoseconds since 1970
    std::uint64_t inode = 0; ///< create, append: inode of the planned source
    bool in_part = false;    ///< create, append: the source has more bytes than this run saves
    /// create, append: bytes between `data_from` and `to` that are holes; 0 if they are few
    std::uint64_t holes = 0;
    /// create, append, retime: bytes of the source after `to` that are zeros and no log yet
    std::uint64_t zeros = 0;
    /// create, append, retime: the saved file ends where its source does, with `zeros` as a hole. If not, all
    /// of the source counts as saved without its zeros
    bool ends_as_source = false;

    [[nodiscard]] bool transfers() const { return kind == ActionKind::create || kind == ActionKind::append; }
    /// Bytes to transfer.
    [[nodiscard]] std::uint64_t bytes() const { return transfers() ? to - data_from - holes : 0; }
    bool operator==(const Action&) const = default;
};

/// All actions for one instance directory. Apply them in order.
struct DirectoryPlan {
    std::vector<Action> actions;
    std::vector<Problem> failures; ///< files that should be saved but cannot be, or that a limit leaves out
    std::vector<Problem> skipped; ///< files that are not backed up by design: devices, links that lead out, …
    std::size_t files = 0;        ///< number of regular files in the source
    bool has_reached_limits = false; ///< true: the limits stopped further comparisons
};

} // namespace logbackup
