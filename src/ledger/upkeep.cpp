// SPDX-License-Identifier: MIT
#include "ledger/upkeep.hpp"

#include "ledger/coverage.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <tuple>
#include <utility>

namespace logbackup {
namespace {

/// A container can lead the path of its log directory away from a volume by a link. It may lead it back, so
/// the record stays live. But it can do so for ever, and each run reads each of these directories.
constexpr std::size_t most_former = 20;

/// A layer that the runtime left behind by a fault is reported for so long.
constexpr std::chrono::hours longest_told{24};
/// Others than Docker remove a layer a while after its container: containerd collects garbage.
constexpr std::chrono::minutes until_collected{5};

/// Returns the names under which containers have the record's log directory: id of the container and path in
/// it. Another service may know it as another of its log directories.
std::set<std::pair<std::string, std::string>> names_of(const Records& records, RecordId id,
                                                       const RunFacts& facts) {
    std::set<std::pair<std::string, std::string>> names;
    if (const Record& record = records[id]; !record.containers.empty())
        names.emplace(record.containers.back(), record.log_directory);
    for (const auto& seen : facts.seen)
        if (seen.record == id || seen.known == id)
            names.emplace(seen.container->id, seen.log_directory);
    return names;
}

bool has_failed(const Records& records, RecordId id, const RunFacts& facts) {
    const auto names = names_of(records, id, facts);
    return std::any_of(names.begin(), names.end(),
                       [&](const auto& name) { return facts.failed.contains(name); });
}

std::set<Limit> limits_of(const Records& records, RecordId id, const RunFacts& facts) {
    std::set<Limit> limits;
    for (const auto& name : names_of(records, id, facts))
        if (const auto found = facts.limited.find(name); found != facts.limited.end())
            limits.insert(found->second.begin(), found->second.end());
    return limits;
}

/// Notes in the record what the run did with its log directory.
void note(Record& record, const Done& done, std::set<Limit> limits, Timestamp now) {
    if (!limits.empty() && record.coverage == Coverage::complete)
        note_growth(record);
    if (done.result != Result::failed)
        record.limits = std::move(limits);
    if (done.result == Result::compared_all)
        note_last_pass(record, done.containers, now);
    else if (done.result == Result::compared_rest)
        note_compared(record, done.containers);
    else if (done.result == Result::saved && record.coverage == Coverage::live)
        record.saved_until.clear(); // this run saved what earlier runs could not
}

/// Returns the records that this run continues.
std::set<RecordId> continued(const RunFacts& facts) {
    std::set<RecordId> records;
    for (const auto& seen : facts.seen) {
        if (seen.known)
            records.insert(*seen.known);
        if (seen.record)
            records.insert(*seen.record);
    }
    return records;
}

/// True if the path of the record's volume leads to another directory by now, which has a record of its own,
/// and no container of the record has the former one.
bool is_replaced(const Record& record, const RunFacts& facts) {
    if (record.volume.empty() || record.volume_inode == 0)
        return false;
    std::set<std::string> located;
    bool replaced = false;
    for (const auto& seen : facts.seen) {
        located.insert(seen.container->id);
        replaced =
            replaced || (seen.record && seen.volume == record.volume && seen.inode != record.volume_inode);
    }
    // A container that is listed but was not located may still have the former one.
    return replaced &&
           std::all_of(record.containers.begin(), record.containers.end(), [&](const std::string& id) {
               return located.contains(id) || !facts.listed.contains(id);
           });
}

/// True if the service no longer has this log directory, although its container is still there.
bool is_unwanted(const Record& record, const RunFacts& facts) {
    if (record.containers.empty())
        return false;
    const std::string& id = record.containers.back();
    const bool is_unclear = // it may be the same as one that was not found
        std::any_of(facts.failed.begin(), facts.failed.end(),
                    [&](const auto& failed) { return failed.first == id; }) ||
        std::any_of(facts.limited.begin(), facts.limited.end(), [&](const auto& limited) {
            return limited.first.first == id && limited.second.contains(Limit::location);
        });
    return facts.listed.contains(id) && !is_unclear;
}

/// Returns the oldest records of containers that have too many former log directories.
std::set<RecordId> former_of_too_many(const Records& records, const RunFacts& facts,
                                      const std::set<RecordId>& continued) {
    std::set<std::string> located;
    for (const auto& seen : facts.seen)
        located.insert(seen.container->id);
    std::map<std::string, std::vector<RecordId>> former; // key: container
    for (const auto id : records.ids())
        if (!continued.contains(id) && !records[id].volume.empty() && !records[id].containers.empty() &&
            located.contains(records[id].containers.back()))
            former[records[id].containers.back()].push_back(id);
    std::set<RecordId> oldest;
    for (auto& [container, ids] : former) {
        std::sort(ids.begin(), ids.end(), [&](RecordId a, RecordId b) {
            return std::tie(records[a].first_seen, a) > std::tie(records[b].first_seen, b);
        });
        if (ids.size() > most_former)
            oldest.insert(ids.begin() + most_former, ids.end());
    }
    return oldest;
}

/// Returns the records of which nothing more will be saved.
std::set<RecordId> ending(const Records& records, const RunFacts& facts) {
    const auto kept = continued(facts);
    std::set<RecordId> ends = former_of_too_many(records, facts, kept);
    ends.insert(facts.gone.begin(), facts.gone.end());
    for (const auto& done : facts.done) // the writer has a record of its own
        ends.insert(done.supersedes.begin(), done.supersedes.end());
    for (const auto id : records.ids())
        if (!kept.contains(id) && (facts.lost.contains(id) || is_replaced(records[id], facts) ||
                                   (facts.unconfigured.contains(id) && is_unwanted(records[id], facts))))
            ends.insert(id);
    return ends;
}

} // namespace

bool is_unlisted(const Record& record, const std::set<std::string>& listed) {
    return std::none_of(record.containers.begin(), record.containers.end(),
                        [&](const std::string& id) { return listed.contains(id); });
}

bool was_removed(const Record& record, const std::set<std::string>& removed) {
    return !record.containers.empty() && removed.contains(record.containers.back());
}

bool is_expected(const Record& record, const std::set<std::string>& listed,
                 const std::set<std::string>& removed) {
    const bool outlives = record.coverage == Coverage::complete && !record.volume.empty();
    return !record.containers.empty() &&
           !(is_unlisted(record, listed) && (outlives || was_removed(record, removed)));
}

bool needs_last_pass(const Record* record, const std::vector<const Container*>& containers) {
    if (record != nullptr && record->coverage == Coverage::live && !record->saved_until.empty())
        return false; // the last run had a problem with it: first save everything
    const auto all = [&](const auto& condition) {
        return std::all_of(containers.begin(), containers.end(),
                           [&](const Container* container) { return condition(*container); });
    };
    return all([](const Container& container) { return has_ended(container); }) &&
           !(record != nullptr &&
             all([&](const Container& container) { return had_last_pass(*record, container); }));
}

Upkeep upkeep(Records records, const RunFacts& facts) {
    const Records before = records;
    Upkeep result;
    for (const auto& done : facts.done)
        note(records[done.record], done, limits_of(records, done.record, facts), facts.now);
    for (const auto id : records.ids()) {
        if (records[id].coverage != Coverage::live || records[id].containers.empty())
            continue;
        if (has_failed(records, id, facts))
            note_failure(records[id], facts.previous);
        if (auto limits = limits_of(records, id, facts); !limits.empty())
            records[id].limits = std::move(limits);
    }
    std::set<RecordId> ends;
    if (!facts.is_doubtful) {
        ends = ending(records, facts);
        for (const auto id : facts.left_behind) {
            note_failure(records[id], facts.previous);
            const auto age = facts.now - parse_rfc3339(records[id].saved_until);
            if (age < longest_told && (age > until_collected || records[id].runtime == Record().runtime))
                result.unlisted.push_back(id);
        }
    }
    for (const auto id : records.ids()) {
        if (ends.contains(id)) {
            note_gone(records[id], facts.previous);
            records[id].ended = rfc3339(facts.now);
            result.ended.push_back(id);
            if (is_unlisted(records[id], facts.listed) && !was_removed(records[id], facts.removed))
                result.unexplained.push_back(id);
        } else if (records[id] != before[id]) {
            result.changed.push_back(id);
        }
    }
    result.records = std::move(records);
    return result;
}

} // namespace logbackup
