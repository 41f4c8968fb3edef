// SPDX-License-Identifier: MIT
#include "logbackup/filter.hpp"

#include "util/glob.hpp"

#include <algorithm>

namespace logbackup {
namespace {

bool matches_any(const std::vector<std::string>& globs, const std::string& name) {
    return globs.empty() || std::any_of(globs.begin(), globs.end(),
                                        [&](const std::string& glob) { return matches(glob, name); });
}

bool begins_with_any(const std::vector<std::string>& prefixes, const std::string& id) {
    return prefixes.empty() || std::any_of(prefixes.begin(), prefixes.end(),
                                           [&](const std::string& prefix) { return id.starts_with(prefix); });
}

/// Compares the names that containers, records and sharers have.
template <typename T> bool names_match(const Filter& filter, const T& named) {
    return matches_any(filter.services, named.service) && matches_any(filter.pods, named.pod) &&
           matches_any(filter.namespaces, named.namespace_name);
}

bool matches_instance(const Filter& filter, const std::string& instance) {
    return matches_any(filter.instances, instance);
}

bool selects_itself(const Filter& filter, const Record& record) {
    const bool id =
        filter.containers.empty() ||
        std::any_of(record.containers.begin(), record.containers.end(),
                    [&](const std::string& one) { return begins_with_any(filter.containers, one); });
    return id && names_match(filter, record) && matches_instance(filter, record.instance);
}

} // namespace

bool has_filter(const Filter& filter) {
    return !filter.services.empty() || !filter.pods.empty() || !filter.instances.empty() ||
           !filter.namespaces.empty() || !filter.containers.empty() || !filter.coverages.empty();
}

bool selects(const Filter& filter, const Container& container) {
    const auto is_of_pod = [&](const std::string& instance) {
        return matches(instance.substr(0, instance.find_first_of("@+")), container.pod);
    };
    return begins_with_any(filter.containers, container.id) && names_match(filter, container) &&
           (filter.instances.empty() ||
            std::any_of(filter.instances.begin(), filter.instances.end(), is_of_pod));
}

bool selects(const Filter& filter, const Record& record) {
    return selects_itself(filter, record) ||
           std::any_of(record.sharers.begin(), record.sharers.end(), [&](const Sharer& sharer) {
               return begins_with_any(filter.containers, sharer.container) && names_match(filter, sharer) &&
                      matches_instance(filter, sharer.instance);
           });
}

bool selects_all_of(const Filter& filter, const Record& record) {
    return selects_itself(filter, record) &&
           std::all_of(record.sharers.begin(), record.sharers.end(), [&](const Sharer& sharer) {
               return names_match(filter, sharer) && matches_instance(filter, sharer.instance);
           });
}

} // namespace logbackup
