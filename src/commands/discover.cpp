// SPDX-License-Identifier: MIT
#include "commands/discover.hpp"

#include "assign/instance_names.hpp"
#include "commands/held.hpp"
#include "config/selection.hpp"
#include "ledger/descriptions.hpp"
#include "ledger/ledger.hpp"
#include "ledger/upkeep.hpp"
#include "runtime/labels.hpp"
#include "runtime/missed.hpp"
#include "util/error.hpp"
#include "util/text.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace logbackup {
namespace {

/// Reads what earlier runs kept for the runtime.
Descriptions take_descriptions(const Session& session) {
    if (session.descriptions == nullptr || !session.root)
        return {};
    *session.descriptions = parse_descriptions(load_descriptions(session.root.get()));
    return *session.descriptions;
}

void keep_descriptions(const Session& session, const Descriptions& before) {
    if (session.descriptions != nullptr && session.writes() && *session.descriptions != before)
        save_descriptions(session.root.get(), descriptions_text(*session.descriptions));
}

/// Says that no container is to be saved, though there are some; empty if there are none.
std::string nothing_to_save(const Session& session, const Discovery& runtime) {
    std::size_t foreign = 0;
    for (const auto& container : runtime.containers) {
        if (classify(container).ownership != Ownership::foreign)
            return {};
        foreign += container.kind == "podsandbox" ? 0U : 1U;
    }
    if (foreign == 0 || session.stop.requested())
        return {};
    const std::string& label = session.options.naming.service_label;
    return "nothing is saved: none of " + counted(foreign, "container") + " has " +
           (label.empty() ? "the labels that --names reads" : "the label " + in_quotes(label)) +
           " ('logbackup check' tells more)";
}

/// Finds the log directories that our containers should have.
void find_wanted(const Session& session, Survey& survey) {
    const Options& options = session.options;
    bool any_matches = false;
    for (const auto& container : survey.runtime.containers) {
        const auto classification = classify(container);
        if (classification.ownership == Ownership::foreign)
            continue;
        const bool selected = selects(options, container);
        any_matches = any_matches || selected;
        if (classification.ownership == Ownership::ours) {
            for (auto& name : log_directories_of(options, container.service))
                survey.wanted.push_back({&container, std::move(name), selected});
        } else if (selected) {
            survey.misnamed.push_back({container.id, classification.problem});
        }
    }
    const bool is_prune = options.kind == RunKind::prune || options.kind == RunKind::prune_dry_run;
    if (has_filter(options) && !any_matches && !is_prune && !session.stop.requested())
        throw Error("no container matches --service, --pod, --namespace or --container",
                    "'logbackup --dry-run' without them lists all containers");
}

/// True if something of the container was saved, as the record of a live or an ended log directory says.
bool has_record(const Session& session, Survey& survey, const Missed& container) {
    const auto is_its = [&](const Record& record) { return !is_unlisted(record, {container.container_id}); };
    if (survey.records.find(is_its) || !session.root)
        return survey.records.find(is_its).has_value();
    const auto there = look_up_service(session.root.get(), container.service);
    return std::any_of(there.ended.begin(), there.ended.end(), [&](const std::string& instance) {
        if (!is_named_after(instance, container.pod))
            return false;
        const auto record =
            load_ended_record(session.root.get(), container.service, instance, survey.problems);
        return record && is_its(*record);
    });
}

/// Completes an id of which docker ps printed only the beginning, by what the records know.
void complete_ids(Survey& survey) {
    for (const auto& record : survey.records)
        for (const auto& id : record.containers)
            for (auto& unreachable : survey.runtime.unreachable)
                if (id.starts_with(unreachable.id)) {
                    unreachable.id = id;
                    survey.listed.insert(id);
                }
}

/// Nobody knows whether containers are gone whose runtime did not answer, or is not asked any longer: they
/// count as listed.
void keep_unasked(const Session& session, Survey& survey) {
    const Discovery& runtime = survey.runtime;
    for (const auto& failure : runtime.failures)
        survey.problems.push_back(failure.with_hint());
    std::map<std::string, std::size_t> unasked; ///< log directories by runtime
    for (const auto& record : survey.records) {
        if (is_asked(session, runtime, record))
            continue;
        survey.listed.insert(record.containers.begin(), record.containers.end());
        ++unasked[record.runtime];
    }
    for (const auto& [name, count] : unasked)
        survey.problems.push_back(
            counted(count, "live log directory is", "live log directories are") + " of " + escaped(name) +
            ", which did not answer: nothing is saved there\nhint: if " + escaped(name) +
            " is not used on this host any longer, run 'logbackup --adopt' once");
}

void load_records(const Session& session, Survey& survey) {
    if (session.root)
        survey.records = Records(load_live_records(session.root.get(), survey.problems));
    survey.live_before = survey.records.size();
    complete_ids(survey);
    keep_unasked(session, survey);
    for (const auto& [id, reason] : survey.runtime.unreachable) {
        std::string name;
        for (const auto& record : survey.records)
            if (!is_unlisted(record, {id}))
                name = std::string(" (").append(in_quotes(record.directory())).append(")");
        survey.problems.push_back("container " + id.substr(0, 12) + name + " is left out: " + reason);
    }
}

} // namespace

