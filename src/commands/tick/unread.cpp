// SPDX-License-Identifier: MIT
#include "commands/tick/tick_class.hpp"

#include "ledger/ledger.hpp"
#include "runtime/missed.hpp"
#include "runtime/vanished.hpp"
#include "util/error.hpp"

#include <utility>

namespace logbackup {
namespace {

/// Returns whether docker knows the container now, and its present description.
std::pair<Known, const Container*> answer_of(const Discovery& again, const Container& container) {
    const auto is_it = [&](const auto& other) { return other.id == container.id; };
    const auto found = std::find_if(again.containers.begin(), again.containers.end(), is_it);
    if (found != again.containers.end())
        return {Known::yes, &*found};
    const bool unclear = std::any_of(again.unreachable.begin(), again.unreachable.end(), is_it);
    return {unclear ? Known::unclear : Known::no, &container};
}

} // namespace

void Tick::fail_unless_vanished(const Candidate& candidate, const LocateFailed& failure) {
    const Container& container = *candidate.container;
    const bool is_unseen = container.upper.empty() ? failure.root_unseen && container.has_process()
                                                   : look_at_layer(container.upper).error != 0;
    if (!is_unseen && !has_vanished(Known::yes, container, {})) {
        fail(candidate, "", failure.reason);
        return;
    }
    Candidate unread;
    unread.container = candidate.container;
    unread.name = candidate.name;
    unread.selected = candidate.selected;
    unread.row = candidate.row;
    unread_.emplace_back(std::move(unread), failure.reason);
}

/// True if this process can see the file system of any container.
bool Tick::has_seen_any() const {
    return has_reached_any_ ||
           std::any_of(discovery_.containers.begin(), discovery_.containers.end(),
                       [](const Container& container) {
                           return !container.upper.empty() && look_at_layer(container.upper).error == 0;
                       });
}

/// Asks docker again, at once, about all log directories that could not be read, and notes each as gone or as
/// a problem. Throws Error when this process cannot read any container.
void Tick::judge_unread() {
    if (unread_.empty())
        return;
    std::set<std::string> ids;
    for (const auto& [candidate, reason] : unread_)
        ids.insert(candidate.container->id);
    const Discovery again =
        ask_again({context_.docker, options_.docker_timeout}, {ids.begin(), ids.end()}, context_.stop);
    const bool has_seen = has_seen_any();
    for (const auto& [candidate, reason] : unread_) {
        const auto [known, container] = answer_of(again, *candidate.container);
        const LayerSight sight = look_at_layer(container->upper);
        if (has_vanished(known, *container, sight)) {
            take_vanished(candidate, *container);
            continue;
        }
        const std::string why = why_unseen(*container, sight, reason);
        const bool is_unseen = sight.error != 0 || container->has_process(); // it still runs
        if (is_unseen && !has_seen && !context_.stop.requested())
            throw Error("cannot see the files of any container: " + why, hint_for_unseen(sight));
        fail(candidate, "", why);
    }
    unread_.clear();
}

/// `container` is docker's latest description.
void Tick::take_vanished(const Candidate& candidate, const Container& container) {
    if (candidate.selected)
        row_of(candidate).status = RowStatus::vanished;
    const bool known = std::any_of(records_.begin(), records_.end(), [&](const Record& record) {
        return std::find(record.containers.begin(), record.containers.end(), container.id) !=
               record.containers.end();
    });
    if (known || container.started == Timestamp{} || options_.kind == RunKind::verify)
        return; // the next run finds it cut, or there is nothing to save
    note_missed({container.id, container.service, container.pod, container.namespace_name, container.pod_uid,
                 container.image, container.created, container.started,
                 container.finished == Timestamp{} ? now_ : container.finished});
}

/// Reports and records a loss once, however long docker goes on to report it, and for however many log
/// directories.
void Tick::note_missed(Missed missed) {
    const Record record = record_of(missed);
    const bool is_told = std::any_of(report_.missed.begin(), report_.missed.end(), [&](const Missed& other) {
        return other.container_id == missed.container_id;
    });
    if (is_told || (context_.root >= 0 && has_missed_record(context_.root, record)))
        return;
    report_.missed.push_back(std::move(missed));
    if (is_dry())
        return;
    try {
        save_missed_record(context_.root, record);
    } catch (const Error& error) {
        report_.problems.emplace_back(error.what());
    }
}

} // namespace logbackup
