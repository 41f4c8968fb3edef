// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/report.hpp"

#include <vector>

/// The text of --help, except for the descriptions of the single options.
namespace logbackup {

extern const char* const program_description;
extern const char* const program_footer;

struct Subcommand {
    const char* name;
    RunKind kind;
    const char* description;
    const char* footer;
    const char* arguments = ""; ///< as the help shows them
};

[[nodiscard]] const std::vector<Subcommand>& subcommands();

} // namespace logbackup
