// SPDX-License-Identifier: MIT
#include "commands/survey.hpp"

#include "ledger/upkeep.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

namespace logbackup {

std::map<HolderId, std::set<Limit>> limited_in(const Survey& survey) {
    std::map<HolderId, std::set<Limit>> limited;
    const auto add = [&](const Wanted& wanted, const std::vector<Problem>& problems) {
        for (const auto& problem : problems)
            if (problem.limit)
                limited[id_of(wanted)].insert(*problem.limit);
    };
    for (const auto& left : survey.left)
        add(left.wanted, left.failures);
    for (const auto& job : survey.jobs) {
        add(job.holders.front().wanted, job.failures);
        for (const auto& holder : job.holders)
            add(holder.wanted, holder.failures);
    }
    return limited;
}

std::set<HolderId> failed_in(const Survey& survey) {
    const auto any_failed = [](const std::vector<Problem>& problems) {
        return std::any_of(problems.begin(), problems.end(),
                           [](const Problem& problem) { return !problem.limit; });
    };
    std::set<HolderId> failed;
    for (const auto& [id, reason] : survey.runtime.unreachable)
        for (const auto& record : survey.records)
            if (!is_unlisted(record, {id}))
                failed.insert({id, record.log_directory});
    for (const auto& left : survey.left)
        if (left.status == RowStatus::failed)
            failed.insert(id_of(left.wanted));
    for (const auto& job : survey.jobs)
        for (const auto& holder : job.holders)
            if (any_failed(holder.failures) || !job.place.problem.empty() ||
                (&holder == &job.holders.front() && any_failed(job.failures)))
                failed.insert(id_of(holder.wanted));
    return failed;
}

} // namespace logbackup
