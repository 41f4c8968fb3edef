// SPDX-License-Identifier: MIT
#pragma once

#include "plan/plan.hpp"

#include <optional>
#include <set>
#include <string>
#include <utility>

namespace logbackup {

/// A file system can keep whole seconds only.
[[nodiscard]] bool same_time(std::int64_t source, std::int64_t backup);

/// By what a file is known again: its size and its time, as exactly as the backup's file system keeps it.
/// Files of one size can be written within one tick of the kernel's clock, and then change their names.
class AlikeFiles {
  public:
    AlikeFiles(const Listing& source, const Listing& backup);
    /// Whether another file looks like this one, too.
    [[nodiscard]] bool is_ambiguous(const Entry& source, const Entry& saved) const;

  private:
    using Looks = std::pair<std::uint64_t, std::int64_t>;
    void find(const std::vector<Entry>& entries, std::int64_t unit, std::set<Looks>& alike) const;
    std::set<Looks> exact_; ///< looks that several files have
    std::set<Looks> to_the_second_;
};

/// What one plan compares. All of it is bounded, whatever a container has in its log directory; where the
/// bounds are reached, a file counts as another, or only its ends are compared.
class Comparisons {
  public:
    /// `content` and `source` stay the caller's.
    Comparisons(const Content& content, const Listing& source, const Listing& backup,
                Thoroughness thoroughness, ComparedTo from, const ComparisonLimits& limits);

    /// Whether what is saved of a file is a prefix of it. To be called in the order of the listing.
    [[nodiscard]] Comparison with_saved(const Entry& entry, const Entry& saved);
    /// Whether all of a saved file is the beginning of a source.
    [[nodiscard]] bool is_prefix(const Entry& saved, const Entry& entry);
    /// Whether one saved file begins with all of another one.
    [[nodiscard]] bool begins_with(const std::string& saved, const Entry& part);

    /// Whether files may still be compared with others than their own backup.
    [[nodiscard]] bool may_search() const { return searches_ > 0; }
    /// The same, for a search among so many, which are taken as looked at.
    [[nodiscard]] bool may_search_among(std::size_t files);

    /// Whether there would have been more to compare.
    [[nodiscard]] bool have_reached_limits() const { return reached_limits_ || searches_ <= 0; }
    /// Whether less than all of it could be compared.
    [[nodiscard]] bool only_in_part(const std::string& path) const { return in_part_.contains(path); }
    /// With Thoroughness::everything: up to where it came; nothing when all was compared.
    [[nodiscard]] const std::optional<ComparedTo>& ended_at() const { return ended_at_; }

  private:
    [[nodiscard]] bool may_search(std::uint64_t bytes);
    [[nodiscard]] bool is_its_turn(const Entry& entry);
    [[nodiscard]] Comparison go_on(const Entry& entry, std::uint64_t length);
    [[nodiscard]] Comparison all_or_ends(const std::string& path, const std::string& saved,
                                         std::uint64_t length);

    const Content& content_;
    AlikeFiles alike_;
    Thoroughness thoroughness_;
    ComparedTo from_;
    bool reached_; ///< what from_ names
    std::optional<ComparedTo> ended_at_;
    std::uint64_t pass_budget_; ///< bytes that Thoroughness::everything may read yet
    std::uint64_t budget_;      ///< bytes that all else may read yet
    std::int64_t searches_;
    std::int64_t looks_;
    bool reached_limits_ = false;
    std::set<std::string> in_part_;
};

} // namespace logbackup
