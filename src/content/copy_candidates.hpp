// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/listing.hpp"

#include <functional>
#include <string>
#include <vector>

namespace logbackup {

/// Facts about the files of an instance directory that are known without opening them.
struct SavedFiles {
    std::vector<Entry> entries; ///< regular files that are not empty
    std::function<bool(const Entry&)> has_source;
    std::function<bool(const Entry&)> is_new; ///< its content was saved since the last search
    /// It was set aside a short time ago, so even a compressed one may be contained in another.
    std::function<bool(const Entry&)> was_set_aside;
};

struct CopyCandidates {
    std::vector<Entry> compressed;
    std::vector<Entry> plain;
};

/// Chooses the files between which drop_redundant_copies() searches, and opens few of them. A compressed file
/// counts if it is new, or belongs to a file without a source by its name ("app.log.1" and "app.log.1.gz") or
/// by its exact time, which gzip keeps. With a new one all files without a source count that are not named
/// like a compressed one, but 256 at most: those that were set aside a short time ago, and the newest. What
/// is overlooked stays twice. `is_compressed` looks into a file; old files that belong to nothing do not
/// cost a call.
[[nodiscard]] CopyCandidates choose_candidates(const SavedFiles& saved,
                                               const std::function<bool(const Entry&)>& is_compressed);

} // namespace logbackup
