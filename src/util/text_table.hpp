// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace logbackup {

enum class Colour { no, yes };

/// What ECMA-48 terminals take for colours. Each lasts until the end of its cell or line.
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
    std::vector<std::string> cells; ///< one for each column, escaped
    const char* colour = colours::none;
    std::optional<std::size_t> coloured; ///< the only cell that has the colour; none: the whole line has it
    std::string below;                   ///< lines that follow it
};

/// Aligned columns under a header, a line for each row; nothing when there are no rows.
[[nodiscard]] std::string text_table(const std::vector<TextColumn>& header, const std::vector<TextRow>& rows,
                                     Colour colour);

/// A line for TextRow::below: indented, `what` padded to the width of the longest.
[[nodiscard]] std::string detail_line(std::string_view what, std::string_view text);

} // namespace logbackup
