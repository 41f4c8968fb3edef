// SPDX-License-Identifier: MIT
#include "commands/records.hpp"

#include "assign/instance_names.hpp"
#include "commands/gone.hpp"
#include "config/selection.hpp"
#include "ledger/coverage.hpp"
#include "ledger/ledger.hpp"
#include "ledger/links.hpp"
#include "ledger/upkeep.hpp"
#include "transfer/apply.hpp"
#include "util/error.hpp"
#include "util/files.hpp"
#include "util/free_space.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace logbackup {
namespace {

/// Returns the names under which the job's containers look for its log directory, those of the newest last.
std::vector<Sharer> sharers_of(const Job& job) {
    std::vector<const Wanted*> all;
    all.reserve(job.holders.size());
    for (const auto& holder : job.holders)
        all.push_back(&holder.wanted);
    std::stable_sort(all.begin(), all.end(), [](const Wanted* a, const Wanted* b) {
        return a->container->created < b->container->created;
    });
    std::vector<Sharer> sharers;
    sharers.reserve(all.size());
    for (const auto* wanted : all) {
        const Container& container = *wanted->container;
        const InstanceName name{container.service, container.pod, wanted->name.suffix};
        sharers.push_back(
            {container.service, name.instance(), container.pod, container.namespace_name, container.id});
    }
    return sharers;
}

/// Returns the record as it has to be while the job is saved.
Record record_of(const Session& session, const Survey& survey, const Job& job) {
    const Place& place = job.place;
    const Holder& first = job.holders.front();
    Record record;
    if (place.known) {
        record = survey.records[*place.known];
    } else if (place.reopened) {
        record = *place.reopened;
        record.ended.clear();
    } else {
        record.service = parent_path(place.directory);
        record.instance = base_name(place.directory);
        record.volume = first.found.volume;
        record.first_seen = rfc3339(session.now);
    }
    if (place.has_moved)
        record.volume = first.found.volume;
    if (!record.volume.empty() && record.volume == first.found.volume)
        record.volume_inode = first.found.identity.inode;
    if (record.service == job.container().service) // a volume can be mounted elsewhere by now
        record.log_directory = first.wanted.name.path;
    record.volumes_below = first.volumes_below;
    record.elsewhere = job.elsewhere;
    record.has_writer = record.has_writer || place.is_writer;
    std::vector<std::map<std::string, std::string>> places;
    places.reserve(job.holders.size());
    for (const auto& holder : job.holders)
        places.push_back(holder.found.seen_places);
    note_places(record, places);
    describe_containers(record, job.namesakes());
    note_sharers(record, sharers_of(job));
    record.skipped = job.work->skipped.size();
    if (record.coverage == Coverage::complete && !job.work->plan.actions.empty())
        note_growth(record);
    return record;
}

Done done_of(const Job& job, const std::set<HolderId>& failed) {
    Done done{*job.record, job.namesakes(), Result::saved, job.place.supersedes};
    if (failed.contains(id_of(job.holders.front().wanted)))
        done.result = Result::failed;
    else if (job.work->is_compared)
        done.result = job.holders.front().found.has_lost_part || job.work->has_unread ? Result::compared_rest
                                                                                      : Result::compared_all;
    return done;
}

/// True if the record's log directory is one of those that its service should have.
bool is_configured(const Options& options, const Record& record) {
    const auto names = log_directories_of(options, record.service);
    return std::any_of(names.begin(), names.end(), [&](const LogDirectoryName& name) {
        return name.path == record.log_directory || // or a part of it that several containers have
               (!record.volume.empty() && lies_in(record.log_directory, name.path));
    });
}

/// Looks at the host for what the records say.
void look_for_containers(const Session& session, const Survey& survey, RunFacts& facts) {
    for (const auto id : survey.records.ids()) {
        const Record& record = survey.records[id];
        if (selects(session.options, record) &&
            (!is_configured(session.options, record) || survey.host->leaves_out(record.volume)))
            facts.unconfigured.insert(id);
        if (!is_unlisted(record, facts.listed))
            continue;
        // --adopt lets go of a runtime that is not used any longer, although its layers may still be there.
        const bool is_let_go =
            !survey.runtime.engines.empty() && !survey.runtime.engines.contains(record.runtime);
        if (is_let_go || !may_exist(record, *survey.host))
            facts.gone.insert(id);
        else if (record.coverage != Coverage::complete && !record.containers.empty() &&
                 !was_removed(record, facts.removed) && layer_state(record.layer) != LayerState::gone)
            facts.left_behind.insert(id);
    }
}

RunFacts facts_of(const Session& session, const Survey& survey) {
    RunFacts facts;
    facts.now = session.now;
    facts.previous = session.previous;
    facts.listed = survey.listed;
    facts.removed = survey.removed;
    facts.is_doubtful = survey.is_doubtful || session.stop.requested();
    facts.failed = failed_in(survey);
    facts.limited = limited_in(survey);
    facts.lost = lost_in(survey);
    for (const auto& job : survey.jobs) {
        for (const auto& holder : job.holders)
            facts.seen.push_back({holder.wanted.container, holder.wanted.name.path, holder.found.volume,
                                  holder.found.identity.inode,
                                  &holder == &job.holders.front() ? job.place.known : std::nullopt,
                                  job.record});
        // A run that was stopped does not know whether it saved everything.
        if (job.record && job.work && (job.work->is_compared || !session.stop.requested()))
            facts.done.push_back(done_of(job, facts.failed));
    }
    if (!facts.is_doubtful)
        look_for_containers(session, survey, facts);
    return facts;
}

void tell_unlisted(Survey& survey, const std::vector<RecordId>& unlisted) {
    std::vector<std::string> directories;
    directories.reserve(unlisted.size());
    for (const auto id : unlisted)
        directories.push_back(survey.records[id].directory());
    if (!directories.empty())
        survey.problems.push_back("no runtime lists the " +
                                  std::string(directories.size() == 1 ? "container" : "containers") + " of " +
                                  some_of(directories) +
                                  ", but their layers are on this host: what they write is not saved\nhint: "
                                  "does another engine run them?");
}

/// A new record takes an inode, and perhaps another one for its directory. Without room for a file it is of
/// no use. Throws Error when there is none.
void require_room_for_record(const Session& session) {
    static constexpr std::uint64_t most_inodes = 2;
    const auto space = free_space(session.root.get(), session.options.min_free);
    if (space && space->reserved_inodes > 0 && space->inodes < space->reserved_inodes + most_inodes)
        throw Error("no room for its record: " + std::to_string(space->inodes) +
                    " inodes are free, and --min-free keeps " + std::to_string(space->reserved_inodes));
}

} // namespace

