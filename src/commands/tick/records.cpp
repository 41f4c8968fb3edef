// SPDX-License-Identifier: MIT
#include "commands/tick/tick_class.hpp"

#include "commands/gone.hpp"
#include "config/selection.hpp"
#include "ledger/ledger.hpp"
#include "util/error.hpp"
#include "util/files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace logbackup {

void Tick::make_moves() {
    for (const auto& move : assignments_.moves) {
        try {
            move_instance(context_.root, move);
            if (move.live)
                records_[*move.live].instance = move.to;
        } catch (const Error& error) {
            // Neither the instance that should get the name nor the one that should lose it may write now.
            report_.problems.emplace_back(error.what());
            for (std::size_t i = 0; i < candidates_.size(); ++i) {
                const auto& directory = assignments_.of_claim[i].directory;
                if (directory == move.service + "/" + move.from ||
                    directory == move.service + "/" + move.to) {
                    candidates_[i].tree.reset();
                    candidates_[i].is_waiting = false;
                    fail(candidates_[i], "", "its directory could not be made free");
                }
            }
        }
    }
}

/// Returns the instances of a candidate's container that have its log directory, the newest last.
std::vector<const Container*> Tick::sharers_of(const Candidate& candidate) const {
    const auto index = static_cast<std::size_t>(&candidate - candidates_.data());
    std::vector<const Container*> sharers{candidate.container};
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
        const Container& other = *candidates_[i].container;
        const bool is_new = std::find(sharers.begin(), sharers.end(), &other) == sharers.end();
        if (assignments_.of_claim[i].shared_with == index && other.service == candidate.container->service &&
            other.pod == candidate.container->pod && is_new) // not its second log directory
            sharers.push_back(&other);
    }
    std::sort(sharers.begin(), sharers.end(),
              [](const Container* a, const Container* b) { return a->created < b->created; });
    return sharers;
}

/// Returns what the candidate's container, and those that share its log directory, have mounted where.
std::vector<std::map<std::string, std::string>> Tick::places_of(const Candidate& candidate) const {
    const auto index = static_cast<std::size_t>(&candidate - candidates_.data());
    std::vector<std::map<std::string, std::string>> places{candidate.seen_places};
    for (std::size_t i = 0; i < candidates_.size(); ++i)
        if (assignments_.of_claim[i].shared_with == index)
            places.push_back(candidates_[i].seen_places);
    return places;
}

/// Writes the owner into the record before the directory is written to.
void Tick::save_record(Candidate& candidate, const Assignment& assignment) {
    Record record;
    if (assignment.known) {
        record = records_[*assignment.known];
    } else if (assignment.reopened) {
        record = *assignment.reopened;
        record.ended.clear();
    } else {
        record.service = parent_path(assignment.directory);
        record.instance = base_name(assignment.directory);
        record.volume = candidate.volume;
        record.first_seen = rfc3339(now_);
    }
    if (!record.volume.empty() && record.volume == candidate.volume)
        record.volume_inode = candidate.inode;
    if (record.service == candidate.container->service) // a volume can be mounted elsewhere by now
        record.log_directory = candidate.name.path;
    record.volumes_below = candidate.volumes_below;
    record.has_writer = record.has_writer || assignment.is_writer;
    note_places(record, places_of(candidate));
    describe_containers(record, sharers_of(candidate));
    if (record.coverage == Coverage::complete && !candidate.plan.actions.empty())
        note_growth(record);
    if (assignment.reopened)
        reopen_record(context_.root, record);
    else if (!assignment.known || record != records_[*assignment.known])
        save_live_record(context_.root, record);
    candidate.record = assignment.known.value_or(records_.size());
    if (assignment.known)
        records_[*assignment.known] = std::move(record);
    else
        records_.push_back(std::move(record));
    if (!assignment.adopted)
        return;
    if (const auto problem = take_over(context_.root, assignment.directory, options_.group); !problem.empty())
        fail(candidate, "", problem);
}

void Tick::write(const Record& record) {
    try {
        save_live_record(context_.root, record);
    } catch (const Error& error) {
        report_.problems.emplace_back(error.what());
    }
}

/// Waits until the files in the backup are on the disk. Returns false when one is not.
bool Tick::sync(Candidate& candidate) {
    const UniqueFd instance = open_directory(context_.root, records_[*candidate.record].directory());
    const auto files = files_of(candidate);
    return files && std::all_of(files->begin(), files->end(), [&](const std::string& path) {
               const UniqueFd saved = open_regular(instance.get(), path);
               return saved && ::fsync(saved.get()) == 0;
           });
}

