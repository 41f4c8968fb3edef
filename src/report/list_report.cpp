// SPDX-License-Identifier: MIT
#include "report/list_report.hpp"

#include "util/files.hpp"
#include "util/json_text.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace logbackup {
namespace {

bool is_missed(const Instance& instance) {
    return instance.has_record && instance.record.coverage == Coverage::missed;
}

std::string coverage_cell(const Instance& instance) {
    if (!instance.has_record)
        return "-";
    const Record& record = instance.record;
    std::string text(name_of(record.coverage));
    const Timestamp until = parse_rfc3339(record.saved_until);
    if (is_failing(instance))
        text = "failing since " + to_minute(until);
    if (record.coverage == Coverage::cut && until != Timestamp{})
        text += " at " + to_minute(until);
    const char* separator = ", incomplete: ";
    for (const auto limit : record.limits)
        text.append(std::exchange(separator, ", ")).append(name_of(limit));
    if (record.skipped > 0)
        text += ", " + std::to_string(record.skipped) + " skipped";
    return instance.is_left_out ? text + ", left out" : text;
}

std::vector<std::string> cells_of(const Instance& instance) {
    const auto& [record, has_record, usage, is_left_out] = instance;
    const bool ended = has_record && record.coverage != Coverage::live;
    const bool missed = is_missed(instance);
    return {escaped(record.service),
            escaped(missed ? record.pod : record.instance),
            record.namespace_name.empty() ? "-" : escaped(record.namespace_name),
            to_minute(parse_rfc3339(record.started)),
            ended ? to_minute(parse_rfc3339(record.finished)) : "-",
            missed ? "-" : std::to_string(usage.files),
            missed ? "-" : human_bytes(usage.disk_bytes),
            to_minute(usage.last_saved),
            coverage_cell(instance)};
}

const char* colour_of(const Instance& instance) {
    if (!instance.has_record)
        return colours::dim;
    if (is_failing(instance))
        return colours::red;
    switch (instance.record.coverage) {
    case Coverage::live: return colours::green;
    case Coverage::complete: return colours::none;
    case Coverage::cut: return colours::yellow;
    case Coverage::missed: break;
    }
    return colours::red;
}

std::string detail_lines(const Instance& instance, const std::string& backup_root) {
    const Record& record = instance.record;
    std::string text;
    auto add = [&](std::string_view what, const std::string& value) {
        if (!value.empty())
            text += detail_line(what, escaped(value));
    };
    if (!record.instance.empty())
        add("path", joined(backup_root, record.directory()));
    add("volume", record.volume);
    add("image", record.image);
    for (const auto& id : record.containers)
        add("container", id);
    for (const auto& sharer : record.sharers)
        add("shared by", joined(sharer.service, sharer.pod));
    for (const auto& [below, place] : record.elsewhere)
        add("elsewhere", below + " is saved as " + place);
    return text;
}

} // namespace

std::string table(const Inventory& inventory, Colour colour, InventoryDetail detail) {
    const std::vector<TextColumn> header{{"SERVICE"},
                                         {"INSTANCE"},
                                         {"NAMESPACE"},
                                         {"STARTED (UTC)"},
                                         {"ENDED"},
                                         {"FILES", Align::right},
                                         {"SIZE", Align::right},
                                         {"SAVED"},
                                         {"COVERAGE"}};
    std::vector<TextRow> rows;
    for (const auto& instance : inventory.instances) {
        TextRow row{cells_of(instance), colour_of(instance), {}, {}};
        if (instance.has_record && !is_missed(instance)) // a missed line is coloured whole
            row.coloured = header.size() - 1;
        if (detail == InventoryDetail::paths)
            row.below = detail_lines(instance, inventory.backup_root);
        rows.push_back(std::move(row));
    }
    return text_table(header, rows, colour) + summary(inventory) + "\n";
}