void forget_descriptions(const Session& session, const std::set<std::string>& ids) {
    if (session.descriptions == nullptr || !session.writes())
        return;
    const Descriptions before = *session.descriptions;
    std::erase_if(*session.descriptions, [&](const auto& one) { return ids.contains(one.first); });
    keep_descriptions(session, before);
}

bool is_asked(const Session& session, const Discovery& runtime, const Record& record) {
    return session.options.adopt || runtime.engines.empty() || runtime.engines.contains(record.runtime);
}

Survey discover_all(const Session& session) {
    Survey survey;
    const Descriptions before = take_descriptions(session);
    survey.runtime = session.runtime.discover(session.stop);
    keep_one_of_each_id(survey.runtime);
    survey.listed.insert(survey.runtime.ids.begin(), survey.runtime.ids.end());
    take_held(session, survey);
    survey.notices = survey.runtime.notices;
    claim_engines(session, survey.runtime.engines);
    keep_descriptions(session, before);
    find_wanted(session, survey);
    survey.nothing_to_save = nothing_to_save(session, survey.runtime);
    load_records(session, survey);
    return survey;
}

namespace {

/// Returns what is known of the earlier instances of a pod's container.
std::vector<Record> records_of_pod(const Session& session, const Survey& survey, const Container& container) {
    std::vector<Record> known;
    for (const auto& record : survey.records)
        if (record.service == container.service && record.pod == container.pod)
            known.push_back(record);
    if (!session.root)
        return known;
    std::vector<std::string> problems; // are told where the records are used
    for (const auto& instance : look_up_service(session.root.get(), container.service).ended)
        if (is_named_after(instance, container.pod))
            if (auto record = load_ended_record(session.root.get(), container.service, instance, problems))
                known.push_back(std::move(*record));
    return known;
}

/// Finds instances between two runs by the kubelet's count of restarts. Docker remembers them.
void find_skipped(const Session& session, Survey& survey) {
    if (session.held != nullptr)
        return; // the follower has seen them
    for (const auto& container : survey.runtime.containers) {
        if (container.runtime == Container().runtime || container.created <= session.previous ||
            container.restart_count.empty() || classify(container).ownership != Ownership::ours ||
            is_skipped(session.options, container.service))
            continue;
        for (auto& missed : find_skipped_restarts(container, survey.runtime.containers,
                                                  records_of_pod(session, survey, container)))
            note_missed(session, survey, std::move(missed));
    }
}

} // namespace

void find_missed_containers(const Session& session, Survey& survey) {
    const Timestamp since = session.previous;
    if (since == Timestamp{} || has_filter(session.options) || session.stop.requested())
        return;
    find_skipped(session, survey);
    if (!may_have_changed(survey.runtime, since))
        return;
    std::string problem;
    for (const auto& history : session.runtime.history(since, session.stop, problem)) {
        for (const auto& [id, life] : history.lives)
            if (life.removed != Timestamp{})
                survey.removed.insert(id);
        auto found = find_missed(history, survey.runtime, survey.records, since);
        for (auto& missed : found.missed)
            if (!is_skipped(session.options, missed.service))
                note_missed(session, survey, std::move(missed));
        if (!found.gap.empty())
            survey.notices.push_back(std::move(found.gap));
    }
    if (!problem.empty() && !session.stop.requested())
        survey.notices.push_back("containers that lived between two runs are not known: " + problem);
}

void note_unsaved(const Session& session, Survey& survey, const Container& container) {
    const RunKind kind = session.options.kind;
    if (container.started == Timestamp{} || container.started < session.previous)
        return; // there is nothing to save, or an earlier run saw it
    if (kind == RunKind::verify || kind == RunKind::prune || kind == RunKind::prune_dry_run)
        return;
    note_missed(session, survey,
                {container.id, container.service, container.pod, container.namespace_name, container.pod_uid,
                 container.image, container.created, container.started,
                 container.finished == Timestamp{} ? session.now : container.finished, container.runtime});
}

void note_missed(const Session& session, Survey& survey, Missed missed) {
    const Record record = record_of(missed);
    const bool is_told = std::any_of(survey.missed.begin(), survey.missed.end(), [&](const Missed& other) {
        return other.container_id == missed.container_id; // it may have several log directories
    });
    if (is_told || is_followed(survey, missed.container_id) ||
        (session.root && has_missed_record(session.root.get(), record)) ||
        has_record(session, survey, missed))
        return;
    survey.missed.push_back(std::move(missed));
    if (!session.writes())
        return;
    try {
        save_missed_record(session.root.get(), record);
    } catch (const Error& error) {
        survey.problems.emplace_back(error.what());
    }
}

} // namespace logbackup
