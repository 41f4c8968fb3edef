// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace logbackup {

/// One line of a configuration file.
struct ConfigLine {
    std::string service; ///< the glob of its section [service.GLOB]; empty: the line is for all services
    std::string key;     ///< an option's long name, without dashes
    std::vector<std::string> values;
};

/// Reads a TOML file, as CLI11 understands TOML: `key = value`, arrays, comments, and [service."GLOB"]
/// sections. Returns nothing when the file does not exist. Throws Error when the file cannot be read, when
/// other users could write to it, and when a line has another form. Does not check whether a key is a known
/// option.
[[nodiscard]] std::optional<std::vector<ConfigLine>> read_config_file(const std::string& path);

/// Returns the one of `names` that takes the fewest changes of a letter to become `name`; empty when none is
/// near.
[[nodiscard]] std::string nearest(const std::string& name, const std::vector<std::string>& names);

} // namespace logbackup
