// SPDX-License-Identifier: MIT
#include "commands/unread.hpp"

#include "commands/discover.hpp"
#include "ledger/upkeep.hpp"
#include "runtime/vanished.hpp"
#include "util/error.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace logbackup {
namespace {

/// Returns whether the runtime knows the container now, and its present description.
std::pair<Known, const Container*> answer_of(const Discovery& again, const Container& container) {
    const auto is_it = [&](const auto& other) { return other.id == container.id; };
    const auto found = std::find_if(again.containers.begin(), again.containers.end(), is_it);
    if (found != again.containers.end())
        return {Known::yes, &*found};
    const bool unclear = std::any_of(again.unreachable.begin(), again.unreachable.end(), is_it);
    return {unclear ? Known::unclear : Known::no, &container};
}

/// True if this process can see the file system of any container.
bool has_seen_any(const Survey& survey) {
    return survey.reached_any ||
           std::any_of(survey.runtime.containers.begin(), survey.runtime.containers.end(),
                       [](const Container& container) {
                           return !container.upper.empty() && look_at_layer(container.upper).error == 0;
                       });
}

void fail(Survey& survey, const Unread& unread, const std::string& reason) {
    if (unread.job != nullptr)
        add_problem(unread.job->failures, {"", reason, unread.limit});
    else
        survey.left.push_back({unread.wanted,
                               unread.limit ? RowStatus::incomplete : RowStatus::failed,
                               {},
                               {{"", reason, unread.limit}}});
}

/// `container` is the runtime's latest description.
void take_vanished(const Session& session, Survey& survey, const Unread& unread, const Container& container) {
    if (unread.job != nullptr)
        unread.job->vanished = true;
    else
        survey.left.push_back({unread.wanted, RowStatus::vanished});
    note_unsaved(session, survey, container);
}

} // namespace

void note_unread(Survey& survey, Unread unread, const LocateFailed& failure) {
    const Container& container = *unread.wanted.container;
    const bool is_unseen = container.upper.empty() ? failure.root_unseen && container.has_process()
                                                   : look_at_layer(container.upper).error != 0;
    unread.needs_process = failure.needs_process;
    const bool can_have_ended = unread.job != nullptr && container.has_process(); // and is unmounted by now
    if (!is_unseen && !unread.needs_process && !can_have_ended && !has_vanished(Known::yes, container, {}))
        fail(survey, unread, failure.reason);
    else
        survey.unread.push_back(std::move(unread));
}

void judge_unread(const Session& session, Survey& survey) {
    if (survey.unread.empty())
        return;
    std::set<std::string> ids;
    for (const auto& unread : survey.unread)
        ids.insert(unread.wanted.container->id);
    const Discovery again = session.runtime.ask_again({ids.begin(), ids.end()}, session.stop);
    forget_descriptions(session, ids);
    const bool has_seen = has_seen_any(survey);
    for (const auto& unread : std::exchange(survey.unread, {})) {
        const auto [known, container] = answer_of(again, *unread.wanted.container);
        const LayerSight sight = look_at_layer(container->upper);
        if (has_vanished(known, *container, sight)) {
            take_vanished(session, survey, unread, *container);
            continue;
        }
        // It has ended meanwhile: the next run finds it in its layers.
        if (unread.job != nullptr && unread.wanted.container->has_process() && known == Known::yes &&
            container->is_still()) {
            unread.job->vanished = true;
            continue;
        }
        // It has ended meanwhile, and its tmpfs with it, or docker names no layers of it.
        if ((unread.needs_process || container->upper.empty()) && unread.job == nullptr &&
            known == Known::yes && container->is_still()) {
            take_gone(survey, unread.wanted);
            continue;
        }
        const std::string why = why_unseen(*container, sight, unread.reason);
        const bool is_unseen = sight.error != 0 || container->has_process(); // it still runs
        if (is_unseen && !has_seen && !session.stop.requested())
            throw Error("cannot see the files of any container: " + why, hint_for_unseen(sight));
        fail(survey, unread, why);
    }
}

} // namespace logbackup
