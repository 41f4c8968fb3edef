// SPDX-License-Identifier: MIT
#include "config/option_sources.hpp"

#include "config/option_values.hpp"
#include "util/text.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <set>
#include <sstream>
#include <utility>

namespace logbackup {
namespace {

/// Returns the environment variable of a setting: "LOGBACKUP_MAX_FILES" for max-files.
std::string variable_of(const std::string& setting) {
    std::string name = "LOGBACKUP_" + setting;
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char letter) {
        return letter == '-' ? '_' : static_cast<char>(std::toupper(letter));
    });
    return name;
}

/// Splits the log directories at colons, like PATH.
Texts texts_of_variable(const SettingRow& row, const std::string& value) {
    if (row.name != std::string("log-dir"))
        return {value};
    Texts parts;
    std::istringstream rest(value);
    for (std::string part; std::getline(rest, part, ':');)
        parts.push_back(part);
    return parts;
}

Texts standard_texts(const SettingRow& row) {
    const std::string text = row.standard;
    return row.type == Setting::Type::list && text.empty() ? Texts{} : Texts{text};
}

/// Returns the row of a key of the file. Throws Error when there is none.
const SettingRow& row_of(const std::string& key, const std::string& place) {
    const auto* row = find_setting(key);
    if (row != nullptr && row->reach == Reach::file)
        return *row;
    std::vector<std::string> keys;
    for (const auto& other : settings_table())
        if (other.reach == Reach::file)
            keys.emplace_back(other.name);
    const std::string near = nearest(key, keys);
    throw Error("unknown option " + place,
                near.empty() ? "'logbackup config' lists them all" : "the nearest is " + in_quotes(near));
}

} // namespace

OptionSources::OptionSources(const CommandLine& line, std::string standard_file)
    : file_(std::move(standard_file)), hint_(help_hint(line.command)) {
    for (const auto& row : settings_table())
        given_[row.name] = {"", row.name, row.type, standard_texts(row), Origin::standard, "default"};
    for (const auto& [name, texts] : line.texts)
        take(*find_setting(name), texts, Origin::command_line, "command line");
    take_environment();
    take_file();
}

void OptionSources::take(const SettingRow& row, Texts texts, Origin origin, const std::string& source) {
    Setting& given = given_.at(row.name);
    if (given.origin != Origin::standard)
        return; // a stronger source has it
    given.origin = origin;
    given.source = source;
    if (row.type == Setting::Type::flag) {
        const auto value = parse_flag(texts.back());
        if (!value)
            throw wrong(row.name, in_quotes(texts.back()) + " is neither true nor false");
        texts = {*value ? "true" : "false"};
    } else if (row.type == Setting::Type::text && texts.size() > 1) {
        throw wrong(row.name, "it takes one value");
    }
    given.values = std::move(texts);
}

void OptionSources::take_environment() {
    for (const auto& row : settings_table()) {
        const std::string variable = variable_of(row.name);
        const char* value = row.reach < Reach::environment ? nullptr : std::getenv(variable.c_str());
        if (value != nullptr && *value != '\0')
            take(row, texts_of_variable(row, value), Origin::environment, variable);
    }
}

void OptionSources::take_file() {
    const Setting& config = given_.at("config");
    if (config.origin != Origin::standard)
        file_ = config.values.front();
    auto lines = read_config_file(file_);
    if (!lines && config.origin != Origin::standard)
        throw Error("there is no configuration " + in_quotes(file_));
    if (!lines)
        file_.clear();
    std::set<std::pair<std::string, std::string>> seen;
    for (auto& line : lines.value_or(std::vector<ConfigLine>{})) {
        const std::string place = in_quotes(line.key) + " in " + in_quotes(file_);
        const SettingRow& row = row_of(line.key, place);
        if (!seen.emplace(line.service, line.key).second)
            throw Error(place + " is set twice");
        if (line.values.empty() && row.type != Setting::Type::list)
            throw Error(place + " has no value");
        if (!line.service.empty())
            sections_.push_back(std::move(line));
        else if (!line.values.empty())
            take(row, std::move(line.values), Origin::file, file_);
    }
}

std::string OptionSources::shown(const std::string& name) const {
    const Setting& given = given_.at(name);
    switch (given.origin) {
    case Origin::environment: return given.source;
    case Origin::file: return name + " in " + in_quotes(file_);
    case Origin::standard:
    case Origin::command_line: break;
    }
    return "--" + name;
}

Error OptionSources::wrong(const std::string& name, const std::string& why) const {
    return Error(shown(name) + ": " + why, hint_);
}

std::vector<Setting> OptionSources::settings() const {
    std::vector<Setting> result;
    for (const auto& row : settings_table())
        if (row.reach == Reach::file)
            result.push_back(given_.at(row.name));
    for (const auto& [service, key, values] : sections_)
        result.push_back({service, key, find_setting(key)->type, values, Origin::file, file_});
    return result;
}

} // namespace logbackup
