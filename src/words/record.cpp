// SPDX-License-Identifier: MIT
#include "logbackup/record.hpp"

#include <cstddef>
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

} // namespace logbackup
