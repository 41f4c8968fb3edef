// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/listing.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace logbackup {

enum class ActionKind {
    drop,      ///< remove the backup file: the one at `new_path` begins with all of its bytes
    set_aside, ///< rename the backup file to `new_path`: the source no longer continues it
    rename,    ///< rename the backup file to `new_path`: there its source goes on
    create,    ///< begin a new backup file, from the first byte
    append,    ///< continue a backup file that is a prefix of its source
    retime,    ///< the content is the same: take over the modification time only
    link,      ///< make the symbolic link anew
};

[[nodiscard]] std::string_view name_of(ActionKind kind);

/// How much a tick compares of what seems to be saved already.
enum class Thoroughness {
    changes,    ///< only files whose size or time tells that they changed
    everything, ///< every byte: of a log directory that is not written to any longer
};

/// What is to be done to one file of an instance directory. Paths are relative to it.
struct Action {
    ActionKind kind = ActionKind::create;
    std::string path;
    std::string new_path;   ///< set_aside, rename: the new name; drop: the other file; link: the target
    std::uint64_t from = 0; ///< append: bytes that are saved already; drop: those of the file
    std::uint64_t data_from =
        0;                   ///< create, append: where the source's next data is; up to there it is a hole
    std::uint64_t to = 0;    ///< create, append: bytes of the source
    std::int64_t mtime = 0;  ///< retime: nanoseconds since 1970
    std::uint64_t inode = 0; ///< create, append: of the source that was planned
    bool in_part = false;    ///< create, append: the source has more than is to be saved now

    [[nodiscard]] bool transfers() const { return kind == ActionKind::create || kind == ActionKind::append; }
    /// Bytes that have to be moved.
    [[nodiscard]] std::uint64_t bytes() const { return transfers() ? to - data_from : 0; }
    bool operator==(const Action&) const = default;
};

/// How far a comparison of everything came: all before this file, and of it the first `offset` bytes.
struct ComparedTo {
    std::string path; ///< empty: it begins
    std::uint64_t offset = 0;
    bool operator==(const ComparedTo&) const = default;
};

/// All that one instance directory needs. The actions are to be done in their order.
struct DirectoryPlan {
    std::vector<Action> actions;
    std::vector<Problem> failures; ///< files that should be saved and cannot be
    std::vector<Problem> skipped;  ///< files that are not for a backup: devices, links that lead out, …
    std::size_t files = 0;         ///< regular files in the source
    std::optional<ComparedTo>
        compared_to;                 ///< Thoroughness::everything, and there is more than one tick compares
    bool has_reached_limits = false; ///< there would have been more to compare
};

} // namespace logbackup