/// True if a part of the record's log directory could not be saved.
bool Tick::has_failed(std::size_t index) const {
    const Record& record = records_[index];
    if (failed_.contains({record.containers.back(), record.log_directory}))
        return true;
    // Another service may know it as another of its log directories.
    return std::any_of(candidates_.begin(), candidates_.end(), [&](const Candidate& candidate) {
        return candidate.record == index && failed_.contains({candidate.container->id, candidate.name.path});
    });
}

/// Updates the coverage of the records after the run.
void Tick::close_records() {
    if (context_.stop.requested())
        return;
    for (auto& candidate : candidates_) {
        if (!candidate.record || failed_.contains({candidate.container->id, candidate.name.path}))
            continue;
        Record& record = records_[*candidate.record];
        if (candidate.thoroughness == Thoroughness::everything && row_of(candidate).unsettled.empty() &&
            candidate.plan.compared_to) {
            const auto& [path, offset] = *candidate.plan.compared_to;
            record.compared_to = pass_of(candidate) + " " + hash_text(path) + " " + std::to_string(offset);
        } else if (candidate.thoroughness == Thoroughness::everything &&
                   row_of(candidate).unsettled.empty() && sync(candidate)) {
            note_last_pass(record, sharers_of(candidate), now_);
            record.compared_to.clear();
        } else if (record.coverage == Coverage::live && !record.saved_until.empty()) {
            record.saved_until.clear(); // this run saved what earlier runs could not
        } else {
            continue;
        }
        write(record);
    }
    for (std::size_t i = 0; i < records_.size(); ++i) {
        Record& record = records_[i];
        const Record before = record;
        if (record.coverage == Coverage::live && !record.containers.empty() && has_failed(i))
            note_failure(record, context_.previous);
        if (record != before)
            write(record);
    }
}

/// True if docker lists none of the record's containers.
bool Tick::is_unlisted(const Record& record) const {
    return std::none_of(record.containers.begin(), record.containers.end(), [&](const std::string& id) {
        return std::find(discovery_.ids.begin(), discovery_.ids.end(), id) != discovery_.ids.end();
    });
}

bool Tick::is_gone(const Record& record) {
    return is_unlisted(record) && !may_exist(record, *host_);
}

/// True if the path of the record's volume leads to another directory by now, which has a record of its own,
/// and no container of the record has the former one.
bool Tick::is_replaced(std::size_t index) const {
    const Record& record = records_[index];
    bool replaced = false;
    std::set<std::string> located;
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
        const Assignment& assignment = assignments_.of_claim[i];
        const auto saved_as = candidates_[assignment.shared_with.value_or(i)].record;
        if (assignment.known == index || saved_as == index)
            return false;
        located.insert(candidates_[i].container->id);
        replaced = replaced ||
                   (saved_as && !record.volume.empty() && record.volume_inode != 0 &&
                    candidates_[i].volume == record.volume && candidates_[i].inode != record.volume_inode);
    }
    // A container that docker knows but that was not located may still have the former one.
    return replaced &&
           std::all_of(record.containers.begin(), record.containers.end(), [&](const std::string& id) {
               return located.contains(id) ||
                      std::find(discovery_.ids.begin(), discovery_.ids.end(), id) == discovery_.ids.end();
           });
}

/// Returns the records that this run continues.
std::set<std::size_t> Tick::assigned_records() const {
    std::set<std::size_t> assigned;
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
        const Assignment& assignment = assignments_.of_claim[i];
        if (assignment.known)
            assigned.insert(*assignment.known);
        if (const auto saved_as = candidates_[assignment.shared_with.value_or(i)].record)
            assigned.insert(*saved_as);
    }
    return assigned;
}

/// Returns records of log directories that are no longer configured for their service, while their containers
/// still exist.
std::set<std::size_t> Tick::unwanted_records() const {
    const auto assigned = assigned_records();
    std::set<std::size_t> unwanted;
    for (std::size_t i = 0; i < records_.size(); ++i) {
        const Record& record = records_[i];
        const auto names = log_directories_of(options_, record.service);
        const bool is_wanted = std::any_of(names.begin(), names.end(), [&](const LogDirectoryName& name) {
            return name.path == record.log_directory;
        });
        if (is_wanted || assigned.contains(i) || !selects(options_, record) || record.containers.empty())
            continue;
        const std::string& id = record.containers.back();
        if (std::find(discovery_.ids.begin(), discovery_.ids.end(), id) != discovery_.ids.end() &&
            std::none_of(failed_.begin(), failed_.end(),
                         [&](const auto& failed) { return failed.first == id; }))
            unwanted.insert(i);
    }
    return unwanted;
}

