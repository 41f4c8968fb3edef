// SPDX-License-Identifier: MIT
#include "commands/commands.hpp"
#include "commands/discover.hpp"
#include "commands/holding.hpp"
#include "commands/output.hpp"
#include "commands/planning.hpp"
#include "commands/rows.hpp"
#include "commands/stages.hpp"
#include "commands/unread.hpp"
#include "config/selection.hpp"
#include "content/content.hpp"
#include "ledger/ledger.hpp"
#include "util/files.hpp"
#include "view/listing.hpp"

#include <chrono>
#include <map>
#include <set>
#include <utility>

namespace logbackup {
namespace {

/// How a log directory differs from its backup.
struct Differences {
    std::vector<Problem> wrong;  ///< what the last run should have saved
    std::vector<Problem> newer;  ///< what came after the last run
    std::vector<Problem> limits; ///< what limits leave out, and so was not compared
    std::size_t files = 0;
    std::size_t excluded = 0;
    std::uint64_t bytes = 0; ///< that were compared
};

/// Reads a plan as a list of differences.
class Reader {
  public:
    Reader(const Tree& tree, const Listing& source, const Listing& saved, Timestamp previous)
        : tree_(tree), previous_(previous) {
        for (const auto& entry : source.entries)
            source_.emplace(entry.path, &entry);
        for (const auto& entry : saved.entries)
            saved_.emplace(entry.path, &entry);
    }

    void read(DirectoryPlan plan, Differences& differences) {
        for (auto& problem : plan.failures)
            (problem.limit ? differences.limits : differences.wrong).push_back(std::move(problem));
        for (const auto& action : plan.actions)
            if (action.kind == ActionKind::rename)
                renamed_.insert(action.new_path);
        for (const auto& action : plan.actions)
            read(action, differences);
        for (const auto& [path, entry] : source_) {
            const auto kept = saved_.find(path);
            if (kept != saved_.end() && kept->second->size <= entry->size)
                differences.bytes += kept->second->size;
        }
    }

  private:
    void read(const Action& action, Differences& differences) {
        const auto tell = [&](const std::string& path, const std::string& what) {
            (is_new(path) ? differences.newer : differences.wrong).push_back({path, what});
        };
        switch (action.kind) {
        case ActionKind::create:
            if (!displaced_.contains(action.path))
                tell(action.path, "it is not in the backup");
            break;
        case ActionKind::append:
            if (!renamed_.contains(action.path))
                tell(action.path,
                     "its last " + human_bytes(action.to - action.from) + " are not in the backup");
            break;
        case ActionKind::rename: tell(action.new_path, "it was rotated"); break;
        case ActionKind::drop: // another saved file has its bytes
            if (displaced_.insert(action.path).second && !renamed_.contains(action.path))
                tell(action.path, "it was rotated");
            break;
        case ActionKind::set_aside: read_displaced(action.path, differences); break;
        case ActionKind::retime:
        case ActionKind::link: break;
        }
    }

    /// The saved file of this name is not the beginning of its source.
    void read_displaced(const std::string& path, Differences& differences) {
        const auto entry = source_.find(path);
        if (entry == source_.end() || renamed_.contains(path))
            return; // told as rotated
        displaced_.insert(path);
        const auto kept = saved_.find(path);
        const bool is_new = this->is_new(path);
        if (kept != saved_.end() && kept->second->size > entry->second->size)
            (is_new ? differences.newer : differences.wrong)
                .push_back({path, "its backup holds " + human_bytes(kept->second->size) + ", it has " +
                                      human_bytes(entry->second->size)});
        else
            differences.wrong.push_back({path, is_new
                                                   ? "its backup holds other bytes; if it was written anew "
                                                     "since the last run, the next one will set it aside"
                                                   : "its backup holds other bytes"});
    }

    /// True if the file changed after the last run began. A container can set the time of a change, but not
    /// the inode's change time.
    [[nodiscard]] bool is_new(const std::string& path) const {
        const UniqueFd file = locate_in(tree_, path);
        const auto status = file ? status_of(file.get()) : std::nullopt;
        return previous_ != Timestamp{} && (!status || time_of(status->st_ctim) >= previous_);
    }

    const Tree& tree_;
    Timestamp previous_;
    std::map<std::string, const Entry*> source_;
    std::map<std::string, const Entry*> saved_;
    std::set<std::string> renamed_;   ///< new names of files that were rotated
    std::set<std::string> displaced_; ///< names whose saved files have other bytes
};

Differences differences_of(const Session& session, Survey& survey, Job& job) {
    const UniqueFd instance =
        job.place.present_as.empty() ? UniqueFd() : open_directory(session.root.get(), job.place.present_as);
    const ListingLimits limits = session.listing_limits();
    const Listing source = list_followed(survey, job, [&](const FollowLink& follow) {
        return list_saved_first(*job.tree, limits, instance.get(), session.stop, follow);
    });
    const Listing saved = list_counterparts(instance.get(), source);
    Differences differences;
    differences.excluded = source.excluded;
    auto planned = plan(
        source, saved, content_of(*job.tree, instance.get(), session.stop, limits), session.now,
        Thoroughness::everything,
        {session.options.max_file_size, {}, [&] { return session.stop.requested(); }, job.tree->in_memory});
    differences.files = planned.files;
    // The last run may have ended since this command began.
    Reader(*job.tree, source, saved, last_complete_run(session.root.get()))
        .read(std::move(planned), differences);
    return differences;
}

void verify_job(const Session& session, Survey& survey, Job& job) {
    if (!begin_work(session, survey, job, job.place.directory))
        return;
    Work& work = *job.work;
    // A run may be working at the same time, so differences are examined twice.
    for (int attempt = 0; attempt < 2 && !session.stop.requested(); ++attempt) {
        Differences differences = differences_of(session, survey, job);
        work.source_files = differences.files;
        work.excluded = differences.excluded;
        work.done.bytes += differences.bytes;
        work.done.unsettled = std::move(differences.newer);
        for (auto& problem : differences.limits)
            add_problem(job.failures, std::move(problem));
        if (differences.wrong.empty())
            break;
        if (attempt == 1)
            for (auto& problem : differences.wrong)
                add_problem(job.failures, std::move(problem));
    }
    let_go(survey, job);
}

} // namespace

Report verify(const Session& session) {
    Stages stages;
    stages.begin("discover");
    Survey survey = discover_all(session);
    stages.begin("locate");
    locate_all(session, survey, Closed::look_at);
    stages.begin("verify");
    for (auto& job : survey.jobs)
        if (job.wanted && !session.stop.requested())
            verify_job(session, survey, job);
    judge_unread(session, survey);
    const auto ended = load_ended_records(session.root.get(), survey.problems).size();
    if (ended > 0 && !has_filter(session.options))
        survey.notices.push_back(counted(ended, "log directory", "log directories") +
                                 " of containers that are gone cannot be compared with anything");
    return report_of(session, survey, std::move(stages));
}

int run_verify(const Options& options, spdlog::logger& log) {
    StopSignal stop(options.max_duration);
    Session session{options, stop, std::chrono::system_clock::now()};
    (void)open_existing_backup(session, Access::read, warn_by(log));
    prepare(session, log);
    const Report report = verify(session);
    tell(report, options, log);
    return exit_code(report.has_failures(), stop, log);
}

} // namespace logbackup
