// SPDX-License-Identifier: MIT
#pragma once

#include "plan/plan.hpp"
#include "plan/zeros.hpp"

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

/// Performs the comparisons of one plan. All work is bounded, whatever a container has in its log directory.
/// Beyond the bounds a file counts as different, or only its ends are compared.
class Comparisons {
  public:
    /// `content` and `source` must outlive this object.
    Comparisons(const Content& content, const Listing& source, const Listing& backup,
                Thoroughness thoroughness, const ComparisonLimits& limits, const SilentChanges& silent);

    /// Returns whether the saved part of a file is a prefix of it.
    [[nodiscard]] Comparison with_saved(const Entry& entry, const Entry& saved);
    /// Returns whether a source begins with all of a saved file.
    [[nodiscard]] bool is_prefix(const Entry& saved, const Entry& entry);
    /// Returns whether one saved file begins with all of another one.
    [[nodiscard]] bool begins_with(const std::string& saved, const Entry& part);

    /// Returns whether files may still be compared with files other than their own backup.
    [[nodiscard]] bool may_search() const { return searches_ > 0; }
    /// Like may_search(), for a search among `files` files, which count as examined.
    [[nodiscard]] bool may_search_among(std::size_t files);

    /// Returns whether the limits prevented comparisons.
    [[nodiscard]] bool have_reached_limits() const { return reached_limits_ || searches_ <= 0; }
    /// Returns whether a file was compared only in part.
    [[nodiscard]] bool only_in_part(const std::string& path) const { return in_part_.contains(path); }

  private:
    [[nodiscard]] bool may_search(std::uint64_t bytes);
    [[nodiscard]] Comparison all_or_ends(const std::string& path, const std::string& saved,
                                         std::uint64_t length);

    const Content& content_;
    AlikeFiles alike_;
    Thoroughness thoroughness_;
    SilentChanges silent_;
    std::uint64_t budget_; ///< bytes that may still be read; Thoroughness::everything has no limit for a
                           ///< file's own backup
    std::int64_t searches_;
    std::int64_t looks_;
    bool reached_limits_ = false;
    std::set<std::string> in_part_;
};

} // namespace logbackup
