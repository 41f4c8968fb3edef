// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace logbackup {

/// Where an option's value comes from; a later one is stronger.
enum class Origin { standard, file, environment, command_line };

/// An option as it takes effect.
struct Setting {
    enum class Type { text, list, flag };

    std::string service; ///< the glob of its section in the file; empty: for all services
    std::string name;    ///< long name, without dashes
    Type type = Type::text;
    std::vector<std::string> values;
    Origin origin = Origin::standard;
    std::string source; ///< "default", "/etc/logbackup.toml", "LOGBACKUP_DEST" or "command line"
};

} // namespace logbackup
