// SPDX-License-Identifier: MIT
#include "commands/planning.hpp"

#include "locate/locate.hpp"
#include "plan/renames.hpp"
#include "util/descriptors.hpp"
#include "util/files.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace logbackup {
namespace {

/// Links that are tried for one listing. Each one that is followed holds a descriptor.
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

/// Follows the links of one listing.
class Links {
  public:
    Links(Survey& survey, Job& job)
        : survey_(survey), job_(job), tried_(survey.mounts ? job.tree->mounted.size() : 0) {}

    /// See FollowLink.
    bool follow(const Entry& link) {
        if (stays_inside(link.path, link.target) || lies_below_followed(survey_, *job_.tree, link.path) ||
            tried_ >= most_followed || !has_room())
            return false;
        ++tried_;
        const auto key = std::pair(link.path, link.target);
        if (job_.link_ends.contains(key))
            return false;
        LinkEnd end = end_of(link.path);
        if (end.kind == LinkEnd::Kind::followed) {
            job_.tree->in_memory = job_.tree->in_memory || lies_in_memory(end.held.get());
            job_.tree->mounted.emplace_back(link.path, std::move(end.held));
        } else {
            job_.link_ends.emplace(key, LinkEnd{end.kind, {}, std::move(end.path), std::move(end.reason)});
        }
        return job_.tree->mounted_at(link.path) != nullptr;
    }

    /// Why links were not tried; empty if there were descriptors for them.
    [[nodiscard]] const std::string& no_room() const { return no_room_; }

  private:
    bool has_room() {
        if (!room_) {
            const std::size_t left = descriptors_left();
            room_ = left - std::min(left, descriptors_at_work);
        }
        if (*room_ == 0)
            no_room_ = "there are too few descriptors (ulimit -n)";
        else
            --*room_;
        return no_room_.empty();
    }

    LinkEnd end_of(const std::string& link) {
        const Wanted& wanted = job_.holders.front().wanted;
        if (!follower_)
            follower_ = link_follower(*wanted.container, wanted.name.path,
                                      survey_.mounts ? &*survey_.mounts : nullptr, *survey_.host);
        LinkEnd end = follower_(link);
        if (end.kind != LinkEnd::Kind::followed)
            return end;
        LogDirectory found;
        found.sources.push_back({SourceKind::volume, "", std::move(end.held), end.host_path});
        auto problem = survey_.overlap->problem(found);
        if (problem.empty() && is_shared(job_)) // nobody knows whose container it is meant for
            problem = "other containers can write here, too";
        if (!problem.empty())
            return {LinkEnd::Kind::unread, {}, {}, std::move(problem)};
        end.held = std::move(found.sources.front().held);
        return end;
    }

    Survey& survey_;
    Job& job_;
    std::size_t tried_;
    std::optional<std::size_t> room_; ///< descriptors for links that are followed
    std::string no_room_;
    FollowInContainer follower_;
};

} // namespace

Listing list_followed(Survey& survey, Job& job,
                      const std::function<Listing(const FollowLink& follow)>& list) {
    using Kind = LinkEnd::Kind;
    Links links(survey, job);
    Listing listing = list([&](const Entry& link) { return links.follow(link); });
    if (!links.no_room().empty()) {
        listing.problems.push_back({"", links.no_room() + " to follow its links"});
        listing.complete = false;
    }
    const std::string not_tried = links.no_room().empty() ? "more than 64 links lead out" : links.no_room();
    for (auto& entry : listing.entries) {
        if (entry.type != FileType::link)
            continue;
        const bool leads_out = !stays_inside(entry.path, entry.target);
        // Below a followed link the names above are others in the container.
        const bool is_below = lies_below_followed(survey, *job.tree, entry.path) &&
                              (leads_out || entry.target.find("..") != std::string::npos);
        if (!is_below && !leads_out)
            continue;
        const auto end = job.link_ends.find({entry.path, entry.target});
        if (is_below || end == job.link_ends.end() || end->second.kind == Kind::unread) {
            entry.target.clear(); // it is not made again
            if (listing.unread.size() >= most_told)
                continue;
            listing.unread.push_back({entry.path, is_below ? "it lies below a link that is followed"
                                                  : end == job.link_ends.end() ? not_tried
                                                                               : end->second.reason});
        } else if (end->second.kind == Kind::inside && !end->second.path.empty()) {
            entry.target = relative_to(entry.path, end->second.path);
        }
    }
    return listing;
}

} // namespace logbackup
