// SPDX-License-Identifier: MIT
#include "commands/versions.hpp"

#include "commands/planning.hpp"
#include "content/versions.hpp"
#include "ledger/told.hpp"
#include "plan/renames.hpp"
#include "util/aside.hpp"
#include "util/error.hpp"
#include "util/files.hpp"
#include "view/view.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <utility>

namespace logbackup {
namespace {

/// Bytes that a run reads to find versions that stand in others.
constexpr std::uint64_t most_to_read = 4ULL << 30U;
constexpr std::uint64_t most_to_foresee = 1ULL << 30U; ///< the same for one log directory in a dry run
constexpr std::uint64_t least_to_read = 4U << 20U;
constexpr std::size_t most_noted = 20; ///< files of one log directory of which a run warns
/// Versions beyond --max-versions that are looked at for each file.
constexpr std::size_t most_beyond = 10;
/// So many versions of a file within this time are told, whatever it is.
constexpr std::size_t many_versions = 10;
constexpr std::chrono::minutes short_time{30};

/// A file that was set aside.
struct Version {
    std::string name;
    std::string stamp;
    unsigned number = 0;
};

/// The versions of one log directory that this run may thin.
class Thinning {
  public:
    Thinning(const Session& session, Survey& survey, Job& job, const Record& record, std::uint64_t& budget)
        : session_(session), survey_(survey), job_(job), record_(record), budget_(budget) {}

    void run() {
        each_directory(job_.work->done.displaced, [&](const Names& names) { thin(names); });
    }
    /// Finds what run() would delete after the plan is carried out.
    void foresee() {
        std::vector<std::string> displaced;
        for (const auto& action : job_.work->plan.actions)
            if (action.kind == ActionKind::set_aside)
                displaced.push_back(action.path);
        each_directory(displaced, [&](const Names& names) {
            for (const auto& [name, all] : versions_of(names))
                for (const auto& old : beyond(name, all, will_be_covered(name, all) ? 0 : names.at(name)))
                    survey_.old_versions.push_back(item_of(old));
        });
    }

    [[nodiscard]] const std::vector<std::string>& rewritten() const { return rewritten_; }
    [[nodiscard]] const std::vector<std::string>& replaced() const { return replaced_; }

  private:
    using Names = std::map<std::string, std::size_t>; ///< how often each name is set aside

    template <class See> void each_directory(const std::vector<std::string>& displaced, const See& see) {
        if (!job_.work->has_all_files || displaced.empty())
            return;
        const auto files = files_of(session_, survey_, job_);
        if (!files)
            return;
        in_source_.insert(files->begin(), files->end());
        std::map<std::string, Names> directories;
        for (const auto& path : displaced)
            ++directories[parent_path(path)][base_name(path)];
        const UniqueFd instance = open_directory(session_.root.get(), record_.directory());
        for (const auto& [directory, names] : directories) {
            directory_ = directory;
            held_ = open_directory(instance.get(), directory);
            if (held_ && !session_.stop.requested())
                see(names);
        }
    }

    /// Returns the versions of these files, the newest first.
    std::map<std::string, std::vector<Version>> versions_of(const Names& names) {
        std::map<std::string, std::vector<Version>> versions;
        for (auto& name : names_in(held_.get(), "").value_or(std::vector<std::string>())) {
            const auto aside = read_aside_name(name);
            if (!aside || in_source_.contains(path_of(name))) // what a container calls so is a log of its own
                continue;
            const std::string of(aside->of);
            if (!names.contains(of) || !is_regular(name)) // so are its directories and links
                continue;
            Version version{{}, std::string(aside->stamp), aside->number};
            version.name = std::move(name);
            versions[of].push_back(std::move(version));
        }
        for (auto& [name, all] : versions)
            std::sort(all.begin(), all.end(), [](const Version& a, const Version& b) {
                return std::tie(b.stamp, b.number) < std::tie(a.stamp, a.number);
            });
        return versions;
    }

