// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace logbackup {

/// One line of a configuration file.
struct ConfigLine {
    std::string service; ///< the glob of its section [service.GLOB]; empty: for all services
    std::string key;     ///< an option's long name, without dashes
    std::vector<std::string> values;
};

/// Reads a TOML file, as CLI11 understands TOML: `key = value`, arrays, comments, and [service."GLOB"]
/// sections. Nothing where there is no such file. Throws Error when it cannot be read, when others could
/// write to it, and for what is no such line. Whether a key exists is not its business.
[[nodiscard]] std::optional<std::vector<ConfigLine>> read_config_file(const std::string& path);

/// The one of `names` that takes the fewest changes of a letter to become `name`; empty when none is near.
[[nodiscard]] std::string nearest(const std::string& name, const std::vector<std::string>& names);

} // namespace logbackup
