// SPDX-License-Identifier: MIT
#include "report/settings_report.hpp"

#include "util/json_text.hpp"
#include "util/text.hpp"

#include <algorithm>

namespace logbackup {
namespace {

using Json = nlohmann::ordered_json;

std::string quoted(const std::string& value) {
    return '"' + escaped(value) + '"';
}

std::string value_text(const Setting& setting) {
    if (setting.type == Setting::Type::flag)
        return setting.values.front();
    if (setting.type == Setting::Type::text && setting.values.size() == 1)
        return quoted(setting.values.front());
    std::string text;
    for (const auto& value : setting.values)
        text += (text.empty() ? "" : ", ") + quoted(value);
    return "[" + text + "]";
}

} // namespace

std::string text(const std::vector<Setting>& settings) {
    std::vector<std::pair<std::string, const Setting*>> lines;
    std::size_t width = 0;
    for (const auto& setting : settings) {
        lines.emplace_back(setting.name + " = " + value_text(setting), &setting);
        width = std::max(width, columns(lines.back().first));
    }
    std::string result;
    const std::string* section = nullptr;
    for (const auto& [line, setting] : lines) {
        if (!setting->service.empty() && (section == nullptr || *section != setting->service))
            result += "\n[service." + quoted(setting->service) + "]\n";
        section = &setting->service;
        result += line + std::string(width - columns(line), ' ') + "  # " + escaped(setting->source) + "\n";
    }
    return result;
}

std::string json(const std::vector<Setting>& settings) {
    Json all = Json::array();
    for (const auto& setting : settings) {
        Json value = setting.values;
        if (setting.type == Setting::Type::flag)
            value = setting.values.front() == "true";
        else if (setting.type == Setting::Type::text && setting.values.size() == 1)
            value = setting.values.front();
        all.push_back({{"service", setting.service.empty() ? Json() : Json(setting.service)},
                       {"name", setting.name},
                       {"value", std::move(value)},
                       {"source", setting.source}});
    }
    return printable_json(Json{{"command", "config"}, {"settings", std::move(all)}}) + "\n";
}

} // namespace logbackup
