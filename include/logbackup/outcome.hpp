// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/listing.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace logbackup {

/// What became of one directory's plan.
struct DirectoryOutcome {
    std::size_t created = 0;
    std::size_t changed = 0; ///< files that were appended to
    std::size_t renamed = 0; ///< their sources were renamed
    std::size_t set_aside = 0;
    std::size_t dropped = 0; ///< copies whose bytes another saved file begins with
    std::uint64_t bytes = 0; ///< that were saved; holes do not count
    std::vector<Problem> failures;
    std::vector<Problem>
        unsettled; ///< files that changed while they were read; the next tick goes on with them
};

struct ApplyOutcome {
    std::vector<DirectoryOutcome> directories;
    std::vector<std::string> problems; ///< of the transfer as a whole, safe to print
};

} // namespace logbackup
