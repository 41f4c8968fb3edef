// SPDX-License-Identifier: MIT
#include "plan/limits.hpp"

#include "util/text.hpp"

#include <algorithm>
#include <vector>

namespace logbackup {

void limit_bytes(DirectoryPlan& plan, std::uint64_t bytes) {
    std::vector<Action*> transfers;
    for (auto& action : plan.actions)
        if (action.transfers())
            transfers.push_back(&action);
    std::stable_sort(transfers.begin(), transfers.end(),
                     [](const Action* a, const Action* b) { return a->bytes() < b->bytes(); });
    std::vector<std::string> waiting;
    std::uint64_t left_over = 0;
    for (auto* action : transfers) {
        const std::uint64_t wanted = action->bytes();
        const std::uint64_t taken = std::min(wanted, bytes);
        bytes -= taken;
        if (taken == wanted)
            continue;
        waiting.push_back(action->path);
        left_over += wanted - taken;
        action->in_part = true;
        action->to = action->data_from + taken; // holes count here: where they lie is not known
        action->holes = action->zeros = 0;
        action->ends_as_source = false;
    }
    if (waiting.empty())
        return;
    // Drop transfers with nothing to do now; a leading hole is still made.
    std::erase_if(plan.actions, [](const Action& action) {
        return action.transfers() && action.in_part && action.to == action.from;
    });
    const std::string path = waiting.size() == 1 ? waiting.front() : std::string();
    const std::string what =
        waiting.size() == 1 ? std::string() : std::to_string(waiting.size()) + " files: ";
    plan.failures.push_back(
        {path, what + human_bytes(left_over) + " wait for the next run (--max-bytes)", Limit::bytes});
}

} // namespace logbackup
