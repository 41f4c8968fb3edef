// SPDX-License-Identifier: MIT
#include "logbackup/report.hpp"

#include "logbackup/util/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdio>

namespace logbackup {
namespace {

constexpr const char* bold = "\033[1m";
constexpr const char* red = "\033[31m";
constexpr const char* green = "\033[32m";
constexpr const char* yellow = "\033[33m";
constexpr const char* dim = "\033[2m";
constexpr const char* reset = "\033[0m";

constexpr std::size_t column_count = 9;
using Cells = std::array<std::string, column_count>;
constexpr std::array<bool, column_count> right_aligned{false, false, false, true, true,
                                                       true,  true,  false, false};

/// Numbers that are zero are shown as "-": what happened stands out.
std::string number(std::size_t value) {
    return value == 0 ? "-" : std::to_string(value);
}

std::string target_cell(const Row& row) {
    switch (row.status) {
    case RowStatus::shared: return "shared, see " + row.target;
    case RowStatus::complete: return row.target + "  complete";
    case RowStatus::no_log_directory: return "no log directory";
    case RowStatus::vanished: return "removed meanwhile";
    case RowStatus::failed: return row.target.empty() ? "FAILED" : row.target + "  FAILED";
    case RowStatus::saved: break;
    }
    return row.target;
}

Cells cells_of(const Row& row) {
    const bool counted_here = row.status == RowStatus::saved || row.status == RowStatus::failed;
    return {escaped(row.service),
            escaped(row.pod),
            std::string(name_of(row.state)),
            number(row.created),
            number(row.changed),
            counted_here ? std::to_string(row.files) : "-",
            row.bytes == 0 ? "-" : human_bytes(row.bytes),
            row.source.empty() ? "-" : row.source,
            escaped(target_cell(row))};
}

const char* colour_of(const Row& row) {
    if (row.status == RowStatus::failed)
        return red;
    if (row.status != RowStatus::saved)
        return dim;
    return row.state == ContainerState::running ? green : yellow;
}

/// The state's colour marks a line that is fine; a line that is not is coloured whole.
std::string line(const Cells& cells, const std::array<std::size_t, column_count>& widths, const char* whole,
                 const char* state) {
    std::string text = whole;
    for (std::size_t i = 0; i < column_count; ++i) {
        const std::string padding(widths[i] - std::min(widths[i], columns(cells[i])), ' ');
        const bool is_state = i == 2 && *state != '\0';
        const std::string cell = is_state ? state + cells[i] + reset : cells[i];
        const bool last = i + 1 == column_count;
        text += right_aligned[i] ? padding + cell : last ? cell : cell + padding;
        text += last ? "" : "  ";
    }
    return text + (*whole != '\0' ? reset : "") + "\n";
}

std::string file_line(std::string_view what, const std::string& path, const std::string& rest) {
    std::string text = "    ";
    text.append(what).append(std::max<std::size_t>(11, what.size() + 1) - what.size(), ' ');
    return text + escaped(path.empty() ? "." : path) + (rest.empty() ? "" : "  " + rest) + "\n";
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
    for (const auto& [path, reason] : row.skipped)
        text += file_line("skip", path, reason);
    for (const auto& [path, reason] : row.unsettled)
        text += file_line("unsettled", path, reason);
    return text;
}

} // namespace

bool Report::has_failures() const {
    return !problems.empty() || std::any_of(rows.begin(), rows.end(),
                                            [](const Row& row) { return row.status == RowStatus::failed; });
}

std::string missed_line(const Missed& missed) {
    return "missed: " + in_quotes(missed.service + "/" + missed.pod) + " lived from " +
           rfc3339(missed.started) + " to " + rfc3339(missed.died) + ", and no run saw it";
}

std::string table(const Report& report, Colour colour, Detail detail) {
    const bool coloured = colour == Colour::yes;
    const Cells header{"SERVICE", "POD", "STATE", "NEW", "CHANGED", "FILES", "BYTES", "SOURCE", "TARGET"};
    std::array<std::size_t, column_count> widths{};
    std::vector<Cells> all{header};
    for (const auto& row : report.rows)
        all.push_back(cells_of(row));
    for (const auto& cells : all)
        for (std::size_t i = 0; i < column_count; ++i)
            widths[i] = std::max(widths[i], columns(cells[i]));
    std::string text;
    if (!report.rows.empty())
        text += line(header, widths, coloured ? bold : "", "");
    for (std::size_t i = 0; i < report.rows.size(); ++i) {
        const Row& row = report.rows[i];
        const bool fine = row.status == RowStatus::saved;
        text += line(all[i + 1], widths, coloured && !fine ? colour_of(row) : "",
                     coloured && fine ? colour_of(row) : "");
        if (detail == Detail::files)
            text += file_lines(row);
    }
    for (const auto& missed : report.missed)
        text += missed_line(missed) + "\n";
    return text + summary(report) + "\n";
}

std::string summary(const Report& report) {
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
    text += counted(report.rows.size(), "container") + ", " + counted(files, "file") + ": " +
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
    text += "; " + human_bytes(bytes) + (dry ? " would be saved to " : " saved to ") +
            escaped(report.backup_root);
    std::array<char, 32> time{};
    std::snprintf(time.data(), time.size(), " in %.2f s", report.duration.count());
    text += dry ? "" : time.data();
    if (const auto failures = failure_lines(report).size(); failures > 0)
        text += "; " + counted(failures, "failure");
    return text;
}

std::vector<std::string> failure_lines(const Report& report) {
    std::vector<std::string> lines = report.problems;
    for (const auto& row : report.rows) {
        const std::string name = row.service + "/" + row.pod;
        for (const auto& [path, reason] : row.failures) {
            std::string line = name;
            if (!path.empty())
                line.append(": ").append(path);
            lines.push_back(in_quotes(line) + ": " + reason);
        }
    }
    return lines;
}

namespace {
using Json = nlohmann::ordered_json;

Json problems_json(const std::vector<Problem>& problems) {
    Json list = Json::array();
    for (const auto& [path, reason] : problems)
        list.push_back({{"path", path}, {"reason", reason}});
    return list;
}

Json row_json(const Row& row) {
    static constexpr std::array<const char*, 6> statuses{"saved",    "shared", "complete", "no log directory",
                                                         "vanished", "failed"};
    Json actions = Json::array();
    for (const auto& action : row.actions) {
        Json json{{"action", name_of(action.kind)}, {"path", action.path}, {"bytes", action.bytes()}};
        if (!action.new_path.empty())
            json["new_path"] = action.new_path;
        actions.push_back(std::move(json));
    }
    return {{"container", row.container_id},
            {"service", row.service},
            {"pod", row.pod},
            {"namespace", row.namespace_name},
            {"state", name_of(row.state)},
            {"status", statuses[static_cast<std::size_t>(row.status)]},
            {"new", row.created},
            {"changed", row.changed},
            {"renamed", row.renamed},
            {"set_aside", row.set_aside},
            {"dropped", row.dropped},
            {"files", row.files},
            {"bytes", row.bytes},
            {"source", row.source},
            {"source_path", row.source_path},
            {"target", row.target},
            {"actions", std::move(actions)},
            {"failures", problems_json(row.failures)},
            {"skipped", problems_json(row.skipped)},
            {"unsettled", problems_json(row.unsettled)}};
}
} // namespace

std::string json(const Report& report) {
    Json rows = Json::array();
    for (const auto& row : report.rows)
        rows.push_back(row_json(row));
    Json missed = Json::array();
    for (const auto& container : report.missed)
        missed.push_back({{"container", container.container_id},
                          {"service", container.service},
                          {"pod", container.pod},
                          {"namespace", container.namespace_name},
                          {"created", rfc3339(container.created)},
                          {"started", rfc3339(container.started)},
                          {"died", rfc3339(container.died)}});
    const Json document{{"dry_run", report.kind == RunKind::dry_run},
                        {"backup_root", report.backup_root},
                        {"seconds", report.duration.count()},
                        {"containers", std::move(rows)},
                        {"missed", std::move(missed)},
                        {"notices", report.notices},
                        {"problems", report.problems}};
    return document.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace logbackup
