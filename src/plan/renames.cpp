// SPDX-License-Identifier: MIT
#include "plan/renames.hpp"

#include "util/files.hpp"

#include <set>

namespace logbackup {
namespace {

constexpr std::size_t longest_name = 255;  // NAME_MAX
constexpr std::size_t longest_suffix = 24; // "~20261122T145512Z" and a number that tells two apart

} // namespace

bool stays_inside(const std::string& path, const std::string& target) {
    if (target.empty() || target.front() == '/')
        return false;
    std::size_t above = components(path).size() - 1;
    bool went_down = false;
    for (const auto& part : components(target)) {
        if (part == ".")
            continue;
        if (part != "..") {
            went_down = true;
            continue;
        }
        // After a name, ".." is the parent of wherever that name leads, and the name may be a link.
        if (went_down || above == 0)
            return false;
        --above;
    }
    return true;
}

std::string aside_name(const std::string& path, Timestamp now) {
    return joined(parent_path(path), base_name(path).substr(0, longest_name - longest_suffix)) + "~" +
           compact_time(now);
}

std::vector<std::pair<std::string, std::string>>
renames_in_order(const std::map<std::string, std::string>& renames,
                 const std::function<std::string(const std::string&)>& name_aside) {
    std::vector<std::pair<std::string, std::string>> ordered;
    std::set<std::string> done;
    for (const auto& [first, target] : renames) {
        if (done.contains(first))
            continue;
        std::vector<std::string> chain{first}; // each has the name that the one before it needs
        for (auto next = renames.find(target);
             next != renames.end() && next->first != first && !done.contains(next->first);
             next = renames.find(next->second))
            chain.push_back(next->first);
        const bool cycle = renames.at(chain.back()) == first;
        const std::string aside = cycle ? name_aside(first) : std::string();
        if (cycle)
            ordered.emplace_back(first, aside);
        for (auto from = chain.rbegin(); from != chain.rend(); ++from)
            ordered.emplace_back(cycle && *from == first ? aside : *from, renames.at(*from));
        done.insert(chain.begin(), chain.end());
    }
    return ordered;
}

} // namespace logbackup
