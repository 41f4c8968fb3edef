// SPDX-License-Identifier: MIT
#pragma once

#include "config/config_file.hpp"
#include "logbackup/setting.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
} // namespace CLI

namespace logbackup {

/// Completes a parsed command line from the environment and a file. The order of precedence is command line,
/// environment, file, default.
class OptionSources {
  public:
    /// `app` has parsed the command line. Its missing values are taken from LOGBACKUP_… variables, and then
    /// from the file that the option --config names; without --config from `standard_file`, if that exists.
    /// The sections of the file are stored but not applied. Throws CLI::ParseError, and Error when the file
    /// itself cannot be used.
    OptionSources(CLI::App& app, std::string standard_file);

    [[nodiscard]] Origin origin_of(const CLI::Option* option) const;
    /// Returns the name under which the user set the value: "--dest", "LOGBACKUP_DEST", or "dest in
    /// '/etc/logbackup.toml'".
    [[nodiscard]] std::string shown(const CLI::Option* option) const;
    [[nodiscard]] const std::string& file() const { return file_; } ///< empty: no file was read
    [[nodiscard]] const std::vector<ConfigLine>& sections() const { return sections_; }
    /// Returns all options, in the order in which they were added.
    [[nodiscard]] std::vector<Setting> settings() const;

  private:
    void take(CLI::Option* option, std::vector<std::string> values, Origin origin);
    void take_environment();
    void take_file();

    CLI::App& app_;
    std::map<const CLI::Option*, Origin> origins_;
    std::string file_;
    std::vector<ConfigLine> sections_;
};

/// Returns the environment variable of an option: "LOGBACKUP_MAX_FILES" for --max-files.
[[nodiscard]] std::string variable_of(const CLI::Option* option);

/// Returns the names that are allowed in a configuration file.
[[nodiscard]] std::vector<std::string> keys_of(const CLI::App& app);

} // namespace logbackup