    void thin(const Names& names) {
        for (auto& [name, all] : versions_of(names)) {
            if (session_.stop.requested())
                return;
            drop_covered(name, all, names.at(name));
            note(name, all);
            for (const auto& old : beyond(name, all, 0))
                delete_version(old);
        }
    }

    [[nodiscard]] bool is_regular(const std::string& name) const {
        const auto status = status_at(held_.get(), name);
        return status && S_ISREG(status->st_mode);
    }
    [[nodiscard]] UniqueFd open(const std::string& name) const { return open_regular(held_.get(), name); }
    /// Opens the version that followed the one at `index`.
    [[nodiscard]] UniqueFd open_next(const std::string& name, const std::vector<Version>& all,
                                     std::size_t index) const {
        return open(index == 0 ? name : all[index - 1].name);
    }
    [[nodiscard]] bool is_rewritten_at(const std::string& name, const std::vector<Version>& all,
                                       std::size_t index) const {
        const UniqueFd older = open(all[index].name);
        const UniqueFd newer = open_next(name, all, index);
        return older && newer && is_rewritten(older.get(), newer.get(), session_.stop);
    }
    [[nodiscard]] std::string path_of(const std::string& name) const { return joined(directory_, name); }

    /// Drops those of the newest `count` versions that stand in their neighbours.
    void drop_covered(const std::string& name, std::vector<Version>& all, std::size_t count) {
        for (std::size_t i = std::min(count, all.size()); i-- > 0;) {
            if (i + 1 >= all.size())
                continue;
            const UniqueFd before = open(all[i + 1].name);
            const UniqueFd version = open(all[i].name);
            const UniqueFd after = open_next(name, all, i);
            if (!before || !version || !after ||
                !is_covered(before.get(), version.get(), after.get(), budget_, session_.stop) ||
                ::fdatasync(before.get()) != 0 || ::fdatasync(after.get()) != 0)
                continue;
            const auto size = static_cast<std::uint64_t>(status_of(version.get())->st_size);
            if (::unlinkat(held_.get(), all[i].name.c_str(), 0) != 0) {
                fail(all[i].name);
                continue;
            }
            job_.work->actions.push_back({ActionKind::drop, path_of(all[i].name),
                                          path_of(i == 0 ? name : all[i - 1].name), size, 0, 0, 0});
            ++job_.work->done.dropped;
            all.erase(all.begin() + static_cast<std::ptrdiff_t>(i));
        }
    }

    /// Notes a file that somebody should know of, because much is kept of it.
    void note(const std::string& name, const std::vector<Version>& all) {
        const std::string shown = joined(record_.directory(), path_of(name));
        if (all.size() >= 2 && is_rewritten_at(name, all, 0) && is_rewritten_at(name, all, 1))
            note_in(rewritten_, shown);
        else if (all.size() >= many_versions &&
                 all[many_versions - 1].stamp >= compact_time(session_.now - short_time))
            note_in(replaced_, shown);
    }

    static void note_in(std::vector<std::string>& paths, const std::string& path) {
        if (paths.size() < most_noted)
            paths.push_back(path);
    }

    /// True if the file that is set aside next will be dropped again, see drop_covered().
    bool will_be_covered(const std::string& name, const std::vector<Version>& all) {
        const UniqueFd before = open(all.front().name);
        const UniqueFd version = open(name);
        const UniqueFd after = open_in(*job_.tree, path_of(name));
        return before && version && after &&
               is_covered(before.get(), version.get(), after.get(), budget_, session_.stop);
    }

    /// Returns the versions beyond --max-versions, when `to_come` more are there.
    [[nodiscard]] std::vector<std::string> beyond(const std::string& name, const std::vector<Version>& all,
                                                  std::size_t to_come) const {
        // A name that was shortened is that of other files too.
        if (aside_name(name, session_.now) != name + "~" + compact_time(session_.now))
            return {};
        // Without budget, versions whose bytes others hold may not have been dropped yet, and others may need
        // them.
        if (budget_ < least_to_read)
            return {};
        std::vector<std::string> old;
        const std::uint64_t most = session_.options.max_versions;
        const std::uint64_t first = most - std::min<std::uint64_t>(most, to_come);
        for (std::size_t i = first; i < all.size() && i - first < most_beyond; ++i)
            if (is_rewritten_at(name, all, i))
                old.push_back(all[i].name);
        return old;
    }

