// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/listing.hpp"
#include "logbackup/plan.hpp"
#include "plan/renames.hpp"
#include "util/text.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace logbackup {

/// The result of comparing a range of bytes; `error` is an errno value if one side could not be read.
struct Comparison {
    bool same = false;
    int error = 0;
    std::uint64_t bytes = 0; ///< how many bytes were read of each side: few if they differ soon
};

/// Callbacks that give the planner access to content. Source paths are relative to the log directory, saved
/// paths to the instance directory.
struct Content {
    /// Compares `length` bytes from `offset` of a source file with the same range of a saved file.
    std::function<Comparison(const std::string& source, const std::string& saved, std::uint64_t offset,
                             std::uint64_t length)>
        compare;
    /// Returns the offset of the source's first data at or after `offset`; the source's size if only a hole
    /// follows.
    std::function<std::uint64_t(const std::string& source, std::uint64_t offset)> next_data;
    /// Lists everything in the instance directory. Called only if a source file has no similar file saved
    /// under its name.
    std::function<Listing()> all_saved = {};
    /// Compares the first `length` bytes of two saved files.
    std::function<Comparison(const std::string& saved, const std::string& other, std::uint64_t length)>
        compare_saved = {};
    /// Returns whether a source file is certainly gone. Called only if the source's listing is incomplete.
    std::function<bool(const std::string& source)> has_gone = {};
    /// Returns the offset after the last byte of a source in a range that is not zero; the begin of the range
    /// if all bytes are zeros. Takes what it reads from `budget`; returns a lower offset if that is too
    /// little, and then leaves 0 of it.
    std::function<std::uint64_t(const std::string& source, std::uint64_t begin, std::uint64_t end,
                                std::uint64_t& budget)>
        data_end = {};
    /// Like data_end(), of all of a saved file of `size` bytes; `size` if it cannot be read.
    std::function<std::uint64_t(const std::string& saved, std::uint64_t size)> saved_data_end = {};
    /// Returns how many bytes of a range of a source are holes.
    std::function<std::uint64_t(const std::string& source, std::uint64_t begin, std::uint64_t end)> holes =
        {};
    /// Writes a saved file to the disk, and has it read from there when it is compared. After a failed write
    /// the kernel has the bytes in memory as if they were on the disk, and tells of the failure only once.
    std::function<void(const std::string& saved)> drop_cache = {};
};

/// Number of bytes compared at the head and at the end of the saved part, to prove that it is a prefix of its
/// source.
inline constexpr std::uint64_t window = 16384;

/// Number of bytes that comparisons in one instance directory may read in a run. A file larger than the
/// remaining budget whose time alone changed is compared by its windows, again in each run. A file that may
/// have another name waits for the next run if the budget is spent: nothing is saved a second time because a
/// comparison takes long.
inline constexpr std::uint64_t comparison_budget = 4ULL << 30U;

/// Limits for the comparisons of one plan.
struct ComparisonLimits {
    std::uint64_t bytes = comparison_budget;
    /// Comparisons of files with the saved parts of other files. A log directory that rewrites thousands of
    /// files each minute is saved without searching for all of them among thousands of others.
    std::int64_t searches = 20'000;
    /// A comparison that has begun may read more than is left, so each run makes progress. If nothing else
    /// can be done, all that wait are compared at once: a cycle of renames can only be made as a whole.
    bool finish_last = true;
};

struct PlanLimits {
    /// Number of bytes saved per file; holes do not count. A larger file is a problem.
    std::uint64_t file_size = UINT64_MAX;
    ComparisonLimits comparisons{};
    /// Called occasionally. After it returns true, the plan only reports that it was stopped.
    std::function<bool()> is_stopped = {};
    bool in_memory = false; ///< true: the source lies on a tmpfs, where a mapped file never changes its time
    Timestamp last_run{};   ///< when the last complete run began; zero if that is not known
};

/// Compares the head and the tail of the first `length` bytes, or all of them if they fit into two windows.
[[nodiscard]] Comparison compare_windows(const Content& content, const std::string& source,
                                         const std::string& saved, std::uint64_t length);

/// Plans one instance directory by the prefix rule: whatever the source does, every backup file stays a
/// byte-exact prefix of a file that existed. A proved prefix of its source is appended to. If the source
/// moved on (was rotated, truncated, rewritten, replaced, deleted), the backup file is compared in full. If
/// it is a prefix of a file that is not saved under its own name yet, it is renamed to that name. Otherwise,
/// if its name is needed, it is set aside as "<name>~<UTC time>"; it is dropped instead if another saved
/// file, compared in full, begins with all of its bytes: it is the copy that copytruncate made.
///
/// Pure: `backup` lists the saved files under the source's paths (list_counterparts()), `now` is the time of
/// the run. Thoroughness::everything trusts no size or time.
///
/// Zeros that a writer has set aside at the end of a source are a hole at the end of the saved file. It is no
/// part of what is saved: lines that fill the zeros take its place. See without_zeros().
///
/// If the source's listing is incomplete, a file that is not listed counts as present, unless `content` says
/// that it is gone.
[[nodiscard]] DirectoryPlan plan(const Listing& source, const Listing& backup, const Content& content,
                                 Timestamp now, Thoroughness thoroughness = Thoroughness::changes,
                                 const PlanLimits& limits = {});

} // namespace logbackup
