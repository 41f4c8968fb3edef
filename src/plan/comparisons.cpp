// SPDX-License-Identifier: MIT
#include "plan/comparisons.hpp"

#include <algorithm>
#include <vector>

namespace logbackup {
namespace {

/// Limit on files examined while searching for one that begins with all of another.
constexpr std::int64_t most_looks = 20'000'000;
constexpr std::int64_t second = 1'000'000'000;

} // namespace

bool same_time(std::int64_t source, std::int64_t backup) {
    return source == backup || (backup % second == 0 && source / second == backup / second);
}

AlikeFiles::AlikeFiles(const Listing& source, const Listing& backup) {
    for (const auto* entries : {&source.entries, &backup.entries}) {
        find(*entries, 1, exact_);
        find(*entries, second, to_the_second_);
    }
}

void AlikeFiles::find(const std::vector<Entry>& entries, std::int64_t unit, std::set<Looks>& alike) const {
    std::vector<Looks> all;
    for (const auto& entry : entries)
        if (entry.type == FileType::regular && entry.size > 0)
            all.emplace_back(entry.size, entry.mtime / unit);
    std::sort(all.begin(), all.end());
    for (std::size_t i = 1; i < all.size(); ++i)
        if (all[i] == all[i - 1])
            alike.insert(alike.end(), all[i]);
}

bool AlikeFiles::is_ambiguous(const Entry& source, const Entry& saved) const {
    return saved.mtime % second == 0 ? to_the_second_.contains({source.size, source.mtime / second})
                                     : exact_.contains({source.size, source.mtime});
}

Comparisons::Comparisons(const Content& content, const Listing& source, const Listing& backup,
                         Thoroughness thoroughness, const ComparisonLimits& limits,
                         const SilentChanges& silent)
    : content_(content), alike_(source, backup), thoroughness_(thoroughness), silent_(silent),
      finish_last_(limits.finish_last), budget_(limits.bytes), searches_(limits.searches),
      looks_(most_looks) {}

Comparison Comparisons::with_saved(const Entry& entry, const Entry& saved) {
    if (saved.type != FileType::regular || saved.size > entry.size + entry.zeros)
        return {};
    // Only what certainly reached the disk has the time of its source.
    if (saved.size > 0 && !same_time(entry.mtime, saved.mtime) && content_.drop_cache &&
        (saved.size == entry.size || thoroughness_ == Thoroughness::everything))
        content_.drop_cache(entry.path);
    if (thoroughness_ == Thoroughness::everything) // without a limit: it can only be stopped
        return saved.size == 0 ? Comparison{true, 0}
                               : content_.compare(entry.path, entry.path, 0, saved.size);
    if (saved.size < entry.size)
        return compare_windows(content_, entry.path, entry.path, saved.size);
    if (!same_time(entry.mtime, saved.mtime))
        return all_or_ends(entry.path, entry.path, saved.size);
    if (silent_.may_have(entry)) { // what is saved can end in zeros that hold lines by now
        const std::uint64_t length = std::min(window, entry.size);
        if (length > 0)
            if (const auto tail = content_.compare(entry.path, entry.path, entry.size - length, length);
                !tail.same)
                return tail;
    }
    return alike_.is_ambiguous(entry, saved) ? compare_windows(content_, entry.path, entry.path, entry.size)
                                             : Comparison{true, 0};
}

Comparison Comparisons::charge(const Comparison& comparison) {
    budget_ -= std::min(budget_, comparison.bytes);
    return comparison;
}

/// Returns whether to compare a file with another one.
bool Comparisons::take_search() {
    const bool may = searches_ > 0;
    searches_ -= may ? 1 : 0;
    reached_limits_ = reached_limits_ || !may;
    return may;
}

bool Comparisons::looks_like(const Entry& saved, const Entry& entry) const {
    return thoroughness_ != Thoroughness::everything && saved.size == entry.size && entry.zeros == 0 &&
           same_time(entry.mtime, saved.mtime) && !alike_.is_ambiguous(entry, saved) && all_alike_ &&
           !all_alike_->is_ambiguous(entry, saved);
}

Match Comparisons::in_full(std::uint64_t length, const std::function<Comparison()>& compare) {
    if (budget_ == 0 || (!finish_last_ && length > budget_)) {
        reached_limits_ = true;
        return Match::later;
    }
    ++long_comparisons_;
    return charge(compare()).same ? Match::yes : Match::no;
}

Match Comparisons::is_prefix(const Entry& saved, const Entry& entry) {
    if (!take_search() || !charge(compare_windows(content_, entry.path, saved.path, saved.size)).same)
        return Match::no;
    if (saved.size <= 2 * window || looks_like(saved, entry))
        return Match::yes;
    return in_full(saved.size, [&] { return content_.compare(entry.path, saved.path, 0, saved.size); });
}

Match Comparisons::begins_with(const std::string& saved, const Entry& part) {
    const std::uint64_t length = part.size + part.zeros;
    if (!content_.compare_saved || !take_search() ||
        !charge(content_.compare_saved(part.path, saved, std::min(window, length))).same)
        return Match::no;
    if (length <= window)
        return Match::yes;
    return in_full(length, [&] { return content_.compare_saved(part.path, saved, length); });
}

bool Comparisons::may_search_among(std::size_t files) {
    looks_ -= static_cast<std::int64_t>(files);
    reached_limits_ = reached_limits_ || looks_ <= 0;
    return looks_ > 0 && may_search();
}

Comparison Comparisons::all_or_ends(const std::string& path, const std::string& saved, std::uint64_t length) {
    if (length > budget_) {
        reached_limits_ = true;
        in_part_.insert(path);
        return compare_windows(content_, path, saved, length);
    }
    return charge(content_.compare(path, saved, 0, length));
}

} // namespace logbackup
