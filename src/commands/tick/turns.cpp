// SPDX-License-Identifier: MIT
#include "commands/tick/tick_class.hpp"

#include "util/descriptors.hpp"

#include <algorithm>
#include <utility>

/// A log directory is held by descriptors from when it is found until all of it is saved. Where there are not
/// enough for all, those of some are let go, and opened again when it is their turn.
namespace logbackup {

std::size_t descriptors_of(const LogDirectory& found) {
    return found.sources.size() + (found.process ? 1 : 0);
}

/// While a container is looked at each of its layers is held, and each of its volumes twice.
std::size_t Tick::descriptors_to_locate() const {
    static constexpr std::size_t beside = 64;
    std::size_t most = 0;
    for (const auto& candidate : candidates_)
        most =
            std::max(most, 1 + candidate.container->lowers.size() + 2 * candidate.container->mounts.size());
    return std::max(descriptors_at_work, most + beside);
}

void Tick::let_go(Candidate& candidate) const {
    for (auto& source : candidate.found.sources)
        source.held.reset();
    candidate.found.process.reset();
    if (candidate.tree) {
        candidate.tree->held.reset();
        candidate.tree->mounted.clear();
        if (mounts_)
            mounts_->release(candidate.tree->directory);
    }
    candidate.is_let_go = true;
}

/// Finds a log directory that was let go again. False, which is reported, when it is not the same any longer.
bool Tick::take_up(Candidate& candidate) {
    if (!candidate.is_let_go)
        return true;
    auto located = std::move(locate_of({&candidate}).front());
    if (const auto* failed = std::get_if<LocateFailed>(&located)) {
        fail_unless_vanished(candidate, *failed);
        return false;
    }
    auto* found = std::get_if<LogDirectory>(&located);
    const bool same = found != nullptr && found->volume == candidate.volume &&
                      (found->volume.empty() || found->identity.inode == candidate.inode) &&
                      overlap_->problem(*found).empty();
    if (!same) {
        fail(candidate, "", "its log directory was replaced before it was its turn");
        return false;
    }
    candidate.found = std::move(*found);
    candidate.is_let_go = false;
    fail_parts(candidate);
    if (!candidate.tree)
        return true;
    std::string problem;
    Tree tree =
        show(std::move(candidate.found), candidate.tree->directory, mounts_ ? &*mounts_ : nullptr, problem);
    if (!problem.empty()) {
        fail_unless_vanished(candidate, {problem, true});
        let_go(candidate);
        return false;
    }
    tree.excluded = std::move(candidate.tree->excluded);
    candidate.tree = std::move(tree);
    return true;
}

/// Plans and saves the log directories that wait, as many at a time as there are descriptors for.
void Tick::save_waiting() {
    std::vector<std::size_t> waiting;
    for (std::size_t i = 0; i < candidates_.size(); ++i)
        if (candidates_[i].is_waiting)
            waiting.push_back(i);
    if (waiting.empty())
        return;
    for (auto& candidate : candidates_) // they have had their turn, or come last
        if (candidate.tree && !candidate.is_let_go)
            let_go(candidate);
    for (auto next = waiting.begin(); next != waiting.end();) {
        std::vector<Candidate*> workers;
        DescriptorShare share(descriptors_to_locate());
        for (; next != waiting.end() && !context_.stop.requested(); ++next) {
            Candidate& candidate = candidates_[*next];
            if (!take_up(candidate))
                continue;
            const std::size_t descriptors = descriptors_of(candidate.found);
            if (!share.take(descriptors)) {
                let_go(candidate);
                break;
            }
            plan_one(candidate, assignments_.of_claim[*next]);
            if (candidate.tree && !candidate.is_postponed && begin_to_save(candidate)) {
                workers.push_back(&candidate);
            } else {
                let_go(candidate);
                share.give_back(descriptors);
            }
        }
        apply_until_settled(workers);
        for (auto* worker : workers)
            let_go(*worker);
        if (!context_.stop.requested())
            continue;
        for (; next != waiting.end(); ++next)
            fail(candidates_[*next], "", "the run was stopped before it was its turn");
    }
}

} // namespace logbackup
