// SPDX-License-Identifier: MIT
#include "commands/commands.hpp"
#include "commands/discover.hpp"
#include "commands/holding.hpp"
#include "commands/output.hpp"
#include "commands/planning.hpp"
#include "commands/retain.hpp"
#include "commands/rows.hpp"
#include "commands/stages.hpp"
#include "commands/unread.hpp"
#include "commands/versions.hpp"
#include "ledger/backup_root.hpp"
#include "util/files.hpp"
#include "util/text.hpp"

#include <chrono>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

namespace logbackup {
namespace {

void plan_all(const Session& session, Survey& survey) {
    for (auto& job : survey.jobs) {
        if (session.stop.requested())
            return;
        const bool was_let_go = job.is_let_go;
        if (!job.wanted || !begin_work(session, survey, job, job.place.directory))
            continue;
        plan_fully(session, survey, job, job.place.present_as,
                   job.work->needs_last_pass ? Thoroughness::everything : Thoroughness::changes);
        foresee_old_versions(session, survey, job);
        count_planned(*job.work);
        if (was_let_go)
            let_go(survey, job);
    }
}

/// Makes one notice of the versions that a run would delete.
void tell_old_versions(Survey& survey) {
    std::vector<std::string> paths;
    for (const auto& item : survey.old_versions)
        paths.push_back(joined(item.record.directory(), item.path));
    if (!paths.empty())
        survey.notices.push_back("dry run: " + counted(paths.size(), "old version") +
                                 " of rewritten files would be deleted (--max-versions): " + some_of(paths));
}

} // namespace

Report dry_run(const Session& session) {
    Stages stages;
    stages.begin("discover");
    Survey survey = discover_all(session);
    find_missed_containers(session, survey);
    stages.begin("locate");
    locate_all(session, survey, Closed::leave_out);
    judge_sight(session, survey);
    stages.begin("plan");
    plan_all(session, survey);
    judge_unread(session, survey);
    PruneReport pruned;
    if (!session.stop.requested()) {
        stages.begin("prune");
        pruned = retain(session, survey, {});
    }
    tell_old_versions(survey);
    std::move(survey.old_versions.begin(), survey.old_versions.end(), std::back_inserter(pruned.items));
    Report report = report_of(session, survey, std::move(stages));
    report.pruned = std::move(pruned);
    return report;
}

int run_dry_run(const Options& options, spdlog::logger& log) {
    StopSignal stop(options.max_duration);
    Session session{options, stop, std::chrono::system_clock::now()};
    (void)open_backup(session, Access::read, warn_by(log));
    require_usable(options.backup_root); // what a run refuses
    prepare(session, log);
    (void)require_program(options.rsync, "--rsync", "rsync");
    const Report report = dry_run(session);
    tell(report, options, log);
    return exit_code(report.has_failures(), stop, log);
}

} // namespace logbackup
