// SPDX-License-Identifier: MIT
#include "commands/tick/tick_class.hpp"

#include "config/selection.hpp"
#include "content/content.hpp"
#include "content/decompress.hpp"
#include "ledger/ledger.hpp"
#include "plan/limits.hpp"
#include "util/error.hpp"
#include "util/files.hpp"
#include "view/listing.hpp"

#include <algorithm>
#include <random>
#include <sstream>
#include <utility>

namespace logbackup {

namespace {
/// A transfer of so many bytes takes long, so the mounts it does not need are released before.
constexpr std::uint64_t long_transfer = 64U << 20U;
/// The most repetitions for files that changed while they were read. A log that changes faster than it can be
/// read waits for the next run.
constexpr int most_repetitions = 3;
/// Limits for one log directory before anything is saved. A log directory with more comes after all others.
constexpr std::size_t little_entries = 5000;
constexpr std::size_t little_paths = 1U << 20U; ///< bytes
constexpr ComparisonLimits little_to_compare{64U << 20U, 1000};
/// Limits for those log directories together, as they are planned at the same time.
constexpr std::size_t most_planned_entries = 50'000;
constexpr std::size_t most_planned_paths = 8U << 20U;

/// Shortens a list of problems, which can have one for each file.
void keep_some(std::vector<Problem>& problems) {
    static constexpr std::size_t most = 1000;
    if (problems.size() <= most)
        return;
    const std::size_t others = problems.size() - most;
    problems.resize(most);
    problems.push_back({"", "and " + counted(others, "other")});
    problems.shrink_to_fit();
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
    const auto is_news = [](const Action& action) {
        return action.kind != ActionKind::append && action.kind != ActionKind::retime
                   ? true
                   : is_compressed(action.path);
    };
    const auto top = status_of(tree.held.get());
    return std::any_of(source.entries.begin(), source.entries.end(),
                       [](const Entry& entry) { return is_compressed(entry.path); }) &&
           ((top && nanoseconds_of(top->st_mtim) >= since) ||
            std::any_of(source.entries.begin(), source.entries.end(), is_recent) ||
            std::any_of(plan.actions.begin(), plan.actions.end(), is_news));
}
} // namespace

void Tick::plan_all() {
    // A log directory that a selected container shares is saved even if it belongs to another one.
    std::set<std::size_t> wanted;
    for (std::size_t i = 0; i < candidates_.size(); ++i)
        if (candidates_[i].selected && assignments_.of_claim[i].problem.empty())
            wanted.insert(assignments_.of_claim[i].shared_with.value_or(i));
    for (std::size_t i = 0; i < candidates_.size(); ++i)
        if (!wanted.contains(i))
            let_go(candidates_[i]);
    for (const auto i : wanted) {
        if (context_.stop.requested())
            return;
        if (!candidates_[i].selected) {
            select(candidates_[i]);
            row_of(candidates_[i]).target = assignments_.of_claim[i].directory;
            row_of(candidates_[i]).source = name_of(candidates_[i].found.sources.front().kind);
        }
        if (is_last_pass(candidates_[i], assignments_.of_claim[i])) {
            candidates_[i].thoroughness = Thoroughness::everything;
            if (assignments_.of_claim[i].known)
                candidates_[i].compared_to = records_[*assignments_.of_claim[i].known].compared_to;
        }
        candidates_[i].is_waiting = candidates_[i].is_let_go && !is_dry();
        const bool was_let_go = candidates_[i].is_let_go;
        if (candidates_[i].is_waiting || !take_up(candidates_[i]))
            continue;
        plan_one(candidates_[i], assignments_.of_claim[i]);
        if (was_let_go)
            let_go(candidates_[i]);
    }
}

/// True if all containers of a log directory have ended, and not all of it was compared since.
bool Tick::is_last_pass(const Candidate& candidate, const Assignment& assignment) const {
    const auto sharers = sharers_of(candidate);
    const Record* record = assignment.known ? &records_[*assignment.known] : nullptr;
    if (record != nullptr && record->coverage == Coverage::live && !record->saved_until.empty())
        return false; // the last run had a problem with it: first save everything
    return std::all_of(sharers.begin(), sharers.end(),
                       [](const auto* sharer) { return has_ended(*sharer); }) &&
           !(record != nullptr && std::all_of(sharers.begin(), sharers.end(), [&](const auto* sharer) {
                 return had_last_pass(*record, *sharer);
             }));
}

/// Returns a name for a last pass, made from the containers and when they ended.
std::string Tick::pass_of(const Candidate& candidate) const {
    std::string text;
    for (const auto* sharer : sharers_of(candidate))
        text += sharer->id + exact_rfc3339(sharer->finished);
    return hash_text(text);
}

/// Returns where its last pass continues: the record has the pass, a hash of the file's path, and the offset.
ComparedTo Tick::compared_to(const Candidate& candidate, const Listing& source) const {
    std::istringstream text(candidate.compared_to);
    std::string pass;
    std::string file;
    std::uint64_t offset = 0;
    if (!(text >> pass >> file >> offset) || pass != pass_of(candidate))
        return {};
    const auto found = std::find_if(source.entries.begin(), source.entries.end(),
                                    [&](const Entry& entry) { return hash_text(entry.path) == file; });
    return found == source.entries.end() ? ComparedTo{} : ComparedTo{found->path, offset};
}

void Tick::plan_one(Candidate& candidate, const Assignment& assignment) {
    std::string problem;
    Tree tree =
        show(std::move(candidate.found), assignment.directory, mounts_ ? &*mounts_ : nullptr, problem);
    if (!problem.empty()) {
        fail_unless_vanished(candidate, {problem, true});
        return;
    }
    tree.excluded = exclude_of(options_, candidate.container->service);
    candidate.tree = std::move(tree);
    plan_tree(candidate, candidate.is_waiting ? assignment.directory : assignment.present_as,
              is_dry() ? Effort::full : Effort::little); // the moves come before waiting directories
    if (!is_dry())
        return; // the outcome is counted instead
    Row& row = row_of(candidate);
    for (const auto& action : candidate.plan.actions) {
        row.created += action.kind == ActionKind::create ? 1 : 0;
        row.changed += action.kind == ActionKind::append ? 1 : 0;
        row.renamed += action.kind == ActionKind::rename ? 1 : 0;
        row.set_aside += action.kind == ActionKind::set_aside ? 1 : 0;
        row.dropped += action.kind == ActionKind::drop ? 1 : 0;
        row.bytes += action.bytes();
    }
    candidate.plan = {};
    candidate.files = {};
}

/// Returns what one log directory may still use of the limits for all together.
ListingLimits Tick::limits_for_little() const {
    ListingLimits limits = listing_limits();
    limits.entries = std::min({limits.entries, little_entries,
                               most_planned_entries - std::min(most_planned_entries, planned_entries_)});
    limits.paths = std::min(
        {limits.paths, little_paths, most_planned_paths - std::min(most_planned_paths, planned_paths_)});
    return limits;
}

/// Plans the work for this run. `present_as` is the present name of its directory in the backup.
void Tick::plan_tree(Candidate& candidate, const std::string& present_as, Effort effort) {
    const UniqueFd instance =
        context_.root >= 0 && !present_as.empty() ? open_directory(context_.root, present_as) : UniqueFd();
    const Tree& tree = *candidate.tree;
    const bool little = effort == Effort::little;
    const Listing source = little ? list_tree(tree, limits_for_little(), context_.stop)
                                  : list_saved_first(tree, listing_limits(), instance.get(), context_.stop);
    candidate.is_postponed = candidate.is_postponed || (little && source.full);
    if (little && source.full)
        return;
    const Listing backup = list_counterparts(instance.get(), source);
    candidate.plan =
        plan(source, backup, content_of(tree, instance.get(), context_.stop, listing_limits()), now_,
             candidate.thoroughness,
             {options_.max_file_size, compared_to(candidate, source),
              little ? little_to_compare : ComparisonLimits{}, [this] { return context_.stop.requested(); }});
    if (little && candidate.plan.has_reached_limits) {
        candidate.is_postponed = true;
        candidate.plan = {};
        return;
    }
    if (little) {
        planned_entries_ += source.entries.size();
        for (const auto& entry : source.entries)
            planned_paths_ += entry.path.size();
    }
    take_plan(candidate, source);
}

/// Limits the bytes of a plan, decides whether copies may exist, and keeps what the report and the records
/// need.
void Tick::take_plan(Candidate& candidate, const Listing& source) {
    limit_bytes(candidate.plan, options_.max_bytes - std::min(options_.max_bytes, row_of(candidate).bytes));
    candidate.files.clear();
    for (const auto& entry : source.entries)
        if (entry.type == FileType::regular)
            candidate.files.push_back(entry.path);
    // In an incomplete listing a missing file may still have a source.
    candidate.may_have_copies =
        source.complete && (candidate.may_have_copies ||
                            has_news_for_copies(source, *candidate.tree, candidate.plan, context_.previous));

    Row& row = row_of(candidate);
    row.files = candidate.plan.files;
    row.excluded = source.excluded;
    row.skipped = std::move(candidate.plan.skipped);
    keep_some(row.skipped);
    if (options_.verbose || options_.json)
        row.actions.insert(row.actions.end(), candidate.plan.actions.begin(), candidate.plan.actions.end());
    for (const auto& failure : candidate.plan.failures)
        fail(candidate, failure.path, failure.reason);
}

ApplySettings Tick::apply_settings() const {
    return {context_.root,     mounts_ ? mounts_->scratch() : -1,
            context_.lock,     context_.rsync,
            options_.min_free, options_.group,
            options_.bandwidth};
}

void Tick::count(Row& row, const DirectoryOutcome& outcome) {
    row.created += outcome.created;
    row.changed += outcome.changed;
    row.renamed += outcome.renamed;
    row.set_aside += outcome.set_aside;
    row.dropped += outcome.dropped;
    row.bytes += outcome.bytes;
}

/// Returns the regular files of a log directory. Those of a postponed one are listed again, because they
/// would take much memory. Returns nothing, and reports why, when it can no longer be opened.
std::optional<std::vector<std::string>> Tick::files_of(Candidate& candidate) {
    if (!candidate.is_postponed)
        return candidate.files;
    const bool was_let_go = candidate.is_let_go;
    if (!take_up(candidate))
        return std::nullopt;
    const UniqueFd instance = open_directory(context_.root, candidate.tree->directory);
    std::vector<std::string> files;
    for (auto& entry :
         list_saved_first(*candidate.tree, listing_limits(), instance.get(), context_.stop).entries)
        if (entry.type == FileType::regular)
            files.push_back(std::move(entry.path));
    if (was_let_go)
        let_go(candidate);
    return files;
}

void Tick::apply_plans() {
    std::vector<Candidate*> workers;
    for (auto& candidate : candidates_)
        if (candidate.tree && !candidate.is_postponed && begin_to_save(candidate))
            workers.push_back(&candidate);
    apply_until_settled(std::move(workers));
    save_waiting();
    std::vector<Candidate*> postponed;
    for (auto& candidate : candidates_)
        if (candidate.tree && candidate.is_postponed)
            postponed.push_back(&candidate);
    // Hold only one at a time in memory. The order is random: if the time is over, others have their turn in
    // the next run.
    std::mt19937_64 chance(static_cast<std::uint64_t>(now_.time_since_epoch().count()));
    std::shuffle(postponed.begin(), postponed.end(), chance);
    for (auto* candidate : postponed)
        save_postponed(*candidate);
}

/// Writes the record. Returns true if there is something to save.
bool Tick::begin_to_save(Candidate& candidate) {
    try {
        save_record(candidate,
                    assignments_.of_claim[static_cast<std::size_t>(&candidate - candidates_.data())]);
    } catch (const Error& error) {
        candidate.tree.reset();
        fail(candidate, "", error.what());
        return false;
    }
    return !candidate.plan.actions.empty();
}

void Tick::save_postponed(Candidate& candidate) {
    const bool was_let_go = candidate.is_let_go;
    if (!context_.stop.requested()) {
        if (!take_up(candidate))
            return;
        plan_tree(candidate, candidate.tree->directory, Effort::full);
        if (begin_to_save(candidate))
            apply_until_settled({&candidate});
        candidate.plan.actions = {};
        candidate.files = {};
        if (was_let_go)
            let_go(candidate);
    }
    if (context_.stop.requested())
        fail(candidate, "", "it has much to look at and came last: the run was stopped before all was done");
}

void Tick::apply_until_settled(std::vector<Candidate*> workers) {
    apply_to(workers);
    // A file that was rotated or truncated meanwhile may be gone at the next run, and its container with it.
    for (int again = 0; again < most_repetitions && !context_.stop.requested(); ++again) {
        std::erase_if(workers, [&](Candidate* worker) { return row_of(*worker).unsettled.empty(); });
        for (auto* worker : workers) {
            row_of(*worker).unsettled.clear();
            plan_tree(*worker, records_[*worker->record].directory(), Effort::full);
        }
        apply_to(workers);
    }
}

void Tick::apply_to(const std::vector<Candidate*>& workers) {
    if (workers.empty())
        return;
    std::vector<DirectoryWork> work;
    std::uint64_t total = 0;
    for (const auto* worker : workers) {
        work.push_back({&*worker->tree, &worker->plan});
        for (const auto& action : worker->plan.actions)
            total += action.bytes();
    }
    if (total >= long_transfer)
        release_unchanged();
    auto outcome = apply(work, apply_settings(), context_.stop, context_.start_progress(total));
    for (std::size_t i = 0; i < workers.size(); ++i)
        take_outcome(*workers[i], outcome.directories[i]);
    for (auto& problem : outcome.problems)
        report_.problems.push_back(std::move(problem));
}

void Tick::release_unchanged() {
    for (auto& candidate : candidates_) {
        if (candidate.tree && !candidate.is_postponed && candidate.plan.actions.empty())
            let_go(candidate);
    }
}

void Tick::take_outcome(Candidate& candidate, DirectoryOutcome& outcome) {
    Row& row = row_of(candidate);
    count(row, outcome);
    row.unsettled = std::move(outcome.unsettled);
    keep_some(row.unsettled);
    for (const auto& failure : outcome.failures)
        fail(candidate, failure.path, failure.reason);
}

} // namespace logbackup
