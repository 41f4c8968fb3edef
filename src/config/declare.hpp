// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/options.hpp"

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace logbackup {

/// The values of the options as the user wrote them. Values that need no conversion are in `options`.
struct GivenOptions {
    std::string standard_file; ///< the configuration file to read when the user names no other
    Options options;
    bool dry_run = false;
    std::string dest = "/u01/logbackup";
    std::vector<std::string> log_directories{"/opt/logs"};
    std::vector<std::string> exclude;
    std::string group;
    std::string min_free = "5%";
    std::string max_files = "100000";
    std::string max_depth = "100";
    std::string max_file_size = "100G";
    std::string max_bytes = "4G";
    std::string metrics;
    std::string warn_skipped = "10";
    std::string nice = "10";
    std::string ionice = "best-effort:7";
    std::string bwlimit = "0";
    std::string docker_timeout = "10s";
    std::string max_duration = "30m";
    std::string keep = "0";
    std::string max_size = "0";
    std::vector<std::string> coverages;
};

/// Declares all options to CLI11. They belong to the program, so they are accepted before and after the name
/// of a subcommand. `given` holds the defaults and receives the parsed values.
void declare_options(CLI::App& app, GivenOptions& given);

} // namespace logbackup
