// SPDX-License-Identifier: MIT
#include "config/option_sources.hpp"

#include "util/error.hpp"
#include "util/text.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <sstream>
#include <utility>

namespace logbackup {
namespace {

const std::string& name_of(const CLI::Option* option) {
    return option->get_lnames().front();
}

/// False for options that end the run, and for the option that names the configuration file.
bool is_setting(const CLI::Option* option) {
    return option->get_configurable() && !option->get_lnames().empty();
}

bool is_flag(const CLI::Option* option) {
    return option->get_items_expected_max() == 0;
}

bool is_list(const CLI::Option* option) {
    return option->get_items_expected_max() > 1;
}

const char* value_in_environment(const CLI::Option* option) {
    const char* value = std::getenv(variable_of(option).c_str());
    return value == nullptr || *value == '\0' ? nullptr : value;
}

/// Splits the value at colons, like PATH, for an option that takes several values.
std::vector<std::string> values_of(const CLI::Option* option, const std::string& variable) {
    if (name_of(option) != "log-dir")
        return {variable};
    std::vector<std::string> parts;
    std::istringstream rest(variable);
    for (std::string part; std::getline(rest, part, ':');)
        parts.push_back(part);
    return parts;
}

} // namespace

std::string variable_of(const CLI::Option* option) {
    std::string name = "LOGBACKUP_" + name_of(option);
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char letter) {
        return letter == '-' ? '_' : static_cast<char>(std::toupper(letter));
    });
    return name;
}

std::vector<std::string> keys_of(const CLI::App& app) {
    std::vector<std::string> keys;
    for (const auto* option : app.get_options(is_setting))
        keys.push_back(name_of(option));
    return keys;
}

OptionSources::OptionSources(CLI::App& app, std::string standard_file)
    : app_(app), file_(std::move(standard_file)) {
    for (const auto* option : app_.get_options())
        origins_[option] = option->count() > 0 ? Origin::command_line : Origin::standard;
    take_environment();
    const auto* config = std::as_const(app_).get_option("--config");
    if (origin_of(config) != Origin::standard)
        file_ = config->as<std::string>();
    take_file();
}

void OptionSources::take(CLI::Option* option, std::vector<std::string> values, Origin origin) {
    origins_[option] = origin;
    const std::string text = values.front();
    option->add_result(std::move(values));
    try {
        option->run_callback();
    } catch (const CLI::ParseError&) {
        throw CLI::ValidationError(shown(option), is_flag(option)
                                                      ? in_quotes(text) + " is neither true nor false"
                                                      : "it takes one value");
    }
}

void OptionSources::take_environment() {
    for (auto* option : app_.get_options())
        if (const char* value = value_in_environment(option);
            value != nullptr && origin_of(option) == Origin::standard &&
            (is_setting(option) || name_of(option) == "config"))
            take(option, values_of(option, value), Origin::environment);
}

void OptionSources::take_file() {
    const bool asked_for = origin_of(std::as_const(app_).get_option("--config")) != Origin::standard;
    auto lines = read_config_file(file_);
    if (!lines && asked_for)
        throw Error("there is no configuration " + in_quotes(file_));
    if (!lines) {
        file_.clear();
        return;
    }
    std::map<std::string, CLI::Option*> options;
    for (auto* option : app_.get_options(is_setting))
        options[name_of(option)] = option;
    std::map<std::pair<std::string, std::string>, int> seen;
    for (auto& line : *lines) {
        const std::string place = in_quotes(line.key) + " in " + in_quotes(file_);
        const auto found = options.find(line.key);
        if (found == options.end()) {
            const std::string near = nearest(line.key, keys_of(app_));
            throw Error("there is no option " + place, near.empty() ? "'logbackup config' lists them all"
                                                                    : "the nearest is " + in_quotes(near));
        }
        if (++seen[{line.service, line.key}] > 1)
            throw Error(place + " is set twice");
        if (line.values.empty() && is_list(found->second) && line.service.empty())
            continue;
        if (line.values.empty() && !is_list(found->second))
            throw Error(place + " has no value");
        if (!line.service.empty())
            sections_.push_back(std::move(line));
        else if (origin_of(found->second) == Origin::standard)
            take(found->second, std::move(line.values), Origin::file);
    }
}

Origin OptionSources::origin_of(const CLI::Option* option) const {
    const auto found = origins_.find(option);
    return found == origins_.end() ? Origin::standard : found->second;
}

std::string OptionSources::shown(const CLI::Option* option) const {
    switch (origin_of(option)) {
    case Origin::environment: return variable_of(option);
    case Origin::file: return name_of(option) + " in " + in_quotes(file_);
    case Origin::standard:
    case Origin::command_line: break;
    }
    return "--" + name_of(option);
}

std::vector<Setting> OptionSources::settings() const {
    std::vector<Setting> result;
    for (const auto* option : std::as_const(app_).get_options(is_setting)) {
        Setting setting;
        setting.name = name_of(option);
        setting.type = is_flag(option)   ? Setting::Type::flag
                       : is_list(option) ? Setting::Type::list
                                         : Setting::Type::text;
        setting.origin = origin_of(option);
        setting.values = option->results();
        const std::string standard = option->get_default_str();
        if (setting.origin == Origin::standard && setting.type == Setting::Type::list && !standard.empty())
            setting.values = {standard};
        else if (setting.origin == Origin::standard && setting.type != Setting::Type::list)
            setting.values = {setting.type == Setting::Type::flag ? "false" : standard};
        else if (setting.type == Setting::Type::flag)
            setting.values = {option->as<bool>() ? "true" : "false"};
        switch (setting.origin) {
        case Origin::standard: setting.source = "default"; break;
        case Origin::file: setting.source = file_; break;
        case Origin::environment: setting.source = variable_of(option); break;
        case Origin::command_line: setting.source = "command line"; break;
        }
        result.push_back(std::move(setting));
    }
    for (const auto& line : sections_) {
        const auto type =
            is_list(app_.get_option("--" + line.key)) ? Setting::Type::list : Setting::Type::text;
        result.push_back({line.service, line.key, type, line.values, Origin::file, file_});
    }
    return result;
}

} // namespace logbackup
