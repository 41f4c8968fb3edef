// SPDX-License-Identifier: MIT
#include "retention/select.hpp"

#include "ledger/inventory.hpp"
#include "ledger/ledger.hpp"
#include "ledger/pruning.hpp"
#include "retention/delete.hpp"
#include "util/files.hpp"
#include "util/trees.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <numeric>
#include <tuple>
#include <utility>

namespace logbackup {
namespace {

bool is_older(std::chrono::milliseconds keep, Timestamp time, Timestamp now) {
    return keep != for_ever && time != Timestamp{} && now - time > keep;
}

bool has_ended_long_ago(std::chrono::milliseconds keep, Timestamp time, Timestamp now) {
    return is_older(std::max<std::chrono::milliseconds>(keep, least_age), time, now);
}

Timestamp time_of(const struct statx_timestamp& time) {
    return Timestamp(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

std::uint64_t sum_of(const std::map<std::string, std::uint64_t>& usage) {
    return std::accumulate(usage.begin(), usage.end(), std::uint64_t{0},
                           [](std::uint64_t sum, const auto& service) { return sum + service.second; });
}

/// Rejects times before 2000, which come from a clock that was never set.
Timestamp credible(Timestamp time) {
    static constexpr Timestamp first{std::chrono::sys_days{std::chrono::year{2000} / 1 / 1}};
    return time < first ? Timestamp{} : time;
}

void sort_by_age(std::vector<PruneItem>& items) {
    std::sort(items.begin(), items.end(), [](const PruneItem& a, const PruneItem& b) {
        return std::tie(a.ended, a.record.service, a.record.instance, a.path) <
               std::tie(b.ended, b.record.service, b.record.instance, b.path);
    });
}

PruneItem item_of(PruneKind kind, Record record, Timestamp ended) {
    PruneItem item;
    item.kind = kind;
    item.record = std::move(record);
    item.ended = ended;
    return item;
}

/// True if a later run has confirmed the end. Runs note an end to the second.
bool was_confirmed(Timestamp ended, const EndEvidence& evidence) {
    return evidence.last_complete_run > ended + std::chrono::seconds(1);
}

/// Returns all ended log directories that may be deleted, oldest first.
std::vector<PruneItem> ended_directories(PruneReport& report, int root, const Filter& filter,
                                         const EndEvidence& evidence) {
    std::vector<PruneItem> items;
    for (auto& record : load_ended_records(root, report.problems)) {
        const auto written = status_at(root, ended_path(record.service, record.instance));
        // A record in both places was being ended, or being reopened.
        if (!selects_all_of(filter, record) || !written || is_half_pruned(root, record) ||
            status_at(root, live_path(record.service, record.instance)))
            continue;
        const auto ended = ended_at(record, Timestamp(std::chrono::seconds(written->st_mtim.tv_sec)));
        if (ended != Timestamp{} && report.now - ended > least_age && was_confirmed(ended, evidence) &&
            !evidence.may_exist(record))
            items.push_back(item_of(PruneKind::directory, std::move(record), ended));
    }
    sort_by_age(items);
    return items;
}

std::vector<PruneItem> missed_containers(PruneReport& report, int root, const Filter& filter,
                                         const RetentionRules& rules) {
    std::vector<PruneItem> items;
    for (auto& record : load_missed_records(root, report.problems)) {
        const auto died = credible(parse_rfc3339(record.finished));
        if (selects_all_of(filter, record) && has_ended_long_ago(keep_of(rules, record), died, report.now))
            items.push_back(item_of(PruneKind::missed, std::move(record), died));
    }
    sort_by_age(items);
    return items;
}

void measure(PruneItem& item, int root) {
    const UniqueFd service = open_directory(root, item.record.service);
    const auto size = service ? size_of_tree(service.get(), item.record.instance) : std::nullopt;
    if (size) {
        item.files = size->files;
        item.disk_bytes = size->disk_bytes;
    } else if (errno != ENOENT) { // ENOENT: nothing could be saved of it
        item.failure = undeletable_text(errno);
    }
}

std::string too_large_text(std::uint64_t total, std::uint64_t most) {
    return "the backup takes " + human_bytes(total) + ", more than --max-size (" + human_bytes(most) +
           "); nothing is deleted for its size, because what may go (log directories that ended over a day "
           "ago, of services above their share) would not be enough";
}

/// Chooses ended directories until the rest is small enough, or none if that is impossible.
void make_it_fit(PruneReport& report, int root, std::uint64_t max_size, std::vector<PruneItem> ended) {
    const Inventory inventory = take_inventory(root, report.backup_root, {});
    report.problems.insert(report.problems.end(), inventory.problems.begin(), inventory.problems.end());
    std::map<std::string, std::uint64_t> usage;
    for (const auto& instance : inventory.instances)
        usage[instance.record.service] += instance.usage.disk_bytes;
    for (const auto& item : report.items)
        if (item.failure.empty())
            usage[item.record.service] -= std::min(usage[item.record.service], item.disk_bytes);
    const std::uint64_t total = sum_of(usage);
    if (total <= max_size)
        return;
    for (auto& item : ended)
        measure(item, root);
    auto chosen = choose_for_size(std::move(usage), std::move(ended), max_size);
    if (!chosen) {
        report.too_large = too_large_text(total, max_size);
        return;
    }
    for (auto& item : *chosen) {
        item.reason = PruneReason::max_size;
        report.items.push_back(std::move(item));
    }
}

} // namespace

Timestamp ended_at(const Record& record, Timestamp written) {
    const Timestamp noted = record.ended.empty() ? written : parse_rfc3339(record.ended);
    return credible(std::max({noted, parse_rfc3339(record.finished), parse_rfc3339(record.saved_until)}));
}

std::vector<PruneItem> old_files(int root, const Record& live, const RetentionRules& rules, Timestamp now,
                                 const std::function<bool(const std::string& path)>& has_gone) {
    std::vector<PruneItem> items;
    const auto keep = keep_of(rules, live);
    const UniqueFd instance = keep == for_ever ? UniqueFd() : open_directory(root, live.directory());
    if (!instance)
        return items;
    (void)for_each_file(instance.get(), [&](const std::string& path, const struct statx& status) {
        const Timestamp changed = credible(time_of(status.stx_ctime));
        if (!is_older(keep, changed, now) || !has_gone(path))
            return;
        PruneItem item = item_of(PruneKind::file, live, changed);
        item.path = path;
        item.files = 1;
        item.disk_bytes = status.stx_blocks * 512;
        items.push_back(std::move(item));
    });
    sort_by_age(items);
    return items;
}

std::optional<std::vector<PruneItem>> choose_for_size(std::map<std::string, std::uint64_t> usage,
                                                      std::vector<PruneItem> ended, std::uint64_t most) {
    sort_by_age(ended);
    std::map<std::string, std::vector<PruneItem>> of_service; // the oldest item is the last
    for (auto item = ended.rbegin(); item != ended.rend(); ++item)
        if (item->failure.empty() && item->disk_bytes > 0)
            of_service[item->record.service].push_back(std::move(*item));
    std::uint64_t total = sum_of(usage);
    const std::uint64_t share = most / std::max<std::size_t>(1, usage.size());
    std::vector<PruneItem> chosen;
    while (total > most) {
        const auto takes_less = [&](const auto& a, const auto& b) { return usage[a.first] < usage[b.first]; };
        const auto largest = std::max_element(of_service.begin(), of_service.end(), takes_less);
        if (largest == of_service.end() || usage[largest->first] <= share)
            return std::nullopt;
        chosen.push_back(std::move(largest->second.back()));
        largest->second.pop_back();
        auto& taken = usage[largest->first];
        const auto freed = std::min(taken, chosen.back().disk_bytes);
        taken -= freed;
        total -= freed;
        if (largest->second.empty())
            of_service.erase(largest);
    }
    return chosen;
}

void plan_prune(PruneReport& report, int root, const Filter& filter, const RetentionRules& rules,
                const EndEvidence& evidence) {
    std::vector<PruneItem> younger;
    for (auto& item : ended_directories(report, root, filter, evidence)) {
        if (has_ended_long_ago(keep_of(rules, item.record), item.ended, report.now)) {
            measure(item, root);
            report.items.push_back(std::move(item));
        } else {
            younger.push_back(std::move(item));
        }
    }
    for (auto& item : missed_containers(report, root, filter, rules))
        report.items.push_back(std::move(item));
    if (rules.max_size != UINT64_MAX)
        make_it_fit(report, root, rules.max_size, std::move(younger));
}

} // namespace logbackup
