// SPDX-License-Identifier: MIT
#include "commands/job.hpp"

#include "util/text.hpp"

#include <algorithm>

namespace logbackup {

std::vector<const Container*> Job::namesakes() const {
    std::vector<const Container*> namesakes;
    for (const auto& holder : holders) {
        const Container& other = *holder.wanted.container;
        const bool is_new = std::find(namesakes.begin(), namesakes.end(), &other) == namesakes.end();
        if (is_new && other.service == container().service && other.pod == container().pod)
            namesakes.push_back(&other);
    }
    std::stable_sort(namesakes.begin(), namesakes.end(),
                     [](const Container* a, const Container* b) { return a->created < b->created; });
    return namesakes;
}

void add_problem(std::vector<Problem>& problems, Problem problem) {
    static constexpr std::ptrdiff_t most = 100;
    // What limits leave out must not keep a failure from being told.
    const auto alike = std::count_if(problems.begin(), problems.end(), [&](const Problem& known) {
        return known.limit.has_value() == problem.limit.has_value();
    });
    if (alike > most || std::any_of(problems.begin(), problems.end(), [&](const Problem& known) {
            return known.path == problem.path && known.reason == problem.reason;
        }))
        return; // a second plan fails in the same way
    if (alike == most)
        problem = {"",
                   problem.limit ? "more is left out, which is not listed"
                                 : "it has more failures, which are left out",
                   problem.limit};
    problems.push_back(std::move(problem));
}

void keep_some(std::vector<Problem>& problems) {
    static constexpr std::size_t most = 1000;
    if (problems.size() <= most)
        return;
    const std::size_t others = problems.size() - most;
    problems.resize(most);
    problems.push_back({"", "and " + counted(others, "other")});
    problems.shrink_to_fit();
}

} // namespace logbackup
