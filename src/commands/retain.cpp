// SPDX-License-Identifier: MIT
#include "commands/retain.hpp"

#include "commands/gone.hpp"
#include "commands/live_files.hpp"
#include "config/selection.hpp"
#include "report/prune_report.hpp"
#include "retention/delete.hpp"
#include "retention/select.hpp"
#include "util/error.hpp"

#include <utility>

namespace logbackup {
namespace {

/// Returns why this run must not delete anything, whatever the clock says; empty when it may.
std::string doubt_about_ends(const Survey& survey, const KeptRecords& kept) {
    if (survey.is_doubtful)
        return "nothing is deleted in a run that finds no log directory";
    if (are_too_many_to_end(kept.unexplained, survey.live_before))
        return "nothing is deleted in a run in which " + std::to_string(kept.unexplained) + " of " +
               counted(survey.live_before, "log directory", "log directories") + " ended";
    return {};
}

void tell(Survey& survey, const PruneReport& pruned) {
    for (auto& line : failure_lines(pruned))
        survey.problems.push_back(std::move(line));
    if (!pruned.items.empty())
        survey.notices.push_back(summary(pruned));
    if (!pruned.too_large.empty())
        survey.problems.push_back(pruned.too_large);
}

} // namespace

PruneReport retain(const Session& session, Survey& survey, const KeptRecords& kept) {
    const Options& options = session.options;
    const int root = session.root.get();
    PruneReport pruned;
    pruned.dry_run = !session.writes();
    pruned.backup_root = options.backup_root;
    pruned.now = session.now;
    std::string doubt = doubt_about_ends(survey, kept);
    if (session.writes() && doubt.empty())
        for (auto& problem : finish_pruning(root, session.stop))
            survey.notices.push_back(std::move(problem));
    if (!has_retention(options) || !session.root ||
        (session.writes() && !is_time_to_prune(session.clock_history, session.now)))
        return pruned;
    if (doubt.empty())
        doubt = doubt_about_clock(session.clock_history, session.now);
    if (!doubt.empty()) {
        survey.notices.push_back(doubt);
        return pruned;
    }
    pruned.items = find_live_files(session, survey);
    try {
        plan_prune(pruned, root, options.filter, options.retention,
                   {session.previous, [&](const Record& record) { return may_exist(record, *survey.host); }});
    } catch (const Error& error) {
        survey.problems.emplace_back(error.what());
        return pruned;
    }
    if (session.writes())
        carry_out(pruned, root, session.stop);
    tell(survey, pruned);
    if (!session.writes() || has_filter(options) || session.stop.requested())
        return pruned;
    note_prune(root, session.now);
    return pruned;
}

} // namespace logbackup
