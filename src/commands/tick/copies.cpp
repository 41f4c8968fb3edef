// SPDX-License-Identifier: MIT
#include "commands/tick/tick_class.hpp"

#include "content/decompress.hpp"
#include "content/redundant.hpp"
#include "util/files.hpp"
#include "util/glob.hpp"
#include "view/listing.hpp"

#include <algorithm>
#include <random>
#include <utility>

namespace logbackup {
namespace {

/// Limit for all searches of a run together. A copy that is not found stays until a log is rotated again.
constexpr std::chrono::seconds longest_search{10};

CopySearch copies_in(int instance, const std::vector<std::string>& files,
                     const std::vector<std::string>& excluded, const ListingLimits& limits,
                     StopSignal& stop) {
    Tree all;
    all.held = open_directory(instance, "");
    CopySearch search;
    search.instance = instance;
    const std::set<std::string> in_source(files.begin(), files.end());
    for (auto& entry : list_tree(all, limits_of_saved(limits), stop).entries) {
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

} // namespace

/// Drops plain logs that no longer have a source and are contained in a compressed log.
void Tick::drop_copies(Candidate& candidate, std::chrono::milliseconds time) {
    const auto files = files_of(candidate);
    if (!files)
        return;
    const UniqueFd instance = open_directory(context_.root, records_[*candidate.record].directory());
    const CopySearch search =
        copies_in(instance.get(), *files, candidate.tree->excluded, listing_limits(), context_.stop);
    if (search.compressed.empty() || search.plain.empty())
        return;
    const auto result =
        drop_redundant_copies(search, {DecompressionLimits().bytes, time, time}, context_.stop);
    Row& row = row_of(candidate);
    for (const auto& copy : result.dropped)
        row.actions.push_back({ActionKind::drop, copy.path, copy.proved_by, copy.bytes, 0, 0, 0});
    row.dropped += result.dropped.size();
    for (const auto& problem : result.problems)
        fail(candidate, problem.path, problem.reason);
}

/// Searches in random order, so that it is not always the same log directory for which no time is left.
void Tick::drop_all_copies() {
    std::vector<Candidate*> candidates;
    for (auto& candidate : candidates_)
        if (candidate.record && candidate.tree && candidate.may_have_copies)
            candidates.push_back(&candidate);
    std::mt19937_64 chance(static_cast<std::uint64_t>(now_.time_since_epoch().count()));
    std::shuffle(candidates.begin(), candidates.end(), chance);
    const auto end = std::chrono::steady_clock::now() + longest_search;
    for (auto* candidate : candidates) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        if (left.count() <= 0 || context_.stop.requested())
            return;
        drop_copies(*candidate, left);
    }
}

} // namespace logbackup
