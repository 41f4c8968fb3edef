// SPDX-License-Identifier: MIT
#include "commands/unsaved.hpp"

#include "commands/discover.hpp"
#include "config/selection.hpp"
#include "ledger/ledger.hpp"
#include "ledger/unsaved.hpp"
#include "ledger/upkeep.hpp"
#include "runtime/missed.hpp"
#include "util/error.hpp"
#include "util/text.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

namespace logbackup {
namespace {

Missed missed_of(const Container& container) {
    return {container.id,       container.service, container.pod,     container.namespace_name,
            container.pod_uid,  container.image,   container.created, container.started,
            container.finished, container.runtime};
}

Missed missed_of(const Record& record, Timestamp now) {
    const Timestamp finished = parse_rfc3339(record.finished);
    return {record.containers.front(),
            record.service,
            record.pod,
            record.namespace_name,
            record.pod_uid,
            record.image,
            parse_rfc3339(record.created),
            parse_rfc3339(record.started),
            finished == Timestamp{} ? now : finished,
            record.runtime};
}

/// Returns the containers that could not be saved, and that no live record names.
std::vector<Record> unsaved_in(const Survey& survey) {
    const auto failed = failed_in(survey);
    const auto limited = limited_in(survey);
    std::vector<Record> unsaved;
    for (const auto& wanted : survey.wanted) {
        const Container& container = *wanted.container;
        const bool is_told = std::any_of(unsaved.begin(), unsaved.end(), [&](const Record& other) {
            return other.containers.front() == container.id;
        });
        if (is_told || container.started == Timestamp{} ||
            (!failed.contains(id_of(wanted)) && !limited.contains(id_of(wanted))) ||
            survey.records.find([&](const Record& record) { return !is_unlisted(record, {container.id}); }))
            continue;
        unsaved.push_back(record_of(missed_of(container)));
    }
    return unsaved;
}

bool has_job(const Survey& survey, const Container& container) {
    return std::any_of(survey.jobs.begin(), survey.jobs.end(), [&](const Job& job) {
        return std::any_of(job.holders.begin(), job.holders.end(),
                           [&](const Holder& holder) { return holder.wanted.container->id == container.id; });
    });
}

/// Notes the containers that no earlier run saw, and whose log directory was removed before this one.
void note_gone(const Session& session, Survey& survey) {
    if (session.previous == Timestamp{} || has_filter(session.options))
        return; // it may have been seen, by a backup before this one or by another run
    for (const auto& wanted : survey.wanted)
        if (survey.gone.contains(id_of(wanted)) && !has_job(survey, *wanted.container))
            note_unsaved(session, survey, *wanted.container);
}

} // namespace

void keep_unsaved(const Session& session, Survey& survey) {
    if (survey.is_doubtful || session.stop.requested())
        return;
    note_gone(session, survey);
    const auto before = load_unsaved(session.root.get());
    auto now = unsaved_in(survey);
    for (const auto& record : before) {
        const auto is_it = [&](const auto& other) { return other.containers == record.containers; };
        if (std::any_of(now.begin(), now.end(), is_it) || record.containers.empty())
            continue;
        if (!is_asked(session, survey.runtime, record)) {
            now.push_back(record);
            continue;
        }
        const auto wanted = std::find_if(survey.wanted.begin(), survey.wanted.end(), [&](const Wanted& one) {
            return one.container->id == record.containers.front();
        });
        const bool is_gone = wanted != survey.wanted.end() && survey.gone.contains(id_of(*wanted));
        if (is_gone || !survey.listed.contains(record.containers.front()))
            note_missed(session, survey, missed_of(record, session.now));
        else if (wanted == survey.wanted.end() || !wanted->selected)
            now.push_back(record); // this run did not try it
    }
    if (now != before && !save_unsaved(session.root.get(), now))
        survey.problems.push_back("cannot write to " + in_quotes(state_directory) + ": " + error_text(errno));
}

} // namespace logbackup
