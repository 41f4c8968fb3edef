// SPDX-License-Identifier: MIT
#pragma once

#include "config/settings.hpp"
#include "config/subcommands.hpp"

#include <map>
#include <optional>
#include <string>

namespace logbackup {

/// The command line as the user wrote it.
struct CommandLine {
    const Subcommand* command = nullptr;
    std::map<std::string, Texts> texts; ///< of the settings that were given, by name
    std::optional<std::string> pattern; ///< the first argument of grep
    std::optional<std::string> place;   ///< "SERVICE" or "SERVICE/POD"
    std::optional<std::string> answer;  ///< what --help or --version prints; there is nothing to run then
};

/// Options are accepted before and after the name of a subcommand. Throws Error for wrong usage; does not
/// check the values.
[[nodiscard]] CommandLine parse_command_line(int argc, const char* const* argv);

/// Returns "see 'logbackup --help'", or the same for the subcommand. `command` may be nullptr.
[[nodiscard]] std::string help_hint(const Subcommand* command);

} // namespace logbackup
