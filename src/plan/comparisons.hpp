// SPDX-License-Identifier: MIT
#pragma once

#include "plan/plan.hpp"
#include "plan/zeros.hpp"

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace logbackup {

/// Compares modification times; tolerates a backup file system that keeps only whole seconds.
[[nodiscard]] bool same_time(std::int64_t source, std::int64_t backup);

/// Identifies a file by size and mtime, as precisely as the backup's file system stores it. Several files of
/// one size can be written within one tick of the kernel's clock, and then swap their names.
class AlikeFiles {
  public:
    AlikeFiles(const Listing& source, const Listing& backup);
    /// Returns whether another file has the same size and mtime.
    [[nodiscard]] bool is_ambiguous(const Entry& source, const Entry& saved) const;

  private:
    using Looks = std::pair<std::uint64_t, std::int64_t>;
    void find(const std::vector<Entry>& entries, std::int64_t unit, std::set<Looks>& alike) const;
    std::set<Looks> exact_; ///< size and mtime pairs that several files share
    std::set<Looks> to_the_second_;
};

/// The result of comparing a saved file with the file that is sought.
enum class Match {
    no,
    yes,
    later, ///< comparing it takes too long for this run
};

/// Performs the comparisons of one plan. All work is bounded, whatever a container has in its log directory.
/// Beyond the bounds a file counts as different, or only its ends are compared.
class Comparisons {
  public:
    /// `content` and `source` must outlive this object.
    Comparisons(const Content& content, const Listing& source, const Listing& backup,
                Thoroughness thoroughness, const ComparisonLimits& limits, const SilentChanges& silent);

    /// Returns whether the saved part of a file is a prefix of it.
    [[nodiscard]] Comparison with_saved(const Entry& entry, const Entry& saved);
    /// Returns whether a source begins with all of a saved file. One of the same size and time, which no
    /// other file has, is compared by its windows: that is trusted of a file that keeps its name, too.
    [[nodiscard]] Match is_prefix(const Entry& saved, const Entry& entry);
    /// Returns whether one saved file begins with all of another one, also with the zeros at its end.
    [[nodiscard]] Match begins_with(const std::string& saved, const Entry& part);
    /// Tells of all saved files, among which is_prefix() is asked for one.
    void search_in(const Listing& all_saved) { all_alike_.emplace(Listing{}, all_saved); }
    /// Returns how many long comparisons of these were made.
    [[nodiscard]] std::size_t long_comparisons() const { return long_comparisons_; }

    /// Returns whether files may still be compared with files other than their own backup.
    [[nodiscard]] bool may_search() const { return searches_ > 0; }
    /// Like may_search(), for a search among `files` files, which count as examined.
    [[nodiscard]] bool may_search_among(std::size_t files);

    /// Returns whether the limits prevented comparisons.
    [[nodiscard]] bool have_reached_limits() const { return reached_limits_ || searches_ <= 0; }
    /// Returns whether a file was compared only in part.
    [[nodiscard]] bool only_in_part(const std::string& path) const { return in_part_.contains(path); }

  private:
    [[nodiscard]] bool take_search();
    [[nodiscard]] bool looks_like(const Entry& saved, const Entry& entry) const;
    [[nodiscard]] Comparison charge(const Comparison& comparison);
    [[nodiscard]] Match in_full(std::uint64_t length, const std::function<Comparison()>& compare);
    [[nodiscard]] Comparison all_or_ends(const std::string& path, const std::string& saved,
                                         std::uint64_t length);

    const Content& content_;
    AlikeFiles alike_;
    std::optional<AlikeFiles> all_alike_; ///< of all saved files
    Thoroughness thoroughness_;
    SilentChanges silent_;
    bool finish_last_;
    std::uint64_t budget_; ///< bytes that may still be read; Thoroughness::everything has no limit for a
                           ///< file's own backup
    std::int64_t searches_;
    std::int64_t looks_;
    std::size_t long_comparisons_ = 0;
    bool reached_limits_ = false;
    std::set<std::string> in_part_;
};

} // namespace logbackup
