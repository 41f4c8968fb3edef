// SPDX-License-Identifier: MIT
#pragma once

#include "util/text.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

/// The query of "logbackup grep", and its results.
namespace logbackup {

struct TimeWindow {
    Timestamp since = Timestamp::min();
    Timestamp until = Timestamp::max(); ///< included
    [[nodiscard]] bool has_bounds() const { return since != Timestamp::min() || until != Timestamp::max(); }
    [[nodiscard]] bool has(Timestamp time) const { return since <= time && time <= until; }
};

/// Describes the lines to find, and how to show them.
struct Query {
    std::string pattern;
    bool is_fixed = false; ///< a text, not a regular expression
    bool ignores_case = false;
    std::size_t context = 0; ///< lines before and after each line that matches
    bool counts = false;     ///< show the number of lines of each file
    bool files = false;      ///< show the paths of files that have such lines
    bool print0 = false;     ///< end each path with a zero byte
};

/// A line of a file: one that matches, or one beside it.
struct FoundLine {
    std::size_t file = 0;     ///< which of the searched files
    std::uint64_t number = 0; ///< counted from 1
    std::uint64_t offset = 0; ///< of its first byte in the file as it is decompressed
    bool matches = true;
    Timestamp time{};    ///< its own, or that of the last line before it that has one; else zero
    std::string text;    ///< without the end of the line; raw bytes
    bool is_cut = false; ///< the line is longer
};

/// A file of the backup.
struct SearchedFile {
    std::size_t instance = 0; ///< which of the inventory
    std::string path;         ///< below the instance directory
    std::uint64_t size = 0;
    Timestamp modified{};
    std::uint64_t inode = 0;
    bool is_of_window = true; ///< lines without a time can be of the time window
};

/// A place that may contain the line, but could not be searched to its end.
struct Gap {
    std::string where; ///< log directory or file below the backup root, raw bytes; empty: no certain one
    std::string why;   ///< safe to print
};

struct SearchSummary {
    std::size_t directories = 0;
    std::size_t files = 0;
    std::uint64_t bytes = 0;
    std::uint64_t lines = 0;   ///< that match
    std::uint64_t outside = 0; ///< that match, but lie outside the window
    std::vector<Gap> gaps;
};

} // namespace logbackup
