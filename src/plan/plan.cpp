// SPDX-License-Identifier: MIT
#include "plan/plan.hpp"

#include "plan/comparisons.hpp"
#include "plan/names.hpp"
#include "plan/renames.hpp"
#include "plan/transfers.hpp"
#include "plan/zeros.hpp"
#include "util/error.hpp"
#include "util/files.hpp"

#include <algorithm>
#include <cerrno>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace logbackup {
namespace {

class Planner {
  public:
    Planner(const Listing& source, const Listing& backup, const Content& content, Timestamp now,
            Thoroughness thoroughness, const PlanLimits& limits, const ComparisonLimits& comparisons,
            const SilentChanges& silent)
        : source_(source), content_(content), limits_(limits),
          comparisons_(content, source, backup, thoroughness, comparisons, silent),
          names_aside_(source, backup, now) {
        for (const auto& entry : backup.entries)
            backup_.emplace(entry.path, &entry);
    }

    DirectoryPlan run() {
        plan_.failures = source_.problems;
        for (const auto& entry : source_.entries)
            if (!is_stopped())
                look_at(entry);
        want_more();
        match_wanted();
        leave_what_waits();
        // Free the names first.
        for (const Entry* entry : displaced_.entries())
            if (!is_stopped() && !renames_.contains(entry->path) && !waiting_.contains(entry->path))
                displace(*entry);
        leave_what_waits();
        std::move(set_aside_.begin(), set_aside_.end(), std::back_inserter(plan_.actions));
        for (const auto& [from, to] :
             renames_in_order(renames_, [&](const std::string& path) { return names_aside_.take(path); }))
            plan_.actions.push_back({ActionKind::rename, from, to, 0, 0, 0, 0});
        for (const auto& entry : source_.entries)
            if (!is_stopped())
                act_on(entry);
        tell_what_waits();
        plan_.has_reached_limits = comparisons_.have_reached_limits();
        if (stopped_) {
            plan_.actions.clear();
            plan_.failures.push_back({"", "the run was stopped before all of it was planned"});
        }
        return std::move(plan_);
    }

    /// Returns whether files wait although no long comparison led to anything: so would the next run's.
    [[nodiscard]] bool waits_in_vain() const { return !waiting_.empty() && !has_advanced_ && !stopped_; }

  private:
    /// Checks only every 256 steps, because each check costs a system call.
    bool is_stopped() {
        if (!stopped_ && ++steps_ % 256 == 0 && limits_.is_stopped)
            stopped_ = limits_.is_stopped();
        return stopped_;
    }

    void look_at(const Entry& entry) {
        const auto found = backup_.find(entry.path);
        const Entry* saved = found == backup_.end() ? nullptr : found->second;
        switch (entry.type) {
        case FileType::regular: look_at_file(entry, saved); break;
        case FileType::link: look_at_link(entry, saved); break;
        case FileType::directory:
            if (saved != nullptr && saved->type != FileType::directory) {
                displaced_.add(entry);
                kept_.insert(entry.path); // set aside at once: the directory is needed before any rename
            }
            break;
        case FileType::fifo: plan_.skipped.push_back({entry.path, "a FIFO"}); break;
        case FileType::socket: plan_.skipped.push_back({entry.path, "a socket"}); break;
        case FileType::device: plan_.skipped.push_back({entry.path, "a device"}); break;
        }
    }

    void look_at_file(const Entry& entry, const Entry* saved) {
        ++plan_.files;
        if (saved == nullptr) {
            wanted_.push_back(&entry);
            return;
        }
        const Comparison comparison = comparisons_.with_saved(entry, *saved);
        if (was_replaced(comparison.error)) {
            // Rotated away since the listing: the next run handles it.
        } else if (comparison.error != 0) {
            plan_.failures.push_back(
                {entry.path, "cannot compare it with its backup: " + error_text(comparison.error)});
        } else if (comparison.same) {
            begun_.emplace(entry.path, saved);
        } else {
            displaced_.add(entry);
            wanted_.push_back(&entry);
            return;
        }
        kept_.insert(entry.path);
    }

