// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace logbackup {

enum class Colour { no, yes };

/// ECMA-48 escape sequences for colours. Each lasts until the end of its cell or line.
namespace colours {
inline constexpr const char* none = "";
inline constexpr const char* bold = "\033[1m";
inline constexpr const char* red = "\033[31m";
inline constexpr const char* green = "\033[32m";
inline constexpr const char* yellow = "\033[33m";
inline constexpr const char* dim = "\033[2m";
} // namespace colours

enum class Align { left, right };

struct TextColumn {
    const char* title = "";
    Align align = Align::left;
};

struct TextRow {
    std::vector<std::string> cells; ///< one per column, escaped
    const char* colour = colours::none;
    std::optional<std::size_t> coloured; ///< the only coloured cell; empty: the whole line is coloured
    std::string below;                   ///< lines printed after the row
};

/// Formats aligned columns under a header, one line per row. Returns "" if there are no rows.
[[nodiscard]] std::string text_table(const std::vector<TextColumn>& header, const std::vector<TextRow>& rows,
                                     Colour colour);

/// Formats a line for TextRow::below: indented, with `what` padded to the width of the longest label.
[[nodiscard]] std::string detail_line(std::string_view what, std::string_view text);

} // namespace logbackup
