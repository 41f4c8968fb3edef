// SPDX-License-Identifier: MIT
#include "commands/copies.hpp"

#include "commands/planning.hpp"
#include "content/decompress.hpp"
#include "content/redundant.hpp"
#include "util/files.hpp"
#include "util/glob.hpp"
#include "view/listing.hpp"

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

namespace logbackup {
namespace {

/// Limit for all searches of a run together. A copy that is not found stays until a log is rotated again.
constexpr std::chrono::seconds longest_search{10};

CopySearch copies_in(const Session& session, int instance, const std::vector<std::string>& files,
                     const std::vector<std::string>& excluded) {
    Tree all;
    all.held = open_directory(instance, "");
    CopySearch search;
    search.instance = instance;
    const std::set<std::string> in_source(files.begin(), files.end());
    for (auto& entry : list_tree(all, limits_of_saved(session.listing_limits()), session.stop).entries) {
        if (entry.type != FileType::regular || entry.size == 0)
            continue;
        if (is_excluded(excluded, entry.path))
            continue; // its source may still exist
        if (is_compressed(entry.path))
            search.compressed.push_back(std::move(entry));
        else if (!in_source.contains(entry.path))
            search.plain.push_back(std::move(entry));
    }
    return search;
}

void drop_copies_of(const Session& session, Survey& survey, Job& job, std::chrono::milliseconds time) {
    const auto files = files_of(session, survey, job);
    if (!files)
        return;
    const UniqueFd instance = open_directory(session.root.get(), survey.records[*job.record].directory());
    const CopySearch search = copies_in(session, instance.get(), *files, job.tree->excluded);
    if (search.compressed.empty() || search.plain.empty())
        return;
    const auto result =
        drop_redundant_copies(search, {DecompressionLimits().bytes, time, time}, session.stop);
    for (const auto& copy : result.dropped)
        job.work->actions.push_back({ActionKind::drop, copy.path, copy.proved_by, copy.bytes, 0, 0, 0});
    job.work->done.dropped += result.dropped.size();
    for (const auto& problem : result.problems)
        add_problem(job.failures, problem);
}

} // namespace

/// Searches in random order, so that it is not always the same log directory for which no time is left.
void drop_copies(const Session& session, Survey& survey) {
    std::vector<Job*> jobs;
    for (auto& job : survey.jobs)
        if (job.record && job.tree && job.work->may_have_copies)
            jobs.push_back(&job);
    std::mt19937_64 chance(static_cast<std::uint64_t>(session.now.time_since_epoch().count()));
    std::shuffle(jobs.begin(), jobs.end(), chance);
    const auto end = std::chrono::steady_clock::now() + longest_search;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        if (left.count() <= 0 || session.stop.requested())
            return;
        // One with a decompression bomb leaves most of the time to the others.
        const auto share = std::min<std::size_t>(jobs.size() - i, 4);
        drop_copies_of(session, survey, *jobs[i], left / share);
    }
}

} // namespace logbackup
