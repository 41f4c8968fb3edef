// SPDX-License-Identifier: MIT
#include "logbackup/record.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

namespace logbackup {

std::string_view name_of(Coverage coverage) {
    switch (coverage) {
    case Coverage::live: return "live";
    case Coverage::complete: return "complete";
    case Coverage::cut: return "cut";
    case Coverage::missed: break;
    }
    return "missed";
}

void note_places(Record& record, const std::vector<std::map<std::string, std::string>>& places) {
    static constexpr std::size_t room = 64U << 10U;
    auto noted = record.seen_places;
    for (const auto& of_container : places)
        for (const auto& [path, place] : of_container)
            noted[path] = place;
    std::size_t size = 0;
    for (const auto& [path, place] : noted)
        size += path.size() + place.size();
    if (size > room) {
        noted.clear();
        size = 0;
        for (const auto& of_container : places)
            for (const auto& [path, place] : of_container)
                if (size + path.size() + place.size() <= room && noted.try_emplace(path, place).second)
                    size += path.size() + place.size();
    }
    record.seen_places = std::move(noted);
}

namespace {

bool has_same_names(const Sharer& one, const Sharer& other) {
    return one.service == other.service && one.instance == other.instance &&
           one.namespace_name == other.namespace_name;
}

/// Returns whether the record's directory has the sharer's names, with or without a number and a suffix.
bool is_own(const Record& record, const Sharer& sharer) {
    return record.service == sharer.service && record.namespace_name == sharer.namespace_name &&
           record.instance.substr(0, record.instance.find_first_of("@+")) == sharer.pod;
}

} // namespace

void note_sharers(Record& record, const std::vector<Sharer>& present) {
    static constexpr std::size_t most = 50; // a host path can outlive thousands of pods
    auto& sharers = record.sharers;
    const auto find_in = [](auto& list, const Sharer& wanted) {
        return std::find_if(list.begin(), list.end(),
                            [&](const Sharer& one) { return has_same_names(one, wanted); });
    };
    for (const auto& sharer : present) {
        const auto known = find_in(sharers, sharer);
        if (known != sharers.end())
            known->container = sharer.container;
        else
            sharers.push_back(sharer);
    }
    std::erase_if(sharers, [&](const Sharer& sharer) { return is_own(record, sharer); });
    for (auto one = sharers.begin(); one != sharers.end() && sharers.size() > most;)
        one = find_in(present, *one) == present.end() ? sharers.erase(one) : std::next(one);
    if (sharers.size() > most)
        sharers.resize(most);
}

} // namespace logbackup
