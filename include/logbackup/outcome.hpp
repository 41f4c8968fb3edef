// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/listing.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace logbackup {

/// The result of applying one directory's plan.
struct DirectoryOutcome {
    std::size_t created = 0;
    std::size_t changed = 0; ///< files that grew in the backup
    std::size_t renamed = 0; ///< files whose sources were renamed
    std::size_t set_aside = 0;
    std::size_t dropped = 0;            ///< copies removed because another saved file begins with their bytes
    std::uint64_t bytes = 0;            ///< bytes saved, without holes
    std::vector<std::string> displaced; ///< paths of the files that were set aside
    std::vector<Problem> failures;
    /// Files that changed while they were read; the next run continues with them.
    std::vector<Problem> unsettled;
};

struct ApplyOutcome {
    std::vector<DirectoryOutcome> directories;
    std::vector<std::string> problems; ///< problems of the whole transfer, safe to print
};

} // namespace logbackup
