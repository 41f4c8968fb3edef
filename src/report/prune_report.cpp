// SPDX-License-Identifier: MIT
#include "report/prune_report.hpp"

#include "report/prune_json.hpp"

#include "util/files.hpp"

#include <array>
#include <chrono>

namespace logbackup {
namespace {

using Json = nlohmann::ordered_json;

/// Returns an age in whole units of the largest unit: "35d", "7h", "12m", "3s".
std::string age_text(std::chrono::nanoseconds age) {
    using namespace std::chrono;
    if (age >= days(1))
        return std::to_string(duration_cast<days>(age).count()) + "d";
    if (age >= hours(1))
        return std::to_string(duration_cast<hours>(age).count()) + "h";
    if (age >= minutes(1))
        return std::to_string(duration_cast<minutes>(age).count()) + "m";
    return std::to_string(std::max<std::int64_t>(0, duration_cast<seconds>(age).count())) + "s";
}

std::string what_text(const PruneItem& item) {
    switch (item.kind) {
    case PruneKind::directory:
        return std::string(name_of(item.record.coverage)) + ", " + counted(item.files, "file");
    case PruneKind::file: return item.path;
    case PruneKind::missed: break;
    }
    return "record of a missed container";
}

/// Returns "<service>/<instance>/<path>", and "<service>/<pod>" for a missed container.
std::string path_of(const PruneItem& item) {
    const Record& record = item.record;
    return item.kind == PruneKind::missed ? joined(record.service, record.pod)
                                          : joined(record.directory(), item.path);
}

struct Total {
    std::array<std::uint64_t, 3> of_kind{};
    std::uint64_t files = 0;
    std::uint64_t disk_bytes = 0;
};

/// Returns the totals without the items that could not be deleted.
Total total_of(const PruneReport& report) {
    Total total;
    for (const auto& item : report.items) {
        if (!item.failure.empty())
            continue;
        ++total.of_kind[static_cast<std::size_t>(item.kind)];
        total.files += item.files;
        total.disk_bytes += item.disk_bytes;
    }
    return total;
}

TextRow row_of(const PruneItem& item, const PruneReport& report, InventoryDetail detail) {
    const Record& record = item.record;
    const bool missed = item.kind == PruneKind::missed;
    const bool failed = !item.failure.empty();
    TextRow row{{escaped(record.service), escaped(missed ? record.pod : record.instance),
                 to_minute(item.ended), age_text(report.now - item.ended),
                 escaped(what_text(item)) + (failed ? "  KEPT" : ""),
                 missed ? "-" : human_bytes(item.disk_bytes)},
                failed ? colours::red : colours::none,
                {},
                {}};
    if (detail == InventoryDetail::paths && !missed)
        row.below = detail_line("path", escaped(joined(report.backup_root, path_of(item))));
    return row;
}

} // namespace

std::string table(const PruneReport& report, Colour colour, InventoryDetail detail) {
    const std::vector<TextColumn> header{{"SERVICE"},           {"INSTANCE"}, {"ENDED (UTC)"},
                                         {"AGE", Align::right}, {"WHAT"},     {"SIZE", Align::right}};
    std::vector<TextRow> rows;
    for (const auto& item : report.items)
        rows.push_back(row_of(item, report, detail));
    return text_table(header, rows, colour) + summary(report) + "\n";
}

std::string summary(const PruneReport& report) {
    const Total total = total_of(report);
    const auto& [directories, files, missed] = total.of_kind;
    std::string text = report.dry_run ? "dry run: " : "";
    text += counted(directories, "ended log directory", "ended log directories");
    if (files > 0)
        text += ", " + counted(files, "file") + " of live ones";
    if (missed > 0)
        text += ", " + counted(missed, "record") + " of missed containers";
    text += report.dry_run ? " would be deleted, " : " deleted, ";
    text += human_bytes(total.disk_bytes) + (report.dry_run ? " of " : " freed in ") +
            escaped(report.backup_root);
    if (const auto failures = failure_lines(report).size(); failures > 0)
        text += "; " + counted(failures, "failure");
    return text;
}

std::vector<std::string> deleted_lines(const PruneReport& report) {
    std::vector<std::string> lines;
    for (const auto& item : report.items)
        if (item.failure.empty())
            lines.push_back("deleted: " + in_quotes(path_of(item)) +
                            (item.kind == PruneKind::missed ? " (record of a missed container)" : "") + ", " +
                            (item.kind == PruneKind::file ? "unchanged since " : "ended ") +
                            rfc3339(item.ended) + ", " + human_bytes(item.disk_bytes));
    return lines;
}

std::vector<std::string> failure_lines(const PruneReport& report) {
    std::vector<std::string> lines = report.problems;
    for (const auto& item : report.items)
        if (!item.failure.empty())
            lines.push_back("cannot delete " + in_quotes(path_of(item)) + ": " + item.failure);
    return lines;
}

nlohmann::ordered_json prune_items_json(const PruneReport& report) {
    static constexpr std::array<const char*, 3> kinds{"log directory", "file", "missed"};
    static constexpr std::array<const char*, 3> reasons{"keep", "max-size", "max-versions"};
    Json items = Json::array();
    for (const auto& item : report.items)
        items.push_back({{"what", kinds[static_cast<std::size_t>(item.kind)]},
                         {"service", item.record.service},
                         {"pod", item.record.pod},
                         {"namespace", item.record.namespace_name},
                         {"instance", item.record.instance},
                         {"path", item.path},
                         {"coverage", name_of(item.record.coverage)},
                         {"ended", rfc3339(item.ended)},
                         {"reason", reasons[static_cast<std::size_t>(item.reason)]},
                         {"files", item.files},
                         {"disk_bytes", item.disk_bytes},
                         {"failure", item.failure.empty() ? Json() : Json(item.failure)}});
    return items;
}

std::string json(const PruneReport& report) {
    const Total total = total_of(report);
    const Json document{{"command", "prune"},
                        {"dry_run", report.dry_run},
                        {"backup_root", report.backup_root},
                        {"pruned", prune_items_json(report)},
                        {"files", total.files},
                        {"disk_bytes", total.disk_bytes},
                        {"problems", report.problems},
                        {"too_large", report.too_large.empty() ? Json() : Json(report.too_large)}};
    return printable_json(document) + "\n";
}

} // namespace logbackup
