// SPDX-License-Identifier: MIT
#include "plan/names.hpp"

#include "plan/renames.hpp"

namespace logbackup {

NamesAside::NamesAside(const Listing& source, const Listing& backup, Timestamp now) : now_(now) {
    for (const auto* listing : {&source, &backup})
        for (const auto& entry : listing->entries)
            if (entry.path.find('~') != std::string::npos)
                taken_.insert(entry.path);
}

std::string NamesAside::take(const std::string& path) {
    const std::string name = aside_name(path, now_);
    std::string free = name;
    if (!taken_.insert(free).second)
        // Continue from the last number: all names that begin with the same 231 bytes share this counter.
        for (int& last = last_number_[name]; !taken_.insert(free).second;)
            free = name + "." + std::to_string(++last);
    return free;
}

void Displaced::add(const Entry& entry) {
    entries_.push_back(&entry);
    paths_.insert(entry.path);
}

bool Displaced::is_above(std::string_view path) {
    const auto slash = path.rfind('/');
    if (entries_.empty() || slash == std::string_view::npos)
        return false;
    const auto parent = path.substr(0, slash);
    if (const auto known = below_.find(parent); known != below_.end())
        return known->second;
    const bool lies = paths_.contains(parent) || is_above(parent);
    below_.emplace(parent, lies);
    return lies;
}

std::string_view Displaced::find(std::string_view path) const {
    const auto found = paths_.find(path);
    return found == paths_.end() ? std::string_view() : *found;
}

} // namespace logbackup
