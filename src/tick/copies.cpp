// SPDX-License-Identifier: MIT
#include "tick_class.hpp"

#include "logbackup/decompress.hpp"
#include "logbackup/listing.hpp"
#include "logbackup/redundant.hpp"
#include "logbackup/util/files.hpp"

#include <algorithm>
#include <utility>

namespace logbackup {
namespace {

/// All searches of a tick may take this long together; that of one log directory half of it.
constexpr std::chrono::seconds longest_search{60};

CopySearch copies_in(int instance, const std::vector<std::string>& files, StopSignal& stop) {
    Tree all;
    all.held = open_directory(instance, "");
    CopySearch search;
    search.instance = instance;
    const std::set<std::string> in_source(files.begin(), files.end());
    for (auto& entry : list_tree(all, {}, stop).entries) {
        if (entry.type != FileType::regular || entry.size == 0)
            continue;
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
    for (const auto& entries : {search.compressed, search.plain})
        for (const auto& entry : entries)
            text += entry.path + '\0' + std::to_string(entry.inode) + ' ' + std::to_string(entry.size) + '\0';
    return hash_text(text);
}

} // namespace

/// Drops plain logs that have no source any longer where a compressed log contains them.
void Tick::drop_copies(Candidate& candidate) {
    Record& record = records_[*candidate.record];
    const UniqueFd instance = open_directory(context_.root, record.directory());
    CopySearch search = copies_in(instance.get(), candidate.files, context_.stop);
    if (search.plain.empty() || search.compressed.empty() || fingerprint(search) == record.copies_tried)
        return;
    DecompressionLimits limits;
    limits.total_time = std::min<std::chrono::milliseconds>(copies_time_left_, longest_search / 2);
    limits.time = limits.total_time;
    const auto begin = std::chrono::steady_clock::now();
    const auto result = drop_redundant_copies(search, limits, context_.stop);
    copies_time_left_ -= std::min(copies_time_left_, std::chrono::duration_cast<std::chrono::milliseconds>(
                                                         std::chrono::steady_clock::now() - begin));
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
    record.copies_tried = result.complete && result.problems.empty() && !search.plain.empty()
                              ? fingerprint(search)
                              : std::string();
    write(record);
}

void Tick::drop_all_copies() {
    copies_time_left_ = longest_search;
    for (auto& candidate : candidates_)
        if (candidate.may_have_copies && candidate.record && copies_time_left_.count() > 0 &&
            !context_.stop.requested())
            drop_copies(candidate);
}

} // namespace logbackup
