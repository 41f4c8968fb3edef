// SPDX-License-Identifier: MIT
#include "assign/instance_names.hpp"

#include <algorithm>
#include <charconv>

namespace logbackup {
namespace {

bool lies_in(const std::string& path, const std::string& other) {
    return path.starts_with(other + "/");
}

constexpr unsigned long highest_number = 1'000'000'000; // only an operator makes higher ones

} // namespace

bool is_named_after(const std::string& instance, const std::string& pod) {
    const std::string top = top_of(instance);
    return top == pod || top.starts_with(pod + "@");
}

bool exclude_each_other(const std::string& one, const std::string& other) {
    return lies_in(one, other) || lies_in(other, one);
}

ServiceDirectory& InstanceNames::of_service(const std::string& service) {
    const auto found = services_.find(service);
    return found != services_.end() ? found->second
                                    : services_.emplace(service, look_up_(service)).first->second;
}

std::string InstanceNames::next(const InstanceName& wanted) {
    unsigned long highest = 0;
    const std::string prefix = wanted.pod + "@";
    auto& there = of_service(wanted.service);
    auto excludes = [&](const std::string& name) {
        const std::string below = below_of(name);
        return wanted.below.empty() || below == wanted.below ||
               (below.empty() ? is_flat(wanted.service, name) : exclude_each_other(below, wanted.below));
    };
    auto consider = [&](const std::string& name) {
        unsigned long number = 0;
        if (name.starts_with(prefix) && excludes(name) &&
            std::from_chars(name.data() + prefix.size(), name.data() + name.size(), number).ec ==
                std::errc() &&
            number < highest_number)
            highest = std::max(highest, number);
    };
    for (const auto* names : {&there.present, &there.ended, &there.live})
        for (const auto& name : *names)
            consider(name);
    for (const auto& record : live_)
        if (record.service == wanted.service)
            consider(record.instance);
    std::string name = wanted.instance("@" + std::to_string(highest + 1));
    there.live.insert(name); // taken from now on
    return name;
}

/// Returns whether the condition holds for a name that has a record or will get one in this run.
template <typename Condition>
bool InstanceNames::any_recorded(const std::string& service, Condition condition) {
    const auto& there = of_service(service);
    return std::any_of(there.live.begin(), there.live.end(), condition) ||
           std::any_of(there.ended.begin(), there.ended.end(), condition) ||
           std::any_of(live_.begin(), live_.end(), [&](const Record& record) {
               return record.service == service && condition(record.instance);
           });
}

/// Returns whether a directory next to those of other pods is itself an instance, rather than containing
/// instances.
bool InstanceNames::is_flat(const std::string& service, const std::string& top) {
    return any_recorded(service, [&](const std::string& name) { return name == top; }) ||
           (of_service(service).present.contains(top) &&
            !any_recorded(service, [&](const std::string& name) { return lies_in(name, top); }));
}

bool InstanceNames::is_blocked(const InstanceName& name) {
    const std::string plain = name.instance();
    return any_recorded(name.service,
                        [&](const std::string& other) { return exclude_each_other(plain, other); }) ||
           (!name.below.empty() && is_flat(name.service, name.pod));
}

} // namespace logbackup
