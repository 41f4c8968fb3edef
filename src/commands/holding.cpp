// SPDX-License-Identifier: MIT
#include "commands/holding.hpp"

#include "commands/held.hpp"
#include "commands/unread.hpp"
#include "config/selection.hpp"
#include "util/descriptors.hpp"
#include "util/files.hpp"
#include "util/glob.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace logbackup {
namespace {

/// True if a mount below the log directory belongs to a part that is saved elsewhere.
bool is_elsewhere(const Job& job, const std::string& below) {
    return !below.empty() && std::any_of(job.elsewhere.begin(), job.elsewhere.end(),
                                         [&](const auto& part) { return lies_in(below, part.first); });
}

} // namespace

std::size_t descriptors_of(const LogDirectory& found) {
    return found.sources.size() + (found.process ? 1 : 0);
}

/// While a container is examined, each of its layers is held once, and each of its volumes twice.
std::size_t descriptors_to_locate(const std::vector<Wanted>& wanted) {
    static constexpr std::size_t beside = 64;
    std::size_t most = 0;
    for (const auto& one : wanted)
        most = std::max(most, 1 + one.container->lowers.size() + 2 * one.container->mounts.size());
    return std::max(descriptors_at_work, most + beside);
}

void close_descriptors(LogDirectory& found) {
    for (auto& source : found.sources)
        source.held.reset();
    found.process.reset();
}

Holder hold_or_let_go(Holder holder, DescriptorShare& share) {
    holder.is_let_go = !share.take(descriptors_of(holder.found));
    if (holder.is_let_go)
        close_descriptors(holder.found);
    return holder;
}

bool show_job(const Session& session, Survey& survey, Job& job, const std::string& directory) {
    Holder& first = job.holders.front();
    const bool is_held = first.kind == SourceKind::held;
    LogDirectory sources; // what else is known of it stays
    sources.sources = std::exchange(first.found.sources, {});
    sources.process = std::move(first.found.process);
    const auto& left_out = first.found.left_out;
    std::erase_if(sources.sources, [&](const Source& source) {
        return is_elsewhere(job, source.below) ||
               (!source.below.empty() &&
                std::any_of(left_out.begin(), left_out.end(),
                            [&](const std::string& below) { return lies_in(source.below, below); }));
    });
    std::string problem;
    Tree tree;
    if (is_held) {
        tree.directory = directory;
        tree.kind = SourceKind::held;
    } else {
        tree = show(std::move(sources), directory, survey.view(), problem);
    }
    if (!problem.empty()) {
        note_unread(survey, {first.wanted, problem, {}, &job}, {problem, true});
        return false;
    }
    for (const auto& [below, place] : job.elsewhere)
        tree.left_out.insert(below);
    tree.excluded = globs_below(exclude_of(session.options, job.container().service), first.part_path);
    // Files of the container that lie under such a mount are not the ones that it writes there.
    for (const auto& below : first.found.left_out)
        tree.excluded.push_back("/" + exact_glob(below));
    show_held(survey, job, tree);
    job.tree = std::move(tree);
    return true;
}

void let_go(const Survey& survey, Job& job) {
    close_descriptors(job.holders.front().found);
    if (job.tree) {
        job.tree->held.reset();
        job.tree->mounted.clear();
        job.tree->files.clear();
        if (survey.mounts)
            survey.mounts->release(job.tree->directory);
    }
    job.is_let_go = true;
}

bool take_up(const Session& session, Survey& survey, Job& job) {
    if (!job.is_let_go)
        return true;
    Holder& first = job.holders.front();
    auto located = std::move(locate_of(survey, {&first.wanted}).front());
    if (const auto* failed = std::get_if<LocateFailed>(&located)) {
        note_unread(survey, {first.wanted, failed->reason, failed->limit, &job}, *failed);
        return false;
    }
    if (std::holds_alternative<LogDirectoryGone>(located)) {
        job.vanished = true; // the next run tells
        return false;
    }
    auto* found = std::get_if<LogDirectory>(&located);
    const bool same = found != nullptr && found->volume == first.found.volume &&
                      (found->volume.empty() || found->identity.inode == first.found.identity.inode) &&
                      survey.overlap->problem(*found).empty();
    if (!same) {
        add_problem(job.failures, {"", "its log directory was replaced before it was its turn"});
        return false;
    }
    for (auto& problem : failed_parts(session, job.container(), *found))
        add_problem(first.failures, std::move(problem));
    first.found.sources = std::move(found->sources);
    first.found.process = std::move(found->process);
    first.found.left_out = std::move(found->left_out);
    job.is_let_go = false;
    if (job.tree && !show_job(session, survey, job, job.tree->directory)) {
        let_go(survey, job);
        return false;
    }
    return true;
}

} // namespace logbackup
