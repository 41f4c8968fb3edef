// SPDX-License-Identifier: MIT
#include "commands/batches.hpp"

#include "commands/gone.hpp"
#include "commands/holding.hpp"
#include "commands/records.hpp"
#include "ledger/ledger.hpp"
#include "ledger/links.hpp"
#include "transfer/apply.hpp"
#include "transfer/transfer.hpp"
#include "util/descriptors.hpp"
#include "util/error.hpp"
#include "util/files.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <random>
#include <utility>

namespace logbackup {
namespace {

/// A transfer of so many bytes takes long, so the mounts it does not need are released before.
constexpr std::uint64_t long_transfer = 64U << 20U;
/// The most repetitions for files that changed while they were read. A log that changes faster than it can be
/// read waits for the next run.
constexpr int most_repetitions = 3;

ApplySettings settings_of(const Session& session, const Survey& survey) {
    return {survey.root ? survey.root.get() : session.root.get(),
            survey.mounts ? survey.mounts->scratch() : -1,
            session.lock->fd(),
            session.rsync,
            session.options.min_free,
            session.options.group,
            session.options.bandwidth};
}

void add(DirectoryOutcome& sum, DirectoryOutcome&& outcome) {
    sum.created += outcome.created;
    sum.changed += outcome.changed;
    sum.renamed += outcome.renamed;
    sum.set_aside += outcome.set_aside;
    std::move(outcome.displaced.begin(), outcome.displaced.end(), std::back_inserter(sum.displaced));
    sum.dropped += outcome.dropped;
    sum.bytes += outcome.bytes;
    sum.unsettled = std::move(outcome.unsettled);
    keep_some(sum.unsettled);
}

void let_go_of_unchanged(Survey& survey) {
    for (auto& job : survey.jobs)
        if (job.tree && job.work && !job.work->is_postponed && job.work->plan.actions.empty())
            let_go(survey, job);
}

void apply_plans(const Session& session, Survey& survey, const std::vector<Job*>& jobs) {
    if (jobs.empty())
        return;
    std::vector<DirectoryWork> work;
    std::uint64_t total = 0;
    for (const auto* job : jobs) {
        work.push_back({&*job->tree, &job->work->plan});
        for (const auto& action : job->work->plan.actions)
            total += action.bytes();
    }
    if (total >= long_transfer)
        let_go_of_unchanged(survey);
    const Progress progress = session.start_progress ? session.start_progress(total) : Progress();
    auto outcome = apply(work, settings_of(session, survey), session.stop, progress);
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        for (auto& failure : outcome.directories[i].failures)
            add_problem(jobs[i]->failures, std::move(failure));
        add(jobs[i]->work->done, std::move(outcome.directories[i]));
    }
    for (auto& problem : outcome.problems)
        survey.problems.push_back(std::move(problem));
}

/// Carries out the plans. A file that was rotated or truncated meanwhile may be gone at the next run, and its
/// container with it: plans again for these.
void apply_until_settled(const Session& session, Survey& survey, std::vector<Job*> jobs) {
    apply_plans(session, survey, jobs);
    for (int again = 0; again < most_repetitions && !session.stop.requested(); ++again) {
        std::erase_if(jobs, [](const Job* job) { return job->work->done.unsettled.empty(); });
        for (auto* job : jobs) {
            job->work->done.unsettled.clear();
            plan_fully(session, survey, *job, survey.records[*job->record].directory(),
                       Thoroughness::changes);
        }
        apply_plans(session, survey, jobs);
    }
}

/// Writes the record. Returns true if there is something to save.
bool begin_to_save(const Session& session, Survey& survey, Job& job) {
    try {
        write_record(session, survey, job);
    } catch (const Error& error) {
        job.tree.reset();
        add_problem(job.failures, {"", error.what()});
        return false;
    }
    return !job.work->plan.actions.empty();
}

/// Plans and saves the waiting jobs from `next` on, as many as there are descriptors for. Returns the first
/// that still waits.
std::vector<Job*>::iterator save_some(const Session& session, Survey& survey,
                                      std::vector<Job*>::iterator next, std::vector<Job*>::iterator end,
                                      LittleLeft& left) {
    std::vector<Job*> jobs;
    DescriptorShare share(descriptors_to_locate(survey.wanted));
    for (; next != end && !session.stop.requested(); ++next) {
        Job& job = **next;
        if (!take_up(session, survey, job))
            continue;
        const std::size_t descriptors = descriptors_of(job.holders.front().found);
        if (!share.take(descriptors)) {
            let_go(survey, job);
            break;
        }
        if (begin_work(session, survey, job, job.place.directory))
            plan_little(session, survey, job, job.place.directory, left);
        if (job.work && !job.work->is_postponed && begin_to_save(session, survey, job)) {
            jobs.push_back(&job);
        } else {
            let_go(survey, job);
            share.give_back(descriptors);
        }
    }
    apply_until_settled(session, survey, jobs);
    for (auto* job : jobs)
        let_go(survey, *job);
    return next;
}

void save_waiting(const Session& session, Survey& survey, FirstBatch& first) {
    auto& waiting = first.waiting;
    if (waiting.empty())
        return;
    for (auto& job : survey.jobs) // these are done, or come last
        if (job.tree && !job.is_let_go)
            let_go(survey, job);
    auto next = waiting.begin();
    while (next != waiting.end() && !session.stop.requested())
        next = save_some(session, survey, next, waiting.end(), first.left);
    for (; next != waiting.end(); ++next)
        add_problem((*next)->failures, {"", "the run was stopped before it was its turn"});
}

void save_postponed(const Session& session, Survey& survey, Job& job) {
    const bool was_let_go = job.is_let_go;
    if (!session.stop.requested()) {
        if (!take_up(session, survey, job))
            return;
        plan_fully(session, survey, job, job.tree->directory, Thoroughness::changes);
        if (begin_to_save(session, survey, job))
            apply_until_settled(session, survey, {&job});
        job.work->plan.actions = {};
        job.work->files = {};
        if (was_let_go)
            let_go(survey, job);
    }
    if (session.stop.requested())
        add_problem(job.failures, {"", "not finished before the run was stopped; the next run continues"});
}

/// Brings jobs into a random order: if the time is over, others have their turn in the next run.
void shuffle(std::vector<Job*>& jobs, const Session& session) {
    std::mt19937_64 chance(static_cast<std::uint64_t>(session.now.time_since_epoch().count()));
    std::shuffle(jobs.begin(), jobs.end(), chance);
}

void save_postponed_jobs(const Session& session, Survey& survey) {
    std::vector<Job*> postponed;
    for (auto& job : survey.jobs)
        if (job.tree && job.work && job.work->is_postponed)
            postponed.push_back(&job);
    shuffle(postponed, session);
    for (auto* job : postponed)
        save_postponed(session, survey, *job);
}

/// Waits until the files in the backup are on the disk. Returns false when one is not.
bool sync(const Session& session, Survey& survey, Job& job) {
    const UniqueFd instance = open_directory(session.root.get(), survey.records[*job.record].directory());
    const auto files = files_of(session, survey, job);
    return files && std::all_of(files->begin(), files->end(), [&](const std::string& path) {
               const UniqueFd saved = open_regular(instance.get(), path);
               return saved && ::fsync(saved.get()) == 0;
           });
}

/// Compares everything that is saved of one job, and saves what proves to be missing.
void compare(const Session& session, Survey& survey, Job& job) {
    const bool was_let_go = job.is_let_go;
    if (!take_up(session, survey, job))
        return;
    plan_fully(session, survey, job, survey.records[*job.record].directory(), Thoroughness::everything);
    if (!session.stop.requested() && !job.work->plan.actions.empty())
        apply_until_settled(session, survey, {&job});
    // The kubelet can have removed the volume meanwhile: then nothing was left to compare.
    const Record& record = survey.records[*job.record];
    const bool is_there = record.volume.empty() || job.holders.front().kind == SourceKind::held ||
                          volume_exists(record, *survey.host);
    job.work->is_compared = !session.stop.requested() && job.failures.empty() &&
                            job.work->done.unsettled.empty() && sync(session, survey, job) && is_there;
    job.work->plan.actions = {};
    if (job.work->is_postponed)
        job.work->files = {}; // files_of() lists them again
    if (was_let_go)
        let_go(survey, job);
}

/// Prepares a move to another service: who has the old names is a sharer from now on.
void leave_name(const Session& session, Record& record, const Move& move) {
    if (move.new_service() == move.service)
        return;
    record.sharers.push_back({move.service, move.from, record.pod, record.namespace_name,
                              record.containers.empty() ? std::string() : record.containers.back()});
    (void)make_directories(session.root.get(), move.new_service(), directory_mode, session.options.group);
}

} // namespace

