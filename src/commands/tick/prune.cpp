// SPDX-License-Identifier: MIT
#include "commands/tick/tick_class.hpp"

#include "commands/gone.hpp"
#include "config/selection.hpp"
#include "content/content.hpp"
#include "report/prune_report.hpp"
#include "retention/delete.hpp"
#include "retention/select.hpp"
#include "util/error.hpp"
#include "util/files.hpp"

#include <unistd.h>

#include <utility>

namespace logbackup {
namespace {

std::vector<std::string> regular_files_in(const Listing& listing) {
    std::vector<std::string> files;
    for (const auto& entry : listing.entries)
        if (entry.type == FileType::regular)
            files.push_back(entry.path);
    return files;
}

} // namespace

/// True if the log directory is being removed or rotated at this moment. Then a missing file proves nothing.
bool Tick::has_lost_something(const Candidate& candidate, const std::vector<std::string>& files) {
    const std::string& upper = candidate.container->upper;
    if (!upper.empty() && ::access(upper.c_str(), F_OK) != 0)
        return true;
    return !std::all_of(files.begin(), files.end(),
                        [&](const std::string& path) { return locate_in(*candidate.tree, path).get() >= 0; });
}

void Tick::find_prunable_files_of(std::size_t index) {
    Candidate& candidate = candidates_[index];
    const Assignment& assignment = assignments_.of_claim[index];
    if (!candidate.selected || assignment.shared_with || !assignment.known)
        return;
    const Record& record = records_[*assignment.known];
    const auto any = [](const std::string&) { return true; };
    // A part that cannot be read would seem to be gone.
    if (failed_.contains({candidate.container->id, candidate.name.path}) ||
        old_files(context_.root, record, options_, now_, any).empty() || (!is_prune() && !candidate.tree))
        return;
    const bool was_let_go = candidate.is_let_go;
    if (take_up(candidate))
        find_prunable_files_in(candidate, record);
    if (was_let_go)
        let_go(candidate);
}

void Tick::find_prunable_files_in(Candidate& candidate, const Record& record) {
    if (is_prune()) {
        std::string problem;
        Tree tree =
            show(std::move(candidate.found), record.directory(), mounts_ ? &*mounts_ : nullptr, problem);
        if (!problem.empty()) {
            fail_unless_vanished(candidate, {problem, true});
            return;
        }
        candidate.tree = std::move(tree);
    }
    const Listing source = list_tree(*candidate.tree, listing_limits(), context_.stop);
    for (const auto& [path, reason] : source.problems)
        fail(candidate, path, reason);
    // A file that is not listed would seem to be gone. A bare layer does not show the image's files, and a
    // directory without any file may be a volume that is not mounted.
    const auto files = regular_files_in(source);
    if (!source.complete || candidate.tree->kind == SourceKind::upper || files.empty())
        return;
    const Content content = content_of(*candidate.tree, -1, context_.stop, listing_limits());
    auto items = old_files(context_.root, record, options_, now_, content.has_gone);
    if (!has_lost_something(candidate, files))
        std::move(items.begin(), items.end(), std::back_inserter(report_.pruned.items));
}

/// Finds saved files of live log directories that have not changed for long and no longer have a source.
void Tick::find_prunable_files() {
    for (std::size_t i = 0; i < candidates_.size() && !context_.stop.requested(); ++i)
        find_prunable_files_of(i);
}

/// Returns why this run must not delete anything, whatever the clock says; empty when it may.
std::string Tick::doubt_about_ends() const {
    if (is_doubtful_)
        return "nothing is deleted in a run that finds no log directory";
    if (are_too_many_to_end(unexplained_ends_, live_before_))
        return "nothing is deleted in a run in which " + std::to_string(unexplained_ends_) + " of " +
               counted(live_before_, "log directory", "log directories") + " ended";
    return {};
}

/// Applies retention as a part of a run.
void Tick::prune() {
    PruneReport& pruned = report_.pruned;
    pruned.dry_run = is_dry();
    pruned.backup_root = options_.backup_root;
    pruned.now = now_;
    const std::string doubt = doubt_about_ends();
    if (!is_dry() && doubt.empty())
        for (auto& problem : finish_pruning(context_.root, context_.stop))
            report_.notices.push_back(std::move(problem));
    if (!has_retention(options_) || context_.root < 0 || (!is_dry() && !is_time_to_prune(context_.clock)))
        return;
    if (!is_steady(context_.clock) || !doubt.empty()) {
        report_.notices.push_back(!doubt.empty() ? doubt
                                                 : unsteady_text(context_.clock) +
                                                       "; if it is right, 'logbackup prune --trust-clock' "
                                                       "does not wait");
        return;
    }
    find_prunable_files();
    try {
        plan_prune(pruned, context_.root, options_,
                   {context_.previous, [this](const Record& record) { return may_exist(record, *host_); }});
    } catch (const Error& error) {
        report_.problems.emplace_back(error.what());
        return;
    }
    if (!is_dry())
        carry_out(pruned, context_.root, context_.stop);
    for (auto& line : failure_lines(pruned))
        report_.problems.push_back(std::move(line));
    if (!pruned.items.empty())
        report_.notices.push_back(summary(pruned));
    if (!pruned.too_large.empty())
        report_.problems.push_back(pruned.too_large);
    if (is_dry() || has_filter(options_) || context_.stop.requested())
        return;
    Clock clock = context_.clock;
    clock.pruned = now_;
    save_clock(context_.root, context_.clock, clock);
}

} // namespace logbackup
