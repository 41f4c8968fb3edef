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

/// All searches of a tick take no longer together.
constexpr std::chrono::milliseconds longest_search{10'000};
/// In a record: no search has had the time that it needs yet.
constexpr const char* again = "again";

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
            continue; // its source may be there still
        if (is_compressed(entry.path))
            search.compressed.push_back(std::move(entry));
        else if (!in_source.contains(entry.path))
            search.plain.push_back(std::move(entry));
    }
    return search;
}

/// The same for the same files, so that no search is made twice.
std::string fingerprint(const CopySearch& search) {
    std::string text;
    for (const auto* entries : {&search.compressed, &search.plain})
        for (const auto& entry : *entries)
            text += entry.path + '\0' + std::to_string(entry.inode) + ' ' + std::to_string(entry.size) + '\0';
    return hash_text(text);
}

} // namespace

/// Drops plain logs that have no source any longer where a compressed log contains them.
void Tick::drop_copies(Candidate& candidate, std::chrono::milliseconds share) {
    Record& record = records_[*candidate.record];
    const UniqueFd instance = open_directory(context_.root, record.directory());
    const auto files = files_of(candidate);
    if (!files)
        return;
    CopySearch search =
        copies_in(instance.get(), *files, candidate.tree->excluded, listing_limits(), context_.stop);
    if (!search.plain.empty() && !search.compressed.empty() && fingerprint(search) == record.copies_tried)
        return;
    CopiesDropped result;
    if (!search.compressed.empty())
        result = drop_redundant_copies(search, {DecompressionLimits().bytes, share, share}, context_.stop);
    Row& row = row_of(candidate);
    std::set<std::string> dropped;
    for (const auto& copy : result.dropped) {
        row.actions.push_back({ActionKind::drop, copy.path, copy.proved_by, copy.bytes, 0, 0, 0});
        dropped.insert(copy.path);
    }
    row.dropped += dropped.size();
    for (const auto& problem : result.problems)
        fail(candidate, problem.path, problem.reason);
    std::erase_if(search.plain, [&](const Entry& entry) { return dropped.contains(entry.path); });
    const bool tried =
        result.complete && result.problems.empty() && !search.plain.empty() && !search.compressed.empty();
    const std::string before = record.copies_tried;
    if (tried && !result.in_time && share < longest_search)
        record.copies_tried = again;
    else
        record.copies_tried = tried ? fingerprint(search) : std::string();
    if (record.copies_tried != before)
        write(record);
}

/// One log directory, by chance, may take all the time there is; the others share what it leaves. A search
/// that had less and did not come to its end is made again.
void Tick::drop_all_copies() {
    std::vector<Candidate*> candidates;
    for (auto& candidate : candidates_)
        if (candidate.record && candidate.tree &&
            (candidate.may_have_copies || records_[*candidate.record].copies_tried == again))
            candidates.push_back(&candidate);
    if (candidates.empty())
        return;
    std::mt19937_64 chance(static_cast<std::uint64_t>(now_.time_since_epoch().count()));
    std::swap(candidates.front(), candidates[chance() % candidates.size()]);
    const auto end = std::chrono::steady_clock::now() + longest_search;
    for (std::size_t i = 0; i < candidates.size() && !context_.stop.requested(); ++i) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        if (i == 0)
            drop_copies(*candidates[i], longest_search);
        else if (const auto share = left / (candidates.size() - i); share.count() > 0)
            drop_copies(*candidates[i], share);
        else if (Record& record = records_[*candidates[i]->record]; record.copies_tried != again) {
            record.copies_tried = again;
            write(record);
        }
    }
}

} // namespace logbackup
