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

/// The result of comparing a range of bytes; `error` is an errno value when one side could not be read.
struct Comparison {
    bool same = false;
    int error = 0;
};

/// How the planner looks at content. Source paths are relative to the log directory, saved ones to the
/// instance directory.
struct Content {
    /// Compares `length` bytes from `offset` of a source file with the same range of a saved file.
    std::function<Comparison(const std::string& source, const std::string& saved, std::uint64_t offset,
                             std::uint64_t length)>
        compare;
    /// The offset of the source's first data at or after `offset`; the source's size when only a hole
    /// follows.
    std::function<std::uint64_t(const std::string& source, std::uint64_t offset)> next_data;
    /// Everything in the instance directory. Asked for only when a file stands where none like it is saved.
    std::function<Listing()> all_saved = {};
    /// Compares the first `length` bytes of two saved files.
    std::function<Comparison(const std::string& saved, const std::string& other, std::uint64_t length)>
        compare_saved = {};
    /// Whether a source file is surely not there any longer. Asked for only when the source's listing is not
    /// complete.
    std::function<bool(const std::string& source)> has_gone = {};
};

/// Bytes compared at the head and at the end of what is saved, to prove that it is a prefix of its source.
inline constexpr std::uint64_t window = 16384;

/// Bytes that one instance directory's full comparisons may read in a tick. A file that only its time tells
/// to have changed, and that is larger than what is left, is compared by its windows, again at each tick.
/// Thoroughness::everything may read as many again, and goes on at the next tick.
inline constexpr std::uint64_t comparison_budget = 4ULL << 30U;

/// What one plan may compare.
struct ComparisonLimits {
    std::uint64_t bytes = comparison_budget;
    /// Of files with what is saved of others. A log directory in which thousands of files are written anew
    /// each minute is saved without looking for them all among thousands of others.
    std::int64_t searches = 20'000;
};

struct PlanLimits {
    /// Bytes that are saved of one file; a hole at its beginning does not count. A larger one is a failure.
    std::uint64_t file_size = UINT64_MAX;
    ComparedTo compared_to{}; ///< by Thoroughness::everything at earlier ticks
    ComparisonLimits comparisons{};
    /// Asked every now and then: once it says yes there is nothing to do but to report that.
    std::function<bool()> is_stopped = {};
};

/// Compares the head and the tail of the first `length` bytes; all of them when they are no more than two
/// windows.
[[nodiscard]] Comparison compare_windows(const Content& content, const std::string& source,
                                         const std::string& saved, std::uint64_t length);

/// Plans one instance directory by the prefix rule: whatever the source does, every backup file stays a
/// byte-exact prefix of a file that existed. It is appended to when it is a proved prefix of its source. When
/// its source moved on (was rotated, truncated, rewritten, replaced, deleted) and it is, compared in full, a
/// prefix of a file that is not saved under its own name yet, it is renamed to that; else it is set aside as
/// "<name>~<UTC time>" if its name is needed, or dropped where another saved file, compared in full, begins
/// with all of its bytes: the copy that copytruncate made.
///
/// Pure: `backup` lists what stands under the source's paths (list_counterparts()), `now` is the tick's time.
/// With Thoroughness::everything no size or time is trusted.
///
/// Where the source's listing is not complete a file that is not listed counts as there, unless content says
/// that it has gone.
[[nodiscard]] DirectoryPlan plan(const Listing& source, const Listing& backup, const Content& content,
                                 Timestamp now, Thoroughness thoroughness = Thoroughness::changes,
                                 const PlanLimits& limits = {});

} // namespace logbackup
