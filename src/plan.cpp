// SPDX-License-Identifier: MIT
#include "logbackup/plan.hpp"

#include "logbackup/names.hpp"
#include "logbackup/util/error.hpp"
#include "logbackup/util/files.hpp"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

namespace logbackup {
namespace {

/// Of files with what is saved of others. A log directory in which thousands of files are written anew each
/// minute is saved without looking for them all among thousands of others.
constexpr std::int64_t most_comparisons = 20'000;

/// A file system can keep whole seconds only.
bool same_time(std::int64_t source, std::int64_t backup) {
    return source == backup ||
           (backup % 1'000'000'000 == 0 && source / 1'000'000'000 == backup / 1'000'000'000);
}

/// By what a file is known again: its size, and its time, as exactly as the backup's file system keeps it.
/// Files of one size can be written within one tick of the kernel's clock, and then change their names.
using Looks = std::pair<std::uint64_t, std::int64_t>;
Looks exact_looks(const Entry& entry) {
    return {entry.size, entry.mtime};
}
Looks looks_to_the_second(const Entry& entry) {
    return {entry.size, entry.mtime / 1'000'000'000};
}

class Planner {
  public:
    Planner(const Listing& source, const Listing& backup, const Content& content, Timestamp now,
            Thoroughness thoroughness)
        : source_(source), content_(content), now_(now), thoroughness_(thoroughness),
          budget_(thoroughness == Thoroughness::everything ? UINT64_MAX : comparison_budget) {
        for (const auto& entry : backup.entries)
            backup_.emplace(entry.path, &entry);
        for (const auto* entries : {&source.entries, &backup.entries}) {
            find_alike(*entries, exact_looks, alike_);
            find_alike(*entries, looks_to_the_second, alike_to_the_second_);
        }
    }

    DirectoryPlan run() {
        plan_.failures = source_.problems;
        for (const auto& entry : source_.entries)
            look_at(entry);
        want_more();
        match_wanted();
        // Names are made free first.
        for (const auto& path : displaced_)
            if (!renames_.contains(path))
                displace(path);
        plan_.actions.insert(plan_.actions.end(), set_aside_.begin(), set_aside_.end());
        for (const auto& [from, to] : renames_in_order(renames_, now_))
            plan_.actions.push_back({ActionKind::rename, from, to, 0, 0, 0, 0});
        for (const auto& entry : source_.entries)
            act_on(entry);
        return std::move(plan_);
    }

  private:
    void look_at(const Entry& entry) {
        const auto found = backup_.find(entry.path);
        const Entry* saved = found == backup_.end() ? nullptr : found->second;
        switch (entry.type) {
        case FileType::regular: look_at_file(entry, saved); break;
        case FileType::link: look_at_link(entry, saved); break;
        case FileType::directory:
            if (saved != nullptr && saved->type != FileType::directory) {
                displaced_.push_back(entry.path);
                kept_.insert(entry.path); // set aside at once: a directory is needed there before any rename
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
        const Comparison comparison = compare_with_saved(entry, *saved);
        if (comparison.error == ENOENT || comparison.error == ENXIO) {
            // Rotated away since it was listed: the next tick sees what became of it.
        } else if (comparison.error != 0) {
            plan_.failures.push_back(
                {entry.path, "cannot compare it with its backup: " + error_text(comparison.error)});
        } else if (comparison.same) {
            begun_.emplace(entry.path, *saved);
        } else {
            displaced_.push_back(entry.path);
            wanted_.push_back(&entry);
            return;
        }
        kept_.insert(entry.path);
    }

    static void find_alike(const std::vector<Entry>& entries, Looks (*looks_of)(const Entry&),
                           std::set<Looks>& alike) {
        std::set<Looks> seen;
        for (const auto& entry : entries)
            if (entry.type == FileType::regular && entry.size > 0 && !seen.insert(looks_of(entry)).second)
                alike.insert(looks_of(entry));
    }

    /// Whether another file looks like this one, too.
    [[nodiscard]] bool is_ambiguous(const Entry& entry, const Entry& saved) const {
        return saved.mtime % 1'000'000'000 == 0 ? alike_to_the_second_.contains(looks_to_the_second(entry))
                                                : alike_.contains(exact_looks(entry));
    }

    [[nodiscard]] Comparison compare_with_saved(const Entry& entry, const Entry& saved) {
        if (saved.type != FileType::regular || saved.size > entry.size)
            return {};
        const bool trusted = thoroughness_ == Thoroughness::changes;
        if (trusted && saved.size == entry.size && same_time(entry.mtime, saved.mtime))
            return is_ambiguous(entry, saved) ? compare_windows(content_, entry.path, entry.path, entry.size)
                                              : Comparison{true, 0};
        return trusted && saved.size < entry.size
                   ? compare_windows(content_, entry.path, entry.path, saved.size)
                   : compare_all(entry.path, entry.path, saved.size);
    }

    void look_at_link(const Entry& entry, const Entry* saved) {
        if (!stays_inside(entry.path, entry.target)) {
            plan_.skipped.push_back({entry.path, "a link that leads out: " + in_quotes(entry.target)});
            return;
        }
        if (saved != nullptr && saved->type == FileType::link && saved->target == entry.target)
            return;
        if (saved != nullptr && saved->type != FileType::link)
            displaced_.push_back(entry.path);
        links_.insert(entry.path);
    }

    /// A file of which little is saved under its name, or nothing, may be saved under another. So may any
    /// that grew when names were taken from other files.
    void want_more() {
        for (const auto& entry : source_.entries) {
            const auto begun = begun_.find(entry.path);
            if (begun != begun_.end() && begun->second.size < entry.size &&
                (begun->second.size < entry.size / 2 || !displaced_.empty()))
                wanted_.push_back(&entry);
        }
    }

    /// For each file that is not saved under its name, or could be saved better, looks for what is saved of
    /// it under another.
    void match_wanted() {
        const bool any =
            std::any_of(wanted_.begin(), wanted_.end(), [](const Entry* entry) { return entry->size > 0; });
        static const Listing none;
        std::vector<const Entry*> candidates;
        for (const auto& entry : (any ? all_saved() : none).entries)
            if (entry.type == FileType::regular && entry.size > 0 && !kept_.contains(entry.path) &&
                !lies_below_displaced(entry.path))
                candidates.push_back(&entry);
        std::stable_sort(candidates.begin(), candidates.end(),
                         [](const Entry* a, const Entry* b) { return a->size > b->size; });
        for (const auto* entry : wanted_) {
            const auto begun = begun_.find(entry->path);
            const std::uint64_t have = begun == begun_.end() ? 0 : begun->second.size;
            const auto match =
                std::find_if(candidates.begin(), candidates.end(), [&](const Entry* candidate) {
                    return candidate->size <= entry->size && candidate->size > have &&
                           candidate->path != entry->path && is_prefix(*candidate, *entry);
                });
            if (match == candidates.end())
                continue;
            if (begun != begun_.end())
                displaced_.push_back(entry->path);
            renames_.emplace((*match)->path, entry->path);
            begun_.insert_or_assign(entry->path, **match);
            candidates.erase(match);
        }
    }

    [[nodiscard]] bool is_prefix(const Entry& saved, const Entry& entry) {
        return saved.size <= budget_ && comparisons_-- > 0 &&
               compare_windows(content_, entry.path, saved.path, saved.size).same &&
               compare_all(entry.path, saved.path, saved.size).same;
    }

    /// Every byte, as far as the budget for reading goes; beyond it only the windows.
    [[nodiscard]] Comparison compare_all(const std::string& source, const std::string& saved,
                                         std::uint64_t length) {
        if (length > budget_)
            return compare_windows(content_, source, saved, length);
        budget_ -= length;
        return content_.compare(source, saved, 0, length);
    }

    /// Sets a saved file aside, unless what it holds is saved elsewhere.
    void displace(const std::string& path) {
        const Entry* saved = regular_in_backup(path);
        const auto keeper = saved == nullptr ? std::string() : find_keeper(*saved);
        if (!keeper.empty()) {
            plan_.actions.push_back({ActionKind::drop, path, keeper, saved->size, 0, 0, 0});
            return;
        }
        set_aside_.push_back({ActionKind::set_aside, path, aside_name(path, now_), 0, 0, 0, 0});
    }

    /// The path of a saved file that begins with all of another one.
    [[nodiscard]] std::string find_keeper(const Entry& saved) {
        for (const auto& [from, to] : renames_)
            if (to == saved.path && (saved.size == 0 || begins_with(from, saved)))
                return from;
        for (const auto& entry : source_.entries) {
            const auto begun = begun_.find(entry.path);
            if (saved.size > 0 && begun != begun_.end() && begun->second.size >= saved.size &&
                !is_same_file(begun->second, saved) && begins_with(begun->second.path, saved))
                return begun->second.path;
        }
        for (const auto& other : set_aside_)
            if (const Entry* kept = regular_in_backup(other.path);
                kept != nullptr && kept->size >= saved.size && saved.size > 0 &&
                !is_same_file(*kept, saved) && begins_with(kept->path, saved))
                return kept->path;
        for (const auto& other : all_saved().entries) // what has no source any longer
            if (saved.size > 0 && other.type == FileType::regular && other.size >= saved.size &&
                !kept_.contains(other.path) && !renames_.contains(other.path) &&
                !is_same_file(other, saved) &&
                std::find(displaced_.begin(), displaced_.end(), other.path) == displaced_.end() &&
                !lies_below_displaced(other.path) && begins_with(other.path, saved))
                return other.path;
        return {};
    }

    [[nodiscard]] const Listing& all_saved() {
        if (!all_saved_)
            all_saved_ = content_.all_saved ? content_.all_saved() : Listing{};
        return *all_saved_;
    }

    /// Two names of one file are no two copies.
    [[nodiscard]] static bool is_same_file(const Entry& one, const Entry& other) {
        return one.inode != 0 && one.inode == other.inode;
    }

    [[nodiscard]] const Entry* regular_in_backup(const std::string& path) const {
        const auto found = backup_.find(path);
        return found == backup_.end() || found->second->type != FileType::regular ? nullptr : found->second;
    }

    [[nodiscard]] bool begins_with(const std::string& saved, const Entry& part) {
        if (!content_.compare_saved || part.size > budget_ || comparisons_-- <= 0 ||
            !content_.compare_saved(part.path, saved, std::min(window, part.size)).same)
            return false;
        budget_ -= part.size;
        return content_.compare_saved(part.path, saved, part.size).same;
    }

    /// A directory that is set aside takes with it what is in it.
    [[nodiscard]] bool lies_below_displaced(const std::string& path) const {
        return std::any_of(displaced_.begin(), displaced_.end(), [&](const std::string& above) {
            return path.size() > above.size() && path.starts_with(above) && path[above.size()] == '/';
        });
    }

    /// What there is to do once all names are as they should be.
    void act_on(const Entry& entry) {
        if (links_.contains(entry.path))
            plan_.actions.push_back({ActionKind::link, entry.path, entry.target, 0, 0, 0, 0});
        if (entry.type != FileType::regular)
            return;
        const auto begun = begun_.find(entry.path);
        if (begun == begun_.end()) {
            if (!kept_.contains(entry.path)) // it is when it could not be compared
                transfer(ActionKind::create, entry, 0);
        } else if (begun->second.size < entry.size) {
            transfer(ActionKind::append, entry, begun->second.size);
        } else if (!same_time(entry.mtime, begun->second.mtime) && entry.size <= comparison_budget) {
            plan_.actions.push_back({ActionKind::retime, entry.path, {}, 0, 0, 0, entry.mtime});
        }
    }

    void transfer(ActionKind kind, const Entry& entry, std::uint64_t from) {
        const bool has_holes = entry.allocated < entry.size;
        const std::uint64_t data_from =
            has_holes ? std::clamp(content_.next_data(entry.path, from), from, entry.size) : from;
        plan_.actions.push_back(
            {kind, entry.path, {}, from, data_from, entry.size, entry.mtime, entry.inode});
    }

    const Listing& source_;
    const Content& content_;
    Timestamp now_;
    Thoroughness thoroughness_;
    std::int64_t comparisons_ = most_comparisons; ///< of one file with another that may yet be made
    std::uint64_t budget_;                        ///< bytes that may be read yet
    std::unordered_map<std::string, const Entry*> backup_;
    std::set<Looks> alike_; ///< looks that several files have
    std::set<Looks> alike_to_the_second_;
    std::optional<Listing> all_saved_;             ///< once it is needed
    std::set<std::string> kept_;                   ///< saved files that are not to be renamed
    std::vector<std::string> displaced_;           ///< what is saved under names that something else needs
    std::vector<const Entry*> wanted_;             ///< source files that have no part saved under their names
    std::vector<Action> set_aside_;                ///< what becomes of those that nothing needs
    std::map<std::string, std::string> renames_;   ///< saved files that are prefixes of such, and those names
    std::unordered_map<std::string, Entry> begun_; ///< by the source's path: a saved prefix of it
    std::set<std::string> links_;                  ///< links to be made
    DirectoryPlan plan_;
};

} // namespace

Comparison compare_windows(const Content& content, const std::string& source, const std::string& saved,
                           std::uint64_t length) {
    if (length <= 2 * window)
        return length == 0 ? Comparison{true, 0} : content.compare(source, saved, 0, length);
    const Comparison head = content.compare(source, saved, 0, window);
    return head.same ? content.compare(source, saved, length - window, window) : head;
}

DirectoryPlan plan(const Listing& source, const Listing& backup, const Content& content, Timestamp now,
                   Thoroughness thoroughness) {
    return Planner(source, backup, content, now, thoroughness).run();
}

} // namespace logbackup
