// SPDX-License-Identifier: MIT
#pragma once

#include "logbackup/inventory.hpp"
#include "logbackup/search.hpp"
#include "util/text_table.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace logbackup {

/// Formats a line as "service/instance file:number:text", or, if it does not match, "service/instance
/// file-number-text". Escaped; of a text over 4 KiB only the beginning is shown.
[[nodiscard]] std::string found_text(const FoundLine& line, const SearchedFile& file,
                                     const Instance& instance, Colour colour);
/// Formats it as one JSON object, with all of its text.
[[nodiscard]] std::string found_json(const FoundLine& line, const SearchedFile& file,
                                     const Instance& instance);

/// The number of lines of a file, as a line of text or of JSON.
[[nodiscard]] std::string count_text(std::uint64_t lines, const SearchedFile& file, const Instance& instance);
[[nodiscard]] std::string count_json(std::uint64_t lines, const SearchedFile& file, const Instance& instance);

/// Returns what was searched: "4 log directories, 12 files, 1.2 GiB searched: 2 lines from
/// 2026-11-30T07:00:00Z".
[[nodiscard]] std::string summary(const SearchSummary& searched, const TimeWindow& window);
/// Returns the places that can have had the line and are not in the backup: one line for each reason, ten at
/// most.
[[nodiscard]] std::vector<std::string> gap_lines(const SearchSummary& searched);

} // namespace logbackup