void make_moves(const Session& session, Survey& survey) {
    std::vector<Move> made;
    for (const auto& move : survey.moves) {
        try {
            if (move.live)
                leave_name(session, survey.records[*move.live], move);
            move_instance(session.root.get(), move);
            if (move.live) {
                survey.records[*move.live].service = move.new_service();
                survey.records[*move.live].instance = move.to;
            }
            made.push_back(move);
        } catch (const Error& error) {
            // Neither the instance that should get the name nor the one that should lose it may write now.
            survey.problems.emplace_back(error.what());
            for (auto& job : survey.jobs) {
                const auto& directory = job.place.directory;
                if (directory != move.old_directory() && directory != move.new_directory())
                    continue;
                add_problem(job.failures, {"", "its directory could not be made free"});
            }
        }
    }
    if (made.empty())
        return;
    follow_moves(session.root.get(), made);
    for (const auto id : survey.records.ids())
        follow_moves(survey.records[id], made);
}

FirstBatch plan_first_batch(const Session& session, Survey& survey) {
    FirstBatch first;
    for (auto& job : survey.jobs) {
        if (!job.wanted || !job.failures.empty())
            let_go(survey, job);
        else if (job.is_let_go)
            first.waiting.push_back(&job);
        else if (!session.stop.requested() && begin_work(session, survey, job, job.place.directory))
            plan_little(session, survey, job, job.place.directory, first.left);
    }
    return first;
}

void save_all(const Session& session, Survey& survey, FirstBatch first) {
    std::vector<Job*> jobs;
    for (auto& job : survey.jobs)
        if (job.tree && job.work && !job.work->is_postponed && begin_to_save(session, survey, job))
            jobs.push_back(&job);
    apply_until_settled(session, survey, std::move(jobs));
    save_waiting(session, survey, first);
    save_postponed_jobs(session, survey);
}

void compare_ended(const Session& session, Survey& survey) {
    std::vector<Job*> ended;
    for (auto& job : survey.jobs)
        if (job.tree && job.record && job.work->needs_last_pass && job.failures.empty() &&
            job.work->done.unsettled.empty())
            ended.push_back(&job);
    shuffle(ended, session);
    for (auto* job : ended)
        if (!session.stop.requested())
            compare(session, survey, *job);
}

} // namespace logbackup
