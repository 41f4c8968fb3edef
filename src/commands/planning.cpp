// SPDX-License-Identifier: MIT
#include "commands/planning.hpp"

#include "commands/holding.hpp"
#include "content/content.hpp"
#include "content/decompress.hpp"
#include "ledger/upkeep.hpp"
#include "plan/limits.hpp"
#include "util/files.hpp"
#include "view/listing.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace logbackup {
namespace {

/// Limits for one log directory before anything is saved. A log directory with more comes after all others.
constexpr std::size_t little_entries = 5000;
constexpr std::size_t little_paths = 1U << 20U; ///< bytes
constexpr std::size_t most_written = 10'000;    ///< paths that are noted
constexpr ComparisonLimits little_to_compare{64U << 20U, 1000, false};

bool is_compressed_in(const Tree& tree, const std::string& path) {
    const UniqueFd file = open_in(tree, path);
    return file && is_compressed(first_bytes_of(file.get()));
}

/// True if a compressed log may have come, or a plain one gone, since the last run. Only then it is worth
/// while to look for plain copies that a compressed file contains.
bool has_news_for_copies(const Listing& source, const Tree& tree, const DirectoryPlan& plan,
                         Timestamp previous) {
    static constexpr std::int64_t slack = 2'000'000'000; // clocks and file times are not that exact
    const auto since = previous == Timestamp{} ? INT64_MAX : previous.time_since_epoch().count() - slack;
    const auto is_recent = [&](const Entry& entry) {
        return entry.type == FileType::directory && entry.mtime >= since;
    };
    const auto is_news = [&](const Action& action) {
        switch (action.kind) {
        case ActionKind::retime: return false;
        case ActionKind::append: return is_compressed_in(tree, action.path);
        default: return true;
        }
    };
    const auto top = status_of(tree.held.get());
    return (top && nanoseconds_of(top->st_mtim) >= since) ||
           std::any_of(source.entries.begin(), source.entries.end(), is_recent) ||
           std::any_of(plan.actions.begin(), plan.actions.end(), is_news);
}

/// Returns the paths of the files that the log directory has. One that has lost its name is there no longer.
std::vector<std::string> regular_files_in(const Listing& listing, const Tree& tree) {
    std::vector<std::string> files;
    for (const auto& entry : listing.entries)
        if (entry.type == FileType::regular && !tree.nameless.contains(entry.path))
            files.push_back(entry.path);
    return files;
}

ListingLimits little_limits(const ListingLimits& full, const LittleLeft& left) {
    ListingLimits limits = full;
    limits.entries = std::min({limits.entries, little_entries, left.entries});
    limits.paths = std::min({limits.paths, little_paths, left.paths});
    return limits;
}

void use(LittleLeft& left, const Listing& source) {
    std::size_t paths = 0;
    for (const auto& entry : source.entries)
        paths += entry.path.size();
    left.entries -= std::min(left.entries, source.entries.size());
    left.paths -= std::min(left.paths, paths);
}

/// True if all containers of a job have ended. Others may still write to a volume.
bool is_over(const Job& job) {
    return std::all_of(job.holders.begin(), job.holders.end(),
                       [](const Holder& holder) { return holder.wanted.container->is_still(); });
}

/// True if links or volumes of an ended log directory can be read that the last run could not read or left
/// out. Then it needs another last pass.
bool has_come_back(const Survey& survey, const Job& job) {
    if (!job.place.known || !is_over(job) || job.work->has_unread || job.holders.front().found.has_lost_part)
        return false;
    return survey.records[*job.place.known].skipped > job.work->skipped.size();
}

/// Limits the bytes of a plan, decides whether copies may exist, and keeps what the report and the records
/// need.
void take_plan(const Session& session, const Survey& survey, Job& job, DirectoryPlan plan,
               const Listing& source) {
    const Options& options = session.options;
    Work& work = *job.work;
    limit_bytes(plan, options.max_bytes - std::min(options.max_bytes, work.done.bytes));
    work.files = regular_files_in(source, *job.tree);
    work.has_all_files = source.complete;
    // In an incomplete listing a missing file may still have a source.
    work.may_have_copies =
        source.complete &&
        (work.may_have_copies || has_news_for_copies(source, *job.tree, plan, session.previous));
    for (const auto& action : plan.actions) {
        if (action.kind == ActionKind::append && action.from > 0)
            work.grown_from.emplace(action.path, action.from);
        if (action.transfers() && work.written.size() < most_written)
            work.written.push_back(action.path);
    }
    work.source_files = plan.files;
    work.excluded = source.excluded;
    work.skipped = std::move(plan.skipped);
    work.has_unread = !source.unread.empty();
    for (auto& skipped : work.skipped)
        for (const auto& unread : source.unread)
            if (skipped.path == unread.path)
                skipped.reason = "a link that is not followed: " + unread.reason;
    for (const auto& below : job.holders.front().found.left_out)
        work.skipped.push_back({below, "its volume is left out (--skip-volume)"});
    keep_some(work.skipped);
    work.needs_last_pass = work.needs_last_pass || has_come_back(survey, job);
    if (options.verbose || options.json)
        work.actions.insert(work.actions.end(), plan.actions.begin(), plan.actions.end());
    for (auto& failure : plan.failures)
        add_problem(job.failures, std::move(failure));
    work.plan = std::move(plan);
}

UniqueFd open_instance(const Session& session, const std::string& present_as) {
    return session.root && !present_as.empty() ? open_directory(session.root.get(), present_as) : UniqueFd();
}

DirectoryPlan plan_listed(const Session& session, const Job& job, int instance, const Listing& source,
                          Thoroughness how, const ComparisonLimits& comparisons) {
    return plan(source, list_counterparts(instance, source),
                content_of(*job.tree, instance, session.stop, session.listing_limits()), session.now, how,
                {session.options.max_file_size, comparisons, [&session] { return session.stop.requested(); },
                 job.tree->in_memory, session.previous});
}

} // namespace