void write_record(const Session& session, Survey& survey, Job& job) {
    const Place& place = job.place;
    Record record = record_of(session, survey, job);
    if (!place.known && !place.reopened && !job.record)
        require_room_for_record(session);
    if (!place.known)
        remove_link_at(session.root.get(), place.directory);
    if (place.reopened && !job.record)
        reopen_record(session.root.get(), record);
    else if (!place.known || record != survey.records[*place.known])
        save_live_record(session.root.get(), record);
    if (place.known)
        update_links(session.root.get(), survey.records[*place.known], record, session.options.group);
    job.record = place.known;
    if (job.record)
        survey.records[*job.record] = std::move(record);
    else
        job.record = survey.records.add(std::move(record));
    if (!place.known) // a run while the follower was busy with it can have called it missed
        forget_missed(session.root.get(), survey.records[*job.record]);
    if (!place.adopted)
        return;
    if (const auto problem = take_over(session.root.get(), place.directory, session.options.group);
        !problem.empty())
        add_problem(job.failures, {"", problem});
}

KeptRecords keep_records(const Session& session, Survey& survey) {
    Upkeep result = upkeep(survey.records, facts_of(session, survey));
    KeptRecords kept;
    kept.live = survey.records.size();
    survey.records = std::move(result.records);
    for (const auto id : result.changed) {
        try {
            save_live_record(session.root.get(), survey.records[id]);
        } catch (const Error& error) {
            survey.problems.emplace_back(error.what());
        }
    }
    for (const auto& record : survey.records) // by now the directories of new ones are there
        update_links(session.root.get(), {}, record, session.options.group);
    tell_unlisted(survey, result.unlisted);
    const std::set<RecordId> unexplained(result.unexplained.begin(), result.unexplained.end());
    for (const auto id : result.ended) {
        if (session.stop.requested())
            break;
        const Record& record = survey.records[id];
        try {
            end_record(session.root.get(), record);
            --kept.live;
            kept.unexplained += unexplained.contains(id) ? 1U : 0U;
            if (record.coverage == Coverage::cut)
                kept.cut.push_back(record.directory());
        } catch (const Error& error) {
            survey.problems.emplace_back(error.what());
        }
    }
    return kept;
}

} // namespace logbackup
