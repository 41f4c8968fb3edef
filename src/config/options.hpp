// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/options.hpp"

#include <optional>
#include <string>

namespace logbackup {

inline constexpr const char* standard_config_file = "/etc/logbackup.toml";

/// Parsing ended the run. The user asked for `text` (code 0), or it explains a usage error (code 2).
struct ParseEnded {
    int code = 0;
    std::string text;
};

/// Reads the command line, the environment and the configuration file, which is `standard_file` if it exists,
/// unless the user names another. Returns nothing and fills `ended` when there is nothing to run.
[[nodiscard]] std::optional<Options> parse_options(int argc, const char* const* argv, ParseEnded& ended,
                                                   const std::string& standard_file = standard_config_file);

} // namespace logbackup