bool begin_work(const Session& session, Survey& survey, Job& job, const std::string& directory) {
    if (!take_up(session, survey, job) || !show_job(session, survey, job, directory))
        return false;
    job.work.emplace();
    const auto& known = job.place.known;
    job.work->needs_last_pass =
        is_over(job) && needs_last_pass(known ? &survey.records[*known] : nullptr, job.namesakes());
    return true;
}

void plan_little(const Session& session, Survey& survey, Job& job, const std::string& present_as,
                 LittleLeft& left) {
    const UniqueFd instance = open_instance(session, present_as);
    const Listing source = list_followed(survey, job, [&](const FollowLink& follow) {
        return list_tree(*job.tree, little_limits(session.listing_limits(), left), session.stop, follow);
    });
    if (source.full) {
        job.work->is_postponed = true;
        return;
    }
    auto planned =
        plan_listed(session, job, instance.get(), source, Thoroughness::changes, little_to_compare);
    if (planned.has_reached_limits) {
        job.work->is_postponed = true;
        return;
    }
    use(left, source);
    take_plan(session, survey, job, std::move(planned), source);
}

void plan_fully(const Session& session, Survey& survey, Job& job, const std::string& present_as,
                Thoroughness how) {
    const UniqueFd instance = open_instance(session, present_as);
    const Listing source = list_followed(survey, job, [&](const FollowLink& follow) {
        return list_saved_first(*job.tree, session.listing_limits(), instance.get(), session.stop, follow);
    });
    auto planned = plan_listed(session, job, instance.get(), source, how, {});
    if (how != Thoroughness::everything || !session.stop.requested())
        take_plan(session, survey, job, std::move(planned), source);
}

void count_planned(Work& work) {
    const auto count = [&](ActionKind kind) {
        return static_cast<std::size_t>(
            std::count_if(work.plan.actions.begin(), work.plan.actions.end(),
                          [&](const Action& action) { return action.kind == kind; }));
    };
    work.done.created += count(ActionKind::create);
    work.done.changed += count(ActionKind::append);
    work.done.renamed += count(ActionKind::rename);
    work.done.set_aside += count(ActionKind::set_aside);
    work.done.dropped += count(ActionKind::drop);
    for (const auto& action : work.plan.actions)
        work.done.bytes += action.bytes();
    work.plan = {};
    work.files = {};
}

std::optional<std::vector<std::string>> files_of(const Session& session, Survey& survey, Job& job) {
    if (!job.work->is_postponed)
        return job.work->files;
    const bool was_let_go = job.is_let_go;
    if (!take_up(session, survey, job))
        return std::nullopt;
    const UniqueFd instance = open_directory(session.root.get(), job.tree->directory);
    const Listing listing = list_followed(survey, job, [&](const FollowLink& follow) {
        return list_saved_first(*job.tree, session.listing_limits(), instance.get(), session.stop, follow);
    });
    auto files = regular_files_in(listing, *job.tree);
    if (was_let_go)
        let_go(survey, job);
    if (session.stop.requested())
        return std::nullopt; // the list may be cut short
    return files;
}

} // namespace logbackup