/// Returns the records to end because a container has too many former log directories. By a link, a container
/// can lead its path away from a log directory on a volume. It may lead it back, so the record stays live.
/// But it can do so for ever, and each run reads each of these directories, so the oldest records end.
std::set<std::size_t> Tick::former_of_too_many() const {
    static constexpr std::size_t most_former = 20;
    const auto assigned = assigned_records();
    std::set<std::string> located;
    for (const auto& candidate : candidates_)
        located.insert(candidate.container->id);
    std::map<std::string, std::vector<std::size_t>> former; // key: container
    for (std::size_t i = 0; i < records_.size(); ++i)
        if (!assigned.contains(i) && !records_[i].volume.empty() && !records_[i].containers.empty() &&
            located.contains(records_[i].containers.back()))
            former[records_[i].containers.back()].push_back(i);
    std::set<std::size_t> oldest;
    for (auto& [container, indexes] : former) {
        std::sort(indexes.begin(), indexes.end(), [&](std::size_t a, std::size_t b) {
            return std::tie(records_[a].first_seen, a) > std::tie(records_[b].first_seen, b);
        });
        if (indexes.size() > most_former)
            oldest.insert(indexes.begin() + most_former, indexes.end());
    }
    return oldest;
}

/// True if nothing more is saved for a live record. A volume outlives its containers, so its log directory
/// ends when it is itself gone. But a record also ends when a writer of its log directory has another one,
/// when the log directory was replaced, or when its service has others now.
bool Tick::ends_now(std::size_t index, const std::set<std::size_t>& superseded) {
    return superseded.contains(index) || is_replaced(index) || is_gone(records_[index]);
}

/// Reports containers that docker does not list although what they wrote is still on this host. They are
/// neither saved nor gone. A layer that docker left behind by a fault is reported for a day.
void Tick::report_unlisted() {
    static constexpr std::chrono::hours long_enough{24};
    std::vector<std::string> unlisted;
    for (auto& record : records_) {
        if (record.coverage == Coverage::complete || record.containers.empty() || !is_unlisted(record) ||
            layer_state(record.layer) == LayerState::gone)
            continue;
        const Record before = record;
        note_failure(record, context_.previous);
        if (record != before)
            write(record);
        if (now_ - parse_rfc3339(record.saved_until) < long_enough)
            unlisted.push_back(record.directory());
    }
    if (!unlisted.empty())
        report_.problems.push_back("docker does not list the " +
                                   std::string(unlisted.size() == 1 ? "container" : "containers") + " of " +
                                   some_of(unlisted) +
                                   ", but their layers are on this host: what they write is not saved\nhint: "
                                   "does another engine run them?");
}

/// Ends records. They can be many, and each waits until the disk has it, so a stopped run leaves the rest to
/// the next one.
void Tick::end_records() {
    report_.live = records_.size();
    if (is_doubtful_)
        return;
    report_unlisted();
    std::set<std::size_t> superseded = former_of_too_many();
    superseded.merge(unwanted_records());
    for (std::size_t i = 0; i < candidates_.size(); ++i)
        if (candidates_[i].record) // the writer has a record of its own
            superseded.insert(assignments_.of_claim[i].supersedes.begin(),
                              assignments_.of_claim[i].supersedes.end());
    for (std::size_t i = 0; i < records_.size() && !context_.stop.requested(); ++i) {
        Record& record = records_[i];
        if (!ends_now(i, superseded))
            continue;
        note_gone(record, context_.previous);
        record.ended = rfc3339(now_);
        // Removes the directory in which its files arrived, if it is empty.
        ::unlinkat(context_.root, (".logbackup/incoming/" + record.directory()).c_str(), AT_REMOVEDIR);
        try {
            end_record(context_.root, record);
            --report_.live;
            unexplained_ends_ += is_unlisted(record) && !was_removed(record) ? 1U : 0U;
            if (record.coverage == Coverage::cut)
                report_.cut.push_back(record.directory());
        } catch (const Error& error) {
            report_.problems.emplace_back(error.what());
        }
    }
}

} // namespace logbackup
