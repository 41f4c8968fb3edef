// SPDX-License-Identifier: MIT
#include "commands/tick/tick_class.hpp"

#include "util/descriptors.hpp"

#include <algorithm>
#include <utility>

/// A run holds a log directory by descriptors from when it finds it until all of it is saved. If there are
/// not enough descriptors for all, it closes those of some log directories and opens them again when it is
/// their turn.
namespace logbackup {

std::size_t descriptors_of(const LogDirectory& found) {
    return found.sources.size() + (found.process ? 1 : 0);
}

/// Returns the descriptors to reserve: while a container is examined, each of its layers is held once, and
/// each of its volumes twice.
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

/// Opens a log directory again. Returns false, and reports why, when it is no longer the same.
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

/// Plans and saves the waiting log directories, as many at a time as there are descriptors for.
void Tick::save_waiting() {
    std::vector<std::size_t> waiting;
    for (std::size_t i = 0; i < candidates_.size(); ++i)
        if (candidates_[i].is_waiting)
            waiting.push_back(i);
    if (waiting.empty())
        return;
    for (auto& candidate : candidates_) // these are done, or come last
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