std::string summary(const Inventory& inventory) {
    std::set<std::string_view> services;
    std::array<std::size_t, 4> of_coverage{};
    std::size_t directories = 0;
    std::size_t unknown = 0;
    Usage total;
    for (const auto& instance : inventory.instances) {
        ++(instance.has_record ? of_coverage[static_cast<std::size_t>(instance.record.coverage)] : unknown);
        if (is_missed(instance))
            continue;
        ++directories;
        services.insert(instance.record.service);
        total.files += instance.usage.files;
        total.disk_bytes += instance.usage.disk_bytes;
    }
    std::string text = counted(directories, "log directory", "log directories");
    if (directories > 0)
        text += " of " + counted(services.size(), "service") + ", " + counted(total.files, "file") + ", " +
                human_bytes(total.disk_bytes);
    const char* separator = "; ";
    auto add = [&](std::size_t number, std::string_view what) {
        if (number > 0)
            text.append(separator).append(std::to_string(number) + " ").append(what);
        separator = number > 0 ? ", " : separator;
    };
    for (const auto coverage : {Coverage::live, Coverage::complete, Coverage::cut})
        add(of_coverage[static_cast<std::size_t>(coverage)], name_of(coverage));
    add(unknown, "without a record");
    add(static_cast<std::size_t>(
            std::count_if(inventory.instances.begin(), inventory.instances.end(), is_failing)),
        "failing");
    add(static_cast<std::size_t>(
            std::count_if(inventory.instances.begin(), inventory.instances.end(),
                          [](const Instance& instance) { return !instance.record.limits.empty(); })),
        "incomplete");
    if (const auto missed = of_coverage[static_cast<std::size_t>(Coverage::missed)]; missed > 0)
        text += "; " + counted(missed, "container") + " missed";
    if (!inventory.problems.empty())
        text += "; " + counted(inventory.problems.size(), "problem");
    return text;
}

namespace {
using Json = nlohmann::ordered_json;

Json json_time(Timestamp time) {
    return time == Timestamp{} ? Json() : Json(rfc3339(time));
}

Json sharers_json(const Record& record) {
    Json sharers = Json::array();
    for (const auto& sharer : record.sharers)
        sharers.push_back({{"service", sharer.service},
                           {"pod", sharer.pod},
                           {"namespace", sharer.namespace_name},
                           {"container", sharer.container}});
    return sharers;
}

Json elsewhere_json(const Record& record) {
    Json parts = Json::array();
    for (const auto& [below, place] : record.elsewhere)
        parts.push_back({{"path", below}, {"saved_as", place}});
    return parts;
}

Json instance_json(const Instance& instance) {
    const auto& [record, has_record, usage, is_left_out] = instance;
    Json limits = Json::array();
    for (const auto limit : record.limits)
        limits.push_back(name_of(limit));
    return {{"service", record.service},
            {"pod", record.pod},
            {"namespace", record.namespace_name},
            {"instance", record.instance},
            {"pod_uid", record.pod_uid},
            {"image", record.image},
            {"containers", record.containers},
            {"restart_count", record.restart_count},
            {"created", json_time(parse_rfc3339(record.created))},
            {"started", json_time(parse_rfc3339(record.started))},
            {"finished", json_time(parse_rfc3339(record.finished))},
            {"first_seen", json_time(parse_rfc3339(record.first_seen))},
            {"coverage", has_record ? name_of(record.coverage) : "unknown"},
            {"saved_until", json_time(parse_rfc3339(record.saved_until))},
            {"limits", std::move(limits)},
            {"volume", record.volume},
            {"left_out", is_left_out},
            {"shared_by", sharers_json(record)},
            {"elsewhere", elsewhere_json(record)},
            {"skipped", record.skipped},
            {"files", usage.files},
            {"bytes", usage.bytes},
            {"disk_bytes", usage.disk_bytes},
            {"last_saved", json_time(usage.last_saved)}};
}
} // namespace

std::string json(const Inventory& inventory) {
    Json instances = Json::array();
    for (const auto& instance : inventory.instances)
        instances.push_back(instance_json(instance));
    const Json document{{"command", "list"},
                        {"backup_root", inventory.backup_root},
                        {"instances", std::move(instances)},
                        {"problems", inventory.problems}};
    return printable_json(document) + "\n";
}

} // namespace logbackup
