// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/options.hpp"
#include "logbackup/setting.hpp"

#include <string>
#include <vector>

/// The table of all settings. The command line, the environment, the configuration file, the help and
/// "logbackup config" know a setting from its row only.
namespace logbackup {

using Texts = std::vector<std::string>;

/// Where a setting can be given. Each place includes the former ones.
enum class Reach { command_line, environment, file };

/// Converts the texts of a setting and stores the result. Returns the first text that is not valid, or
/// nullptr.
using Store = const std::string* (*)(Options& options, const Texts& texts);
/// The same for the services that match.
using StoreForService = const std::string* (*)(Options& options, const std::string& glob, const Texts& texts);

struct SettingRow {
    const char* name; ///< long name without dashes
    char letter;      ///< short name; 0: none
    Setting::Type type;
    const char* heading;  ///< of its group in the help
    const char* commands; ///< the subcommands whose help shows it
    const char* value;    ///< what stands for the value in the help
    const char* standard; ///< the default; for a list, "" means that it is empty
    const char* help;
    const char* valid;                           ///< completes "is not a valid"; nullptr: every text is valid
    Store store;                                 ///< nullptr: the setting only says where to find others
    StoreForService store_for_service = nullptr; ///< nullptr: it cannot differ from service to service
    Reach reach = Reach::file;
};

/// Returns all rows, in the order of the help.
[[nodiscard]] const std::vector<SettingRow>& settings_table();

/// Returns the row with this name, or nullptr.
[[nodiscard]] const SettingRow* find_setting(const std::string& name);

/// True if the help of the subcommand shows the setting.
[[nodiscard]] bool matters_to(const SettingRow& row, const std::string& command);

} // namespace logbackup
