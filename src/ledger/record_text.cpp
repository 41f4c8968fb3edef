// SPDX-License-Identifier: MIT
#include "ledger/ledger.hpp"

#include "util/error.hpp"
#include "util/files.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace logbackup {
namespace {

using Json = nlohmann::ordered_json;

constexpr int format_version = 1;

/// The text members, with their names in the file.
constexpr auto text_members = std::to_array<std::pair<const char*, std::string Record::*>>({
    {"saved_until", &Record::saved_until},
    {"ended", &Record::ended},
    {"runtime", &Record::runtime},
    {"pod", &Record::pod},
    {"namespace", &Record::namespace_name},
    {"pod_uid", &Record::pod_uid},
    {"image", &Record::image},
    {"restart_count", &Record::restart_count},
    {"created", &Record::created},
    {"started", &Record::started},
    {"finished", &Record::finished},
    {"layer", &Record::layer},
    {"log_directory", &Record::log_directory},
    {"first_seen", &Record::first_seen},
});

constexpr std::array<Coverage, 4> coverages{Coverage::live, Coverage::complete, Coverage::cut,
                                            Coverage::missed};

std::string text_member(const Json& json, const char* name) {
    const auto found = json.find(name);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// A link is made of these names, so each must be one file name that is not hidden.
bool is_file_name(const std::string& name) {
    return !name.empty() && name.front() != '.' && name.find('/') == std::string::npos;
}

/// A link can stand at such a path in an instance directory.
bool is_path_below(const std::string& path) {
    const auto names = components(path);
    return !names.empty() && std::none_of(names.begin(), names.end(), [](const std::string& name) {
        return name == "." || name == "..";
    });
}

std::vector<Sharer> sharers_in(const Json& json) {
    std::vector<Sharer> sharers;
    const auto list = json.find("sharers");
    if (list == json.end() || !list->is_array())
        return sharers;
    for (const auto& one : *list) {
        if (!one.is_object())
            continue;
        Sharer sharer{text_member(one, "service"), text_member(one, "instance"), text_member(one, "pod"),
                      text_member(one, "namespace"), text_member(one, "container")};
        if (is_file_name(sharer.service) && is_file_name(sharer.instance))
            sharers.push_back(std::move(sharer));
    }
    return sharers;
}

} // namespace

std::string record_text(const Record& record) {
    Json json;
    json["version"] = format_version;
    json["coverage"] = name_of(record.coverage);
    for (const auto& [name, member] : text_members)
        if (!(record.*member).empty())
            json[name] = record.*member;
    if (!record.volume.empty()) // it may have any bytes: a container can choose a part of the path
        json["volume"] = percent_encoded(record.volume);
    if (record.volume_inode != 0)
        json["volume_inode"] = record.volume_inode;
    for (const auto limit : record.limits)
        json["limits"].push_back(name_of(limit));
    if (record.volumes_below)
        json["volumes_below"] = true;
    if (record.has_writer)
        json["has_writer"] = true;
    for (const auto& [path, place] : record.seen_places)
        json["seen_places"][percent_encoded(path)] = percent_encoded(place);
    if (record.skipped != 0)
        json["skipped"] = record.skipped;
    for (const auto& [below, place] : record.elsewhere)
        json["elsewhere"][percent_encoded(below)] = percent_encoded(place);
    for (const auto& sharer : record.sharers)
        json["sharers"].push_back({{"service", sharer.service},
                                   {"instance", sharer.instance},
                                   {"pod", sharer.pod},
                                   {"namespace", sharer.namespace_name},
                                   {"container", sharer.container}});
    json["containers"] = record.containers;
    if (!record.last_passes.empty())
        json["last_passes"] = record.last_passes;
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Record parse_record(const std::string& service, const std::string& instance, const std::string& text) {
    const Json json = Json::parse(text, nullptr, false);
    const auto member = [&](const char* name) { return text_member(json, name); };
    if (json.is_object() && json.contains("version") && json["version"].is_number_unsigned() &&
        json["version"] > format_version)
        throw Error("it is of version " + json["version"].dump() + ", which a newer logbackup made");
    if (!json.is_object() || !json.contains("version") || json["version"] != format_version)
        throw Error("it is not a record of version " + std::to_string(format_version));
    Record record;
    record.service = service;
    record.instance = instance;
    for (const auto& [name, pointer] : text_members)
        record.*pointer = member(name);
    if (record.runtime.empty())
        record.runtime = Record().runtime;
    const auto* coverage = std::find_if(coverages.begin(), coverages.end(),
                                        [&](Coverage value) { return member("coverage") == name_of(value); });
    record.coverage = coverage == coverages.end() ? Coverage::cut : *coverage;
    if (const auto limits = json.find("limits"); limits != json.end() && limits->is_array())
        for (const auto limit : all_limits)
            if (std::find(limits->begin(), limits->end(), Json(name_of(limit))) != limits->end())
                record.limits.insert(limit);
    record.volumes_below = json.contains("volumes_below") && json["volumes_below"] == true;
    record.has_writer = json.contains("has_writer") && json["has_writer"] == true;
    record.volume = percent_decoded(member("volume"));
    if (const auto inode = json.find("volume_inode"); inode != json.end() && inode->is_number_unsigned())
        record.volume_inode = inode->get<std::uint64_t>();
    if (const auto places = json.find("seen_places"); places != json.end() && places->is_object())
        for (const auto& [path, place] : places->items())
            if (place.is_string())
                record.seen_places[percent_decoded(path)] = percent_decoded(place.get<std::string>());
    if (const auto containers = json.find("containers"); containers != json.end() && containers->is_array())
        for (const auto& id : *containers)
            if (id.is_string())
                record.containers.push_back(id.get<std::string>());
    if (const auto passes = json.find("last_passes"); passes != json.end() && passes->is_object())
        for (const auto& [id, finished] : passes->items())
            if (finished.is_string())
                record.last_passes.emplace(id, finished.get<std::string>());
    if (const auto skipped = json.find("skipped"); skipped != json.end() && skipped->is_number_unsigned())
        record.skipped = skipped->get<std::uint64_t>();
    record.sharers = sharers_in(json);
    if (const auto parts = json.find("elsewhere"); parts != json.end() && parts->is_object())
        for (const auto& [below, place] : parts->items())
            if (place.is_string() && is_path_below(percent_decoded(below)))
                record.elsewhere[percent_decoded(below)] = percent_decoded(place.get<std::string>());
    return record;
}

} // namespace logbackup
