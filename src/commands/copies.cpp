// SPDX-License-Identifier: MIT
#include "commands/copies.hpp"

#include "commands/planning.hpp"
#include "content/copy_candidates.hpp"
#include "content/decompress.hpp"
#include "content/redundant.hpp"
#include "util/aside.hpp"
#include "util/files.hpp"
#include "util/free_space.hpp"
#include "util/glob.hpp"
#include "view/listing.hpp"

#include <algorithm>
#include <chrono>
#include <random>
#include <string_view>
#include <unordered_set>
#include <utility>

namespace logbackup {
namespace {

/// Limit for all searches of a run together. A copy that is not found stays until a log is rotated again.
constexpr std::chrono::seconds longest_search{10};

/// A compressed file that was set aside within this time may be what another now contains: it was compressed
/// again, and its new form may not have been complete at once.
constexpr std::chrono::minutes recently{10};

/// A plain log can be deleted so long after its compressed form was saved.
constexpr std::chrono::hours a_while{1};

bool was_set_aside_recently(const std::string& path, Timestamp now) {
    const std::string name = base_name(path);
    const auto aside = read_aside_name(name);
    return aside && aside->stamp >= compact_time(now - recently);
}

CopySearch copies_in(const Session& session, int instance, const std::vector<std::string>& files,
                     const Job& job) {
    Tree all;
    all.held = open_directory(instance, "");
    SavedFiles saved;
    saved.entries = list_tree(all, limits_of_saved(session.listing_limits()), session.stop).entries;
    std::erase_if(saved.entries, [&](const Entry& entry) {
        return entry.type != FileType::regular || entry.size == 0 ||
               is_excluded(job.tree->excluded, entry.path) || // its source may still exist
               job.tree->leaves_out(entry.path);
    });
    const std::unordered_set<std::string_view> in_source(files.begin(), files.end());
    const std::unordered_set<std::string_view> written(job.work->written.begin(), job.work->written.end());
    saved.has_source = [&](const Entry& entry) { return in_source.contains(entry.path); };
    saved.was_set_aside = [&](const Entry& entry) { return was_set_aside_recently(entry.path, session.now); };
    const auto since = (std::min(session.previous, session.now) - a_while).time_since_epoch().count();
    saved.is_new = [&](const Entry& entry) { return entry.mtime >= since || written.contains(entry.path); };
    auto chosen = choose_candidates(saved, [&](const Entry& entry) {
        const UniqueFd file = open_regular(instance, entry.path);
        return file && is_compressed(first_bytes_of(file.get()));
    });
    return {instance, std::move(chosen.compressed), std::move(chosen.plain), {}};
}

void drop_copies_of(const Session& session, Survey& survey, Job& job, std::chrono::milliseconds time) {
    const auto files = files_of(session, survey, job);
    if (!files)
        return;
    const UniqueFd instance = open_directory(session.root.get(), survey.records[*job.record].directory());
    CopySearch search = copies_in(session, instance.get(), *files, job);
    search.grown_from = std::move(job.work->grown_from);
    if (search.compressed.empty() || search.plain.empty())
        return;
    DecompressionLimits limits;
    limits.time = limits.total_time = time;
    if (const auto space = free_space(session.root.get(), session.options.min_free))
        limits.unpacked =
            std::min(limits.unpacked, space->bytes - std::min(space->bytes, space->reserved_bytes));
    const auto result = drop_redundant_copies(search, limits, session.stop);
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
