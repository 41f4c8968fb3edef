// SPDX-License-Identifier: MIT
#include "report/save_report.hpp"

#include "report/prune_json.hpp"
#include "util/json_text.hpp"
#include "util/text.hpp"

#include <array>
#include <utility>

namespace logbackup {
namespace {

using Json = nlohmann::ordered_json;

Json problems_json(const std::vector<Problem>& problems) {
    Json list = Json::array();
    for (const auto& problem : problems) {
        list.push_back({{"path", problem.path}, {"reason", problem.reason}});
        if (problem.limit)
            list.back()["limit"] = name_of(*problem.limit);
    }
    return list;
}

Json row_json(const Row& row) {
    static constexpr std::array<const char*, 9> statuses{"saved",    "shared", "complete", "no log directory",
                                                         "left out", "gone",   "vanished", "incomplete",
                                                         "failed"};
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
            {"log_directory", row.log_directory},
            {"state", name_of(row.state)},
            {"status", statuses[static_cast<std::size_t>(row.status)]},
            {"new", row.created},
            {"changed", row.changed},
            {"renamed", row.renamed},
            {"set_aside", row.set_aside},
            {"dropped", row.dropped},
            {"files", row.files},
            {"excluded", row.excluded},
            {"bytes", row.bytes},
            {"source", row.source},
            {"source_path", row.source_path},
            {"target", row.target},
            {"actions", std::move(actions)},
            {"failures", problems_json(row.failures)},
            {"limits", problems_json(row.limits)},
            {"skipped", problems_json(row.skipped)},
            {"unsettled", problems_json(row.unsettled)}};
}
} // namespace

std::string json(const Report& report) {
    Json rows = Json::array();
    for (const auto& row : report.rows)
        rows.push_back(row_json(row));
    Json warnings = report.warnings;
    if (!report.nothing_to_save.empty())
        warnings.push_back(report.nothing_to_save);
    Json misnamed = Json::array();
    for (const auto& [id, reason] : report.misnamed)
        misnamed.push_back({{"container", id}, {"reason", reason}});
    Json missed = Json::array();
    for (const auto& container : report.missed)
        missed.push_back({{"container", container.container_id},
                          {"service", container.service},
                          {"pod", container.pod},
                          {"namespace", container.namespace_name},
                          {"created", rfc3339(container.created)},
                          {"started", rfc3339(container.started)},
                          {"died", rfc3339(container.died)}});
    Json stages = Json::object();
    for (const auto& [name, seconds] : report.stages)
        stages[name] = seconds;
    const char* command = report.kind == RunKind::verify    ? "verify"
                          : report.kind == RunKind::dry_run ? "dry-run"
                                                            : "save";
    const Json document{{"command", command},
                        {"backup_root", report.backup_root},
                        {"seconds", report.duration.count()},
                        {"containers", std::move(rows)},
                        {"misnamed", std::move(misnamed)},
                        {"missed", std::move(missed)},
                        {"while_following",
                         {{"runs", report.while_following.runs},
                          {"new", report.while_following.created},
                          {"changed", report.while_following.changed},
                          {"bytes", report.while_following.bytes},
                          {"complete", report.while_following.complete}}},
                        {"cut", report.cut},
                        {"stages", std::move(stages)},
                        {"pruned", prune_items_json(report.pruned)},
                        {"warnings", std::move(warnings)},
                        {"notices", report.notices},
                        {"problems", report.problems}};
    return printable_json(document) + "\n";
}

} // namespace logbackup
