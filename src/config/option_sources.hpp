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

/// Completes a parsed command line by the environment and a file: command line > environment > file >
/// default.
class OptionSources {
  public:
    /// The values of `app`, which has parsed the command line, are completed from LOGBACKUP_… variables, and
    /// from the file that its option --config names; without one from `standard_file`, if that exists. The
    /// sections of the file are only kept. Throws CLI::ParseError, and Error for the file itself.
    OptionSources(CLI::App& app, std::string standard_file);

    [[nodiscard]] Origin origin_of(const CLI::Option* option) const;
    /// How whoever wrote its value knows it: "--dest", "LOGBACKUP_DEST", or "dest in '/etc/logbackup.toml'".
    [[nodiscard]] std::string shown(const CLI::Option* option) const;
    [[nodiscard]] const std::string& file() const { return file_; } ///< empty: none was read
    [[nodiscard]] const std::vector<ConfigLine>& sections() const { return sections_; }
    /// All options, in the order in which they were added.
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

/// The variable of an option: "LOGBACKUP_MAX_FILES" of --max-files.
[[nodiscard]] std::string variable_of(const CLI::Option* option);

/// The names that can stand in a configuration file.
[[nodiscard]] std::vector<std::string> keys_of(const CLI::App& app);

} // namespace logbackup