    [[nodiscard]] PruneItem item_of(const std::string& name) const {
        PruneItem item;
        item.kind = PruneKind::file;
        item.reason = PruneReason::max_versions;
        item.record = record_;
        item.path = path_of(name);
        item.files = 1;
        if (const auto status = status_at(held_.get(), name)) {
            item.ended = time_of(status->st_mtim);
            item.disk_bytes = static_cast<std::uint64_t>(status->st_blocks) * 512;
        }
        return item;
    }

    void delete_version(const std::string& name) {
        PruneItem item = item_of(name);
        if (::unlinkat(held_.get(), name.c_str(), 0) == 0)
            survey_.old_versions.push_back(std::move(item));
        else if (errno != ENOENT)
            fail(name);
    }

    void fail(const std::string& name) {
        add_problem(job_.failures, {path_of(name), "cannot remove it: " + error_text(errno)});
    }

    const Session& session_;
    Survey& survey_;
    Job& job_;
    const Record& record_;
    std::uint64_t& budget_;
    std::set<std::string> in_source_; ///< paths
    std::string directory_;           ///< path of `held_`
    UniqueFd held_;
    std::vector<std::string> rewritten_; ///< paths below the backup root
    std::vector<std::string> replaced_;
};

/// Warns of files that nobody was told of within a day.
void warn_of(const Session& session, Survey& survey, const std::vector<std::string>& paths,
             const std::string& what, const std::string& kept) {
    std::set<std::string> keys; // printable
    for (const auto& path : paths)
        keys.insert(percent_encoded(path));
    const auto told = note_told(session.root.get(), keys, session.now);
    auto to_tell = paths;
    std::erase_if(to_tell, [&](const std::string& path) { return told.contains(percent_encoded(path)); });
    if (!to_tell.empty())
        survey.warnings.push_back(what + ": " + some_of(to_tell) + "; " + kept +
                                  ". Leave out files that are not logs with --exclude");
}

} // namespace

void thin_versions(const Session& session, Survey& survey) {
    std::vector<Job*> jobs;
    for (auto& job : survey.jobs)
        if (job.record && job.work && !job.work->done.displaced.empty())
            jobs.push_back(&job);
    std::mt19937_64 chance(static_cast<std::uint64_t>(session.now.time_since_epoch().count()));
    std::shuffle(jobs.begin(), jobs.end(), chance);
    std::uint64_t left = most_to_read;
    std::vector<std::string> rewritten;
    std::vector<std::string> replaced;
    for (std::size_t i = 0; i < jobs.size() && !session.stop.requested(); ++i) {
        const std::uint64_t share = left / std::min<std::size_t>(jobs.size() - i, 4);
        std::uint64_t budget = share;
        Thinning thinning(session, survey, *jobs[i], survey.records[*jobs[i]->record], budget);
        thinning.run();
        left -= share - budget;
        rewritten.insert(rewritten.end(), thinning.rewritten().begin(), thinning.rewritten().end());
        replaced.insert(replaced.end(), thinning.replaced().begin(), thinning.replaced().end());
    }
    const auto most = session.options.max_versions;
    warn_of(session, survey, rewritten, "rewritten, not appended to",
            most == UINT64_MAX ? "each version is kept whole"
                               : "the last " + counted(most, "version") + (most == 1 ? " is" : " are") +
                                     " kept (--max-versions)");
    warn_of(session, survey, replaced, "replaced or truncated in nearly every run",
            "what was saved before is kept each time, as it can be a log that was rotated");
}

void foresee_old_versions(const Session& session, Survey& survey, Job& job) {
    if (!session.root || !job.place.known || !job.tree || !job.work)
        return;
    std::uint64_t budget = most_to_foresee;
    Thinning(session, survey, job, survey.records[*job.place.known], budget).foresee();
}

} // namespace logbackup
