// SPDX-License-Identifier: MIT
#include "commands/live_files.hpp"

#include "commands/holding.hpp"
#include "commands/planning.hpp"
#include "content/content.hpp"
#include "retention/select.hpp"
#include "util/files.hpp"
#include "view/listing.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

namespace logbackup {
namespace {

/// True if the log directory is being removed or rotated at this moment. Then a missing file proves nothing.
bool has_lost_something(const Job& job, const Listing& listed) {
    const std::string& upper = job.container().upper;
    if (!upper.empty() && ::access(upper.c_str(), F_OK) != 0)
        return true;
    return !std::all_of(listed.entries.begin(), listed.entries.end(), [&](const Entry& entry) {
        return entry.type != FileType::regular || locate_in(*job.tree, entry.path).get() >= 0;
    });
}

std::vector<PruneItem> find_in(const Session& session, Survey& survey, Job& job, const Record& record) {
    if (!job.tree && !show_job(session, survey, job, record.directory()))
        return {};
    const Listing source = list_followed(survey, job, [&](const FollowLink& follow) {
        return list_tree(*job.tree, session.listing_limits(), session.stop, follow);
    });
    for (const auto& problem : source.problems)
        add_problem(job.failures, problem);
    // A file that is not listed would seem to be gone. A bare layer does not show the image's files, and a
    // directory without any file may be a volume that is not mounted.
    const bool has_files = std::any_of(source.entries.begin(), source.entries.end(),
                                       [](const Entry& entry) { return entry.type == FileType::regular; });
    if (!source.complete || !source.unread.empty() || job.tree->kind == SourceKind::upper || !has_files)
        return {};
    const Content content = content_of(*job.tree, -1, session.stop, session.listing_limits());
    const auto& left_out = job.holders.front().found.left_out;
    const auto has_gone = [&](const std::string& path) {
        const bool is_left_out = std::any_of(left_out.begin(), left_out.end(),
                                             [&](const std::string& below) { return lies_in(path, below); });
        return !is_left_out && !job.tree->leaves_out(path) && content.has_gone(path);
    };
    auto items = old_files(session.root.get(), record, session.options.retention, session.now, has_gone);
    return has_lost_something(job, source) ? std::vector<PruneItem>() : std::move(items);
}

} // namespace

std::vector<PruneItem> find_live_files(const Session& session, Survey& survey) {
    const auto failed = failed_in(survey); // a part that cannot be read would seem to be gone
    const auto any = [](const std::string&) { return true; };
    std::vector<PruneItem> items;
    for (auto& job : survey.jobs) {
        if (session.stop.requested())
            break;
        const Wanted& wanted = job.holders.front().wanted;
        if (!job.wanted || !job.place.known || job.vanished || failed.contains(id_of(wanted)))
            continue;
        const Record& record = survey.records[*job.place.known];
        if (!selects_all_of(session.options.filter, record) ||
            old_files(session.root.get(), record, session.options.retention, session.now, any).empty())
            continue;
        const bool was_let_go = job.is_let_go;
        // To be taken up again can show that a part cannot be read now.
        if (take_up(session, survey, job) && job.failures.empty() && job.holders.front().failures.empty()) {
            auto found = find_in(session, survey, job, record);
            std::move(found.begin(), found.end(), std::back_inserter(items));
        }
        if (was_let_go)
            let_go(survey, job);
    }
    return items;
}

} // namespace logbackup