    void look_at_link(const Entry& entry, const Entry* saved) {
        if (!stays_inside(entry.path, entry.target)) {
            plan_.skipped.push_back({entry.path, "a link that leads to no file: " + in_quotes(entry.target)});
            return;
        }
        if (saved != nullptr && saved->type == FileType::link && saved->target == entry.target)
            return;
        if (saved != nullptr && saved->type != FileType::link)
            displaced_.add(entry);
        links_.insert(entry.path);
    }

    /// A file of which less than half is saved under its name may have more saved under another name. So may
    /// any file that grew, if names were taken from other files.
    void want_more() {
        for (const auto& entry : source_.entries) {
            const auto begun = begun_.find(entry.path);
            if (begun != begun_.end() && begun->second->size < entry.size &&
                (begun->second->size < entry.size / 2 || !displaced_.entries().empty()))
                wanted_.push_back(&entry);
        }
    }

    /// Searches for a saved part under another name, for each file that is not saved under its own name or
    /// could be saved better.
    void match_wanted() {
        const bool any =
            std::any_of(wanted_.begin(), wanted_.end(), [](const Entry* entry) { return entry->size > 0; });
        static const Listing none;
        std::multimap<std::uint64_t, const Entry*, std::greater<>> candidates; // largest first
        for (const auto& entry : (any ? all_saved() : none).entries)
            if (entry.type == FileType::regular && entry.size > 0 && !kept_.contains(entry.path) &&
                !displaced_.is_above(entry.path))
                candidates.emplace(entry.size, &entry);
        if (any)
            comparisons_.search_in(all_saved());
        for (const auto* entry : wanted_) {
            const auto begun = begun_.find(entry->path);
            const std::uint64_t have = begun == begun_.end() ? 0 : begun->second->size;
            auto match = is_stopped() ? candidates.end() : candidates.lower_bound(entry->size + entry->zeros);
            Match found = Match::no;
            const std::size_t before = comparisons_.long_comparisons();
            while (match != candidates.end() && match->first > have) {
                found = is_saved_as(*match->second, *entry);
                if (found != Match::no)
                    break;
                match = comparisons_.may_search() ? std::next(match) : candidates.end();
            }
            if (found == Match::later) {
                wait(*entry, match->second->path);
                continue;
            }
            if (comparisons_.long_comparisons() > before)
                compared_long_.insert(entry->path);
            if (match == candidates.end() || match->first <= have)
                continue;
            if (begun != begun_.end())
                displaced_.add(*entry);
            renames_.emplace(match->second->path, entry->path);
            comes_from_.emplace(entry->path, match->second);
            begun_.insert_or_assign(entry->path, match->second);
            candidates.erase(match);
        }
    }

    /// Returns whether a saved file, whose own source moved on, holds the saved part of this one.
    [[nodiscard]] Match is_saved_as(const Entry& saved, const Entry& entry) {
        if (saved.path == entry.path)
            return Match::no;
        const Match match = comparisons_.is_prefix(saved, entry);
        const bool is_free = source_.complete || backup_.contains(saved.path) ||
                             (content_.has_gone && content_.has_gone(saved.path));
        return is_free ? match : Match::no;
    }

    /// Leaves a source for the next run, and the saved file `held` that may be its beginning.
    void wait(const Entry& entry, const std::string& held) {
        waiting_.insert(entry.path);
        held_.push_back(held);
    }

    /// A source also waits if the name that it needs is held by a file that is left as it is. Then the file
    /// that would have been renamed to it is left, too, and so on.
    void leave_what_waits() {
        while (!held_.empty()) {
            const std::string name = std::move(held_.back());
            held_.pop_back();
            const auto entry = displaced_.find(name);
            if (entry.empty())
                continue;
            waiting_.insert(entry);
            const auto from = comes_from_.find(entry);
            if (from == comes_from_.end())
                continue;
            held_.push_back(from->second->path);
            renames_.erase(from->second->path);
            comes_from_.erase(from);
            begun_.erase(entry);
        }
        const auto waits = [this](const Action& action) { return waiting_.contains(action.path); };
        std::erase_if(plan_.actions, waits);
        std::erase_if(set_aside_, waits);
    }

