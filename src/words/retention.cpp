// SPDX-License-Identifier: MIT
#include "logbackup/retention.hpp"

#include "util/glob.hpp"

#include <algorithm>

namespace logbackup {

std::chrono::milliseconds keep_of(const RetentionRules& rules, const std::string& service) {
    const auto last =
        std::find_if(rules.of_services.rbegin(), rules.of_services.rend(),
                     [&](const ServiceKeep& of_service) { return matches(of_service.glob, service); });
    return last == rules.of_services.rend() ? rules.keep : last->keep;
}

std::chrono::milliseconds keep_of(const RetentionRules& rules, const Record& record) {
    auto longest = keep_of(rules, record.service);
    for (const auto& sharer : record.sharers)
        longest = std::max(longest, keep_of(rules, sharer.service));
    return longest;
}

bool has_retention(const RetentionRules& rules) {
    return rules.keep != for_ever || rules.max_size != UINT64_MAX ||
           std::any_of(rules.of_services.begin(), rules.of_services.end(),
                       [](const ServiceKeep& of_service) { return of_service.keep != for_ever; });
}

} // namespace logbackup
