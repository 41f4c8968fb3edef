// SPDX-License-Identifier: MIT
#include "assign/instance_names.hpp"

#include "util/text.hpp"

#include <algorithm>
#include <charconv>

namespace logbackup {
namespace {

constexpr unsigned long highest_number = 1'000'000'000; // only an operator makes higher ones
constexpr std::size_t longest_name = 255;               // bytes, on Linux
constexpr std::size_t longest_number = 11;              // "@" and the highest number
constexpr std::size_t longest_stem = 180;               // leaves room for a suffix that can be read

/// Returns the text, or, if it is too long, its beginning and a hash of the whole.
std::string fitting(const std::string& text, std::size_t most) {
    const std::string end = "%" + hash_text(text);
    return text.size() <= most ? text : text.substr(0, most - end.size()) + end;
}

/// Returns what precedes a number or a suffix.
std::string stem_of(const std::string& pod) {
    return fitting(pod, longest_stem);
}

} // namespace

std::string InstanceName::instance(const std::string& number) const {
    if (number.empty() && suffix.empty())
        return pod;
    const std::string stem = stem_of(pod);
    return stem + number + fitting(suffix, longest_name - longest_number - stem.size());
}

bool is_named_after(const std::string& instance, const std::string& pod) {
    const std::string stem = stem_of(pod);
    return instance == pod || instance.starts_with(stem + "@") || instance.starts_with(stem + "+");
}

ServiceDirectory& InstanceNames::of_service(const std::string& service) {
    const auto found = services_.find(service);
    return found != services_.end() ? found->second
                                    : services_.emplace(service, look_up_(service)).first->second;
}

std::string InstanceNames::next(const InstanceName& wanted) {
    unsigned long highest = 0;
    auto& there = of_service(wanted.service);
    const std::string prefix = stem_of(wanted.pod) + "@";
    auto consider = [&](const std::string& name) {
        unsigned long number = 0;
        if (!name.starts_with(prefix))
            return;
        const auto [end, error] =
            std::from_chars(name.data() + prefix.size(), name.data() + name.size(), number);
        const std::string digits(name.data() + prefix.size() - 1, end);
        if (error == std::errc() && number < highest_number && name == wanted.instance(digits))
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

} // namespace logbackup
