// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace logbackup {

/// Source of an option's value; later enumerators override earlier ones.
enum class Origin { standard, file, environment, command_line };

/// An option with its effective value.
struct Setting {
    enum class Type { text, list, flag };

    std::string service; ///< glob of its section in the file; empty: all services
    std::string name;    ///< long name without dashes
    Type type = Type::text;
    std::vector<std::string> values;
    Origin origin = Origin::standard;
    std::string source; ///< "default", "/etc/logbackup.toml", "LOGBACKUP_DEST" or "command line"
};

} // namespace logbackup