    void tell_what_waits() {
        has_advanced_ = std::any_of(compared_long_.begin(), compared_long_.end(),
                                    [this](std::string_view path) { return !waiting_.contains(path); });
        if (waiting_.empty())
            return;
        const std::string what = "to be compared with what is saved; the next run goes on";
        if (waiting_.size() == 1)
            plan_.failures.push_back({std::string(*waiting_.begin()), "it waits " + what, Limit::comparison});
        else
            plan_.failures.push_back(
                {"", std::to_string(waiting_.size()) + " files wait " + what, Limit::comparison});
    }

    /// Sets the saved file of this name aside, or drops it if its content is saved elsewhere.
    void displace(const Entry& entry) {
        const std::string& path = entry.path;
        const Entry* saved = regular_in_backup(path);
        const std::size_t before = comparisons_.long_comparisons();
        const auto [match, keeper] = saved == nullptr ? Keeper{} : find_keeper(*saved);
        if (match == Match::later) {
            wait(entry, path);
            return;
        }
        if (comparisons_.long_comparisons() > before)
            compared_long_.insert(path);
        if (match == Match::yes) {
            plan_.actions.push_back({ActionKind::drop, path, keeper->path, end_of(*saved), 0, 0, 0});
            return;
        }
        if (saved != nullptr)
            aside_.push_back(saved);
        set_aside_.push_back({ActionKind::set_aside, path, names_aside_.take(path), 0, 0, 0, 0});
    }

    using Keeper = std::pair<Match, const Entry*>;

    [[nodiscard]] static std::uint64_t end_of(const Entry& saved) { return saved.size + saved.zeros; }

    /// Finds a saved file that begins with all of another one, also with the zeros at its end.
    [[nodiscard]] Keeper find_keeper(const Entry& saved) {
        if (!keepers_known_)
            find_keepers();
        if (!comparisons_.may_search_among(begun_files_.size() + aside_.size() + orphans_.size()))
            return {};
        const auto successor = comes_from_.find(saved.path);
        if (successor != comes_from_.end()) {
            const Match match =
                end_of(saved) == 0 ? Match::yes : comparisons_.begins_with(successor->second->path, saved);
            if (match != Match::no)
                return {match, successor->second};
        }
        for (const auto* files : {&begun_files_, &aside_, &orphans_})
            for (const Entry* other : *files)
                if (end_of(saved) > 0 && end_of(*other) >= end_of(saved) && !is_same_file(*other, saved))
                    if (const Match match = comparisons_.begins_with(other->path, saved); match != Match::no)
                        return {match, other};
        return {};
    }

    void find_keepers() {
        keepers_known_ = true;
        for (const auto& entry : source_.entries)
            if (const auto begun = begun_.find(entry.path); begun != begun_.end())
                begun_files_.push_back(begun->second);
        for (const auto& other : all_saved().entries)
            if (other.type == FileType::regular && other.size > 0 && !kept_.contains(other.path) &&
                !renames_.contains(other.path) && !displaced_.contains(other.path) &&
                !displaced_.is_above(other.path))
                orphans_.push_back(&other);
    }

    [[nodiscard]] const Listing& all_saved() {
        if (!all_saved_) {
            all_saved_ = content_.all_saved ? content_.all_saved() : Listing{};
            leave_out_saved_zeros(*all_saved_, content_);
        }
        return *all_saved_;
    }

    /// Two names of one file do not count as two copies.
    [[nodiscard]] static bool is_same_file(const Entry& one, const Entry& other) {
        return one.inode != 0 && one.inode == other.inode;
    }

    [[nodiscard]] const Entry* regular_in_backup(const std::string& path) const {
        const auto found = backup_.find(path);
        return found == backup_.end() || found->second->type != FileType::regular ? nullptr : found->second;
    }

    /// Adds the remaining actions, once all names are correct.
    void act_on(const Entry& entry) {
        if (links_.contains(entry.path))
            plan_.actions.push_back({ActionKind::link, entry.path, entry.target, 0, 0, 0, 0});
        if (entry.type != FileType::regular || waiting_.contains(entry.path))
            return;
        const auto begun = begun_.find(entry.path);
        if (begun == begun_.end()) {
            if (!kept_.contains(entry.path)) // kept if it could not be compared
                transfer(ActionKind::create, entry, 0);
        } else if (begun->second->size < entry.size) {
            transfer(ActionKind::append, entry, begun->second->size);
        } else if ((!same_time(entry.mtime, begun->second->mtime) || has_other_end(entry, *begun->second)) &&
                   !comparisons_.only_in_part(entry.path)) {
            Action retime{ActionKind::retime, entry.path, {}, 0, 0, 0, entry.mtime};
            if (has_other_end(entry, *begun->second)) {
                retime.to = entry.size;
                retime.zeros = entry.zeros;
                retime.ends_as_source = true;
            }
            plan_.actions.push_back(std::move(retime));
        }
    }

