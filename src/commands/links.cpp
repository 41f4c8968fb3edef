// SPDX-License-Identifier: MIT
#include "commands/planning.hpp"

#include "locate/locate.hpp"
#include "plan/renames.hpp"
#include "util/descriptors.hpp"
#include "util/files.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace logbackup {
namespace {

/// Each link that is followed holds a descriptor.
constexpr std::size_t most_followed = 64;
constexpr std::size_t most_told = 100;

/// Returns whether a path lies below a link that was followed. With mounts the tree holds nothing else.
bool lies_below_followed(const Survey& survey, const Tree& tree, const std::string& path) {
    return survey.mounts && std::any_of(tree.mounted.begin(), tree.mounted.end(), [&](const auto& mounted) {
               return mounted.first != path && lies_in(path, mounted.first);
           });
}

std::string relative_to(const std::string& link, const std::string& path) {
    std::string target;
    for (auto levels = components(link).size(); levels > 1; --levels)
        target += "../";
    return target + path;
}

/// True if several containers have the log directory.
bool is_shared(const Job& job) {
    const auto* first = job.holders.front().wanted.container;
    return std::any_of(job.holders.begin(), job.holders.end(),
                       [&](const Holder& holder) { return holder.wanted.container != first; });
}

/// Follows links and returns where those lead that were not followed. What was is in the tree.
std::map<std::string, LinkEnd> follow(Survey& survey, Job& job, const std::vector<std::string>& links) {
    const Wanted& wanted = job.holders.front().wanted;
    auto ends = follow_links(*wanted.container, wanted.name.path, links,
                             survey.mounts ? &*survey.mounts : nullptr, *survey.host);
    std::map<std::string, LinkEnd> others;
    for (std::size_t i = 0; i < links.size(); ++i) {
        LinkEnd& end = ends[i];
        LogDirectory found;
        if (end.kind == LinkEnd::Kind::followed) {
            found.sources.push_back({SourceKind::volume, "", std::move(end.held), end.host_path});
            auto problem = survey.overlap->problem(found);
            if (problem.empty() && is_shared(job)) // nobody knows whose container it is meant for
                problem = "other containers can write here, too";
            if (!problem.empty())
                end = {LinkEnd::Kind::unread, {}, {}, std::move(problem)};
        }
        if (end.kind == LinkEnd::Kind::followed)
            job.tree->mounted.emplace_back(links[i], std::move(found.sources.front().held));
        else
            others.emplace(links[i], std::move(end));
    }
    return others;
}

} // namespace

Listing list_followed(Survey& survey, Job& job, const std::function<Listing()>& list) {
    using Kind = LinkEnd::Kind;
    Listing listing = list();
    const Tree& tree = *job.tree;
    const auto leads_out = [&](const Entry& entry) {
        return entry.type == FileType::link && !stays_inside(entry.path, entry.target);
    };
    std::vector<std::string> links;
    for (const auto& entry : listing.entries)
        if (leads_out(entry) && links.size() < most_followed &&
            !lies_below_followed(survey, tree, entry.path))
            links.push_back(entry.path);
    if (links.empty() && (!survey.mounts || tree.mounted.empty()))
        return listing;
    std::string not_tried = "more than 64 links lead out";
    if (descriptors_left() < descriptors_at_work + links.size()) {
        links.clear();
        not_tried = "there are too few descriptors (ulimit -n)";
        listing.problems.push_back({"", not_tried + " to follow its links"});
        listing.complete = false;
    }
    const auto before = tree.mounted.size();
    const auto ends = links.empty() ? std::map<std::string, LinkEnd>() : follow(survey, job, links);
    if (tree.mounted.size() > before)
        listing = list();
    for (auto& entry : listing.entries) {
        // Below a followed link the names above are others in the container.
        const bool is_below = entry.type == FileType::link && lies_below_followed(survey, tree, entry.path) &&
                              (leads_out(entry) || entry.target.find("..") != std::string::npos);
        if (!is_below && !leads_out(entry))
            continue;
        const auto end = ends.find(entry.path);
        if (is_below || end == ends.end() || end->second.kind == Kind::unread) {
            entry.target.clear(); // it is not made again
            if (listing.unread.size() >= most_told)
                continue;
            listing.unread.push_back({entry.path, is_below ? "it lies below a link that is followed"
                                                  : end == ends.end() ? not_tried
                                                                      : end->second.reason});
        } else if (end->second.kind == Kind::inside && !end->second.path.empty()) {
            entry.target = relative_to(entry.path, end->second.path);
        }
    }
    return listing;
}

} // namespace logbackup
