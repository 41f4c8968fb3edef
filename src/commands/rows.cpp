// SPDX-License-Identifier: MIT
#include "commands/rows.hpp"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

namespace logbackup {
namespace {

Row row_of(const Wanted& wanted) {
    const Container& container = *wanted.container;
    Row row;
    row.container_id = container.id;
    row.service = container.service;
    row.pod = container.pod;
    row.namespace_name = container.namespace_name;
    row.state = container.state;
    row.log_directory = wanted.name.path;
    row.suffix = wanted.name.suffix;
    return row;
}

void take_problem(Row& row, const Problem& problem) {
    add_problem(problem.limit ? row.limits : row.failures, problem);
}

Row row_of(const Left& left) {
    Row row = row_of(left.wanted);
    row.status = left.status;
    row.target = left.target;
    for (const auto& problem : left.failures)
        take_problem(row, problem);
    return row;
}

Row row_of(const Holder& holder, const Job& job) {
    Row row = row_of(holder.wanted);
    row.source = name_of(holder.kind);
    row.source_path = holder.host_path;
    row.target = job.place.directory;
    for (const auto& problem : holder.failures)
        take_problem(row, problem);
    return row;
}

/// Returns the row of the container whose log directory is saved.
Row first_row_of(const Job& job) {
    Row row = row_of(job.holders.front(), job);
    for (const auto& problem : job.failures)
        take_problem(row, problem);
    row.status = !row.failures.empty() ? RowStatus::failed
                 : job.vanished        ? RowStatus::vanished
                 : !row.limits.empty() ? RowStatus::incomplete
                                       : RowStatus::saved;
    if (!job.work)
        return row;
    const Work& work = *job.work;
    row.created = work.done.created;
    row.changed = work.done.changed;
    row.renamed = work.done.renamed;
    row.set_aside = work.done.set_aside;
    row.dropped = work.done.dropped;
    row.bytes = work.done.bytes;
    row.unsettled = work.done.unsettled;
    row.files = work.source_files;
    row.excluded = work.excluded;
    row.actions = work.actions;
    row.skipped = work.skipped;
    return row;
}

Row shared_row_of(const Holder& holder, const Job& job) {
    Row row = row_of(holder, job);
    if (!job.place.problem.empty())
        add_problem(row.failures, {"", job.place.problem});
    row.status = row.failures.empty() ? RowStatus::shared : RowStatus::failed;
    return row;
}

/// Drops the rows of missing log directories, but keeps one for a container that has none at all.
void drop_rows_of_nothing(std::vector<Row>& rows) {
    const auto is_nothing = [](const Row& row) { return row.status == RowStatus::no_log_directory; };
    std::set<std::string> told; // ids of containers with a row
    for (const auto& row : rows)
        if (!is_nothing(row))
            told.insert(row.container_id);
    std::erase_if(rows,
                  [&](const Row& row) { return is_nothing(row) && !told.insert(row.container_id).second; });
}

} // namespace

std::vector<Row> rows_of(const Survey& survey) {
    std::vector<Row> rows;
    for (const auto& job : survey.jobs) {
        if (job.wanted || job.holders.front().wanted.selected)
            rows.push_back(first_row_of(job));
        for (auto holder = std::next(job.holders.begin()); holder != job.holders.end(); ++holder)
            if (holder->wanted.selected)
                rows.push_back(shared_row_of(*holder, job));
    }
    for (const auto& left : survey.left)
        if (left.wanted.selected)
            rows.push_back(row_of(left));
    drop_rows_of_nothing(rows);
    std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
        return std::tie(a.service, a.pod, a.target) < std::tie(b.service, b.pod, b.target);
    });
    return rows;
}

Report report_of(const Session& session, Survey& survey, Stages stages) {
    stages.end();
    Report report;
    report.kind = session.options.kind;
    report.backup_root = session.options.backup_root;
    report.rows = rows_of(survey);
    report.problems = std::move(survey.problems);
    report.warnings = std::move(survey.warnings);
    report.notices = std::move(survey.notices);
    report.nothing_to_save = std::move(survey.nothing_to_save);
    report.misnamed = std::move(survey.misnamed);
    report.missed = std::move(survey.missed);
    report.stages = stages.seconds();
    report.duration = stages.total();
    return report;
}

} // namespace logbackup
