// SPDX-License-Identifier: MIT
#include "report/save_report.hpp"

#include "util/text.hpp"
#include "util/text_table.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <set>

namespace logbackup {
namespace {

/// Shows zero as "-", so that other numbers stand out.
std::string number(std::size_t value) {
    return value == 0 ? "-" : std::to_string(value);
}

/// Counts containers, because one container can have several rows.
std::size_t containers_in(const Report& report) {
    std::set<std::string> ids;
    for (const auto& row : report.rows)
        ids.insert(row.container_id);
    return ids.size();
}

std::string target_cell(const Row& row) {
    switch (row.status) {
    case RowStatus::shared: return "shared, see " + row.target;
    case RowStatus::complete: return row.target + "  complete";
    case RowStatus::no_log_directory: return "no log directory";
    case RowStatus::left_out: return "left out (--skip-volume)";
    case RowStatus::gone: return "log directory removed";
    case RowStatus::vanished: return "removed meanwhile";
    case RowStatus::incomplete: return row.target.empty() ? "NOT SAVED" : row.target + "  INCOMPLETE";
    case RowStatus::failed: return row.target.empty() ? "FAILED" : row.target + "  FAILED";
    case RowStatus::saved: break;
    }
    return row.target;
}

bool was_looked_at(const Row& row) {
    return row.status == RowStatus::saved || row.status == RowStatus::incomplete ||
           row.status == RowStatus::failed;
}

std::vector<std::string> cells_of(const Row& row) {
    return {escaped(row.service),
            escaped(row.pod),
            std::string(name_of(row.state)),
            number(row.created),
            number(row.changed),
            was_looked_at(row) ? std::to_string(row.files) : "-",
            row.bytes == 0 ? "-" : human_bytes(row.bytes),
            row.source.empty() ? "-" : row.source,
            escaped(target_cell(row))};
}

const char* colour_of(const Row& row) {
    if (row.status == RowStatus::failed)
        return colours::red;
    if (row.status == RowStatus::incomplete)
        return colours::yellow;
    if (row.status != RowStatus::saved)
        return colours::dim;
    return row.state == ContainerState::running ? colours::green : colours::yellow;
}

std::string file_line(std::string_view what, const std::string& path, const std::string& rest) {
    return detail_line(what, escaped(path.empty() ? "." : path) + (rest.empty() ? "" : "  " + rest));
}

std::string describe(const Action& action) {
    switch (action.kind) {
    case ActionKind::create:
    case ActionKind::append: return human_bytes(action.bytes());
    case ActionKind::drop: return "its bytes are in " + escaped(action.new_path);
    case ActionKind::set_aside: return "as " + escaped(action.new_path);
    case ActionKind::rename:
    case ActionKind::link: return "to " + escaped(action.new_path);
    case ActionKind::retime: break;
    }
    return {};
}

std::string file_lines(const Row& row) {
    std::string text;
    if (!row.source_path.empty())
        text += file_line("from", row.source_path, {});
    for (const auto& action : row.actions)
        text += file_line(name_of(action.kind), action.path, describe(action));
    if (row.excluded > 0)
        text += detail_line("exclude", counted(row.excluded, "file") + " left out (--exclude)");
    for (const auto& skipped : row.skipped)
        text += file_line("skip", skipped.path, skipped.reason);
    for (const auto& unsettled : row.unsettled)
        text += file_line("unsettled", unsettled.path, unsettled.reason);
    return text;
}

} // namespace

bool Report::has_failures() const {
    return !problems.empty() || std::any_of(rows.begin(), rows.end(),
                                            [](const Row& row) { return row.status == RowStatus::failed; });
}

std::string missed_line(const Missed& missed) {
    return "missed: " + in_quotes(missed.service + "/" + missed.pod) + " lived from " +
           rfc3339(missed.started) + " to " + rfc3339(missed.died) + ", and nothing of it was saved";
}

namespace {
/// Counts what limits leave out, for a summary.
std::string incomplete_text(const Report& report) {
    const auto rows = static_cast<std::size_t>(std::count_if(
        report.rows.begin(), report.rows.end(), [](const Row& row) { return !row.limits.empty(); }));
    std::string text;
    if (rows > 0)
        text += "; " + counted(rows, "log directory", "log directories") + " incomplete";
    if (!report.misnamed.empty())
        text += "; " + counted(report.misnamed.size(), "container") + " left out";
    return text;
}

/// Returns the table for a comparison with the backup.
std::string verify_table(const Report& report, Colour colour, Detail detail) {
    const std::vector<TextColumn> header{{"SERVICE"},
                                         {"POD"},
                                         {"STATE"},
                                         {"FILES", Align::right},
                                         {"COMPARED", Align::right},
                                         {"NEWER", Align::right},
                                         {"RESULT"},
                                         {"BACKUP"}};
    std::vector<TextRow> rows;
    for (const auto& row : report.rows) {
        const std::size_t differences = row.failures.size();
        const bool compared = was_looked_at(row);
        const std::string result = !compared          ? "-"
                                   : differences == 0 ? "same"
                                                      : counted(differences, "difference");
        rows.push_back(
            {{escaped(row.service), escaped(row.pod), std::string(name_of(row.state)),
              compared ? std::to_string(row.files) : "-", compared ? human_bytes(row.bytes) : "-",
              number(row.unsettled.size()), result, escaped(compared ? row.target : target_cell(row))},
             colour_of(row),
             {},
             detail == Detail::files ? file_lines(row) : ""});
        if (row.status == RowStatus::saved)
            rows.back().coloured = 6;
    }
    return text_table(header, rows, colour) + summary(report) + "\n";
}

std::string verify_summary(const Report& report) {
    std::size_t files = 0;
    std::size_t newer = 0;
    std::size_t differences = report.problems.size();
    std::uint64_t bytes = 0;
    for (const auto& row : report.rows) {
        files += row.files;
        newer += row.unsettled.size();
        differences += row.failures.size();
        bytes += row.bytes;
    }
    std::string text = counted(containers_in(report), "container") + ", " + counted(files, "file") + ", " +
                       human_bytes(bytes) + " compared with " + escaped(report.backup_root) + ": " +
                       (differences == 0 ? "no differences" : counted(differences, "difference"));
    if (newer > 0)
        text += "; " + counted(newer, "file") + " changed since the last run";
    return text + incomplete_text(report);
}
} // namespace

std::string table(const Report& report, Colour colour, Detail detail) {
    if (report.kind == RunKind::verify)
        return verify_table(report, colour, detail);
    static constexpr std::size_t state_column = 2;
    const std::vector<TextColumn> header{{"SERVICE"},
                                         {"POD"},
                                         {"STATE"},
                                         {"NEW", Align::right},
                                         {"CHANGED", Align::right},
                                         {"FILES", Align::right},
                                         {"BYTES", Align::right},
                                         {"SOURCE"},
                                         {"TARGET"}};
    std::vector<TextRow> rows;
    for (const auto& row : report.rows) {
        TextRow line{cells_of(row), colour_of(row), {}, detail == Detail::files ? file_lines(row) : ""};
        if (row.status == RowStatus::saved) // any other line is coloured whole
            line.coloured = state_column;
        rows.push_back(std::move(line));
    }
    std::string text = text_table(header, rows, colour);
    for (const auto& missed : report.missed)
        text += missed_line(missed) + "\n";
    return text + summary(report) + "\n";
}

std::string summary(const Report& report) {
    if (report.kind == RunKind::verify)
        return verify_summary(report);
    std::size_t files = 0;
    std::size_t created = 0;
    std::size_t changed = 0;
    std::size_t renamed = 0;
    std::size_t set_aside = 0;
    std::size_t dropped = 0;
    std::size_t skipped = 0;
    std::uint64_t bytes = 0;
    for (const auto& row : report.rows) {
        files += row.files;
        created += row.created;
        changed += row.changed;
        renamed += row.renamed;
        set_aside += row.set_aside;
        dropped += row.dropped;
        skipped += row.skipped.size();
        bytes += row.bytes;
    }
    const bool dry = report.kind == RunKind::dry_run;
    std::string text = dry ? "dry run: " : "";
    text += counted(containers_in(report), "container") + ", " + counted(files, "file") + ": " +
            std::to_string(created) + " new, " + std::to_string(changed) + " changed";
    if (renamed > 0)
        text += ", " + std::to_string(renamed) + " renamed";
    if (set_aside > 0)
        text += ", " + std::to_string(set_aside) + " set aside";
    if (dropped > 0)
        text += ", " + counted(dropped, "redundant copy", "redundant copies") + " dropped";
    if (skipped > 0)
        text += ", " + std::to_string(skipped) + " skipped";
    if (!report.missed.empty())
        text += ", " + counted(report.missed.size(), "container") + " missed";
    if (!report.cut.empty())
        text += ", " + counted(report.cut.size(), "log directory", "log directories") + " cut";
    text += "; " + human_bytes(bytes) + (dry ? " would be saved to " : " saved to ") +
            escaped(report.backup_root);
    std::array<char, 32> time{};
    std::snprintf(time.data(), time.size(), " in %.2f s", report.duration.count());
    text += dry ? "" : time.data();
    if (const auto& before = report.while_following; before.created + before.changed > 0)
        text += "; saved while following: " + counted(before.created + before.changed, "file") + ", " +
                human_bytes(before.bytes);
    text += incomplete_text(report);
    if (const auto failures = failure_lines(report).size(); failures > 0)
        text += "; " + counted(failures, "failure");
    return text;
}

std::string full_name(const Row& row) {
    return row.service + "/" + row.pod + row.suffix;
}

namespace {
std::string line_of(const Row& row, const Problem& problem) {
    std::string line = full_name(row);
    if (!problem.path.empty())
        line.append(": ").append(problem.path);
    return in_quotes(line) + ": " + problem.reason;
}
} // namespace

std::vector<std::string> failure_lines(const Report& report) {
    std::vector<std::string> lines = report.problems;
    for (const auto& row : report.rows)
        for (const auto& failure : row.failures)
            lines.push_back(line_of(row, failure));
    return lines;
}

std::vector<LimitLine> limit_lines(const Report& report) {
    std::vector<LimitLine> lines;
    if (!report.nothing_to_save.empty())
        lines.push_back({"nothing to save", report.nothing_to_save});
    for (const auto& [id, reason] : report.misnamed)
        lines.push_back({std::string(name_of(Limit::labels)) + " " + reason,
                         "container " + id.substr(0, 12) + " is left out: " + reason});
    for (const auto& row : report.rows)
        for (const auto& problem : row.limits)
            lines.push_back({std::string(name_of(problem.limit.value_or(Limit::files))) + " " +
                                 in_quotes(row.namespace_name + "/" + full_name(row)),
                             line_of(row, problem)});
    return lines;
}

} // namespace logbackup
