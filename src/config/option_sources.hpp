// SPDX-License-Identifier: MIT
#pragma once

#include "config/command_line.hpp"
#include "config/config_file.hpp"
#include "config/settings.hpp"
#include "util/error.hpp"

#include <map>
#include <string>
#include <vector>

namespace logbackup {

/// The texts of all settings, and where each comes from. The order of precedence is command line,
/// environment, file, default.
class OptionSources {
  public:
    /// What is missing on the command line is taken from LOGBACKUP_… variables, and then from the file that
    /// --config names; without --config from `standard_file`, if that exists. The sections of the file are
    /// stored but not applied. Throws Error.
    OptionSources(const CommandLine& line, std::string standard_file);

    [[nodiscard]] const Texts& texts_of(const SettingRow& row) const { return given_.at(row.name).values; }
    [[nodiscard]] Origin origin_of(const std::string& name) const { return given_.at(name).origin; }
    /// Returns the name under which the user set the value: "--dest", "LOGBACKUP_DEST", or "dest in
    /// '/etc/logbackup.toml'".
    [[nodiscard]] std::string shown(const std::string& name) const;
    /// Returns the error that the value of a setting cannot be used.
    [[nodiscard]] Error wrong(const std::string& name, const std::string& why) const;
    [[nodiscard]] const std::string& file() const { return file_; } ///< empty: no file was read
    [[nodiscard]] const std::vector<ConfigLine>& sections() const { return sections_; }
    /// Returns what "logbackup config" prints, in the order of the table.
    [[nodiscard]] std::vector<Setting> settings() const;

  private:
    void take(const SettingRow& row, Texts texts, Origin origin, const std::string& source);
    void take_environment();
    void take_file();

    std::map<std::string, Setting> given_; // by name
    std::string file_;
    std::string hint_;
    std::vector<ConfigLine> sections_;
};

} // namespace logbackup