    /// Returns whether a saved file that has all data of its source has too many or too few zeros after it.
    [[nodiscard]] static bool has_other_end(const Entry& entry, const Entry& saved) {
        return entry.zeros_proved && entry.size + entry.zeros != saved.size + saved.zeros;
    }

    void transfer(ActionKind kind, const Entry& entry, std::uint64_t from) {
        auto planned = plan_transfer(kind, entry, from, content_, limits_.file_size);
        if (planned.problem)
            plan_.failures.push_back(std::move(*planned.problem));
        if (planned.action)
            plan_.actions.push_back(std::move(*planned.action));
    }

    const Listing& source_;
    const Content& content_;
    const PlanLimits& limits_;
    Comparisons comparisons_;
    // Paths are long: leave them in the listings where possible.
    std::unordered_map<std::string_view, const Entry*> backup_;
    NamesAside names_aside_;
    std::optional<Listing> all_saved_;          ///< loaded when needed
    std::unordered_set<std::string_view> kept_; ///< saved files that must not be renamed
    Displaced displaced_;
    std::vector<const Entry*> wanted_; ///< source files to search for under other names
    std::vector<Action> set_aside_;    ///< set_aside actions for saved files that no source file continues
    /// Old to new names of saved files that are prefixes of wanted files.
    std::map<std::string, std::string> renames_;
    std::unordered_map<std::string_view, const Entry*> comes_from_; ///< renamed saved files, by new name
    std::unordered_map<std::string_view, const Entry*> begun_;      ///< saved prefixes, by the source's path
    std::unordered_set<std::string_view> waiting_;       ///< source files that the next run handles
    std::vector<std::string> held_;                      ///< names of saved files to leave as they are
    std::unordered_set<std::string_view> compared_long_; ///< source files that took long to compare
    bool has_advanced_ = false;                          ///< one of them need not be compared again
    bool keepers_known_ = false;
    std::vector<const Entry*> begun_files_;      ///< the files in begun_
    std::vector<const Entry*> aside_;            ///< saved files being set aside
    std::vector<const Entry*> orphans_;          ///< saved files without a source
    std::unordered_set<std::string_view> links_; ///< links to make
    std::size_t steps_ = 0;
    bool stopped_ = false;
    DirectoryPlan plan_;
};

/// What a run reads when nothing could go on within the limits: some files wait for each other.
constexpr std::uint64_t bytes_for_those_that_wait = 64ULL << 30U;

} // namespace

Comparison compare_windows(const Content& content, const std::string& source, const std::string& saved,
                           std::uint64_t length) {
    if (length <= 2 * window)
        return length == 0 ? Comparison{true, 0} : content.compare(source, saved, 0, length);
    const Comparison head = content.compare(source, saved, 0, window);
    return head.same ? content.compare(source, saved, length - window, window) : head;
}

DirectoryPlan plan(const Listing& source, const Listing& backup, const Content& content, Timestamp now,
                   Thoroughness thoroughness, const PlanLimits& limits) {
    const SilentChanges silent(now, limits.last_run, limits.in_memory);
    ComparisonLimits comparisons = limits.comparisons;
    const Written written =
        without_zeros(source, backup, content, silent, comparisons.bytes, thoroughness, limits.is_stopped);
    comparisons.bytes = written.budget;
    const Listing& whole = written.source ? *written.source : source;
    const Listing& saved = written.backup ? *written.backup : backup;
    Planner planner(whole, saved, content, now, thoroughness, limits, comparisons, silent);
    auto plan = planner.run();
    if (planner.waits_in_vain() && comparisons.finish_last) {
        comparisons.bytes = bytes_for_those_that_wait;
        plan = Planner(whole, saved, content, now, thoroughness, limits, comparisons, silent).run();
    }
    plan.has_reached_limits = plan.has_reached_limits || written.reached_limits;
    return plan;
}

} // namespace logbackup
