// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/options.hpp"

#include <optional>
#include <string>

namespace logbackup {

/// Parsing ended the run: `text` was asked for (code 0) or explains a wrong usage (code 2).
struct ParseEnded {
    int code = 0;
    std::string text;
};

/// Reads the command line, the environment and the configuration file: `standard_file` if it exists, unless
/// another is named. Nothing, with `ended`, when there is nothing to run.
[[nodiscard]] std::optional<Options> parse_options(int argc, const char* const* argv, ParseEnded& ended,
                                                   const std::string& standard_file = "/etc/logbackup.toml");

} // namespace logbackup
