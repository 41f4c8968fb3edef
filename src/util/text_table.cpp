// SPDX-License-Identifier: MIT
#include "util/text_table.hpp"

#include "util/text.hpp"

#include <algorithm>
#include <string_view>

namespace logbackup {
namespace {

constexpr const char* reset = "\033[0m";

std::string painted(const std::string& text, const char* colour) {
    return *colour == '\0' ? text : colour + text + reset;
}

std::string line(const std::vector<TextColumn>& header, const TextRow& row,
                 const std::vector<std::size_t>& widths, Colour colour) {
    const char* paint = colour == Colour::yes ? row.colour : colours::none;
    std::string text;
    for (std::size_t i = 0; i < header.size(); ++i) {
        const std::string padding(widths[i] - columns(row.cells[i]), ' ');
        const std::string cell = painted(row.cells[i], row.coloured == i ? paint : colours::none);
        const bool last = i + 1 == header.size();
        if (header[i].align == Align::right)
            text += padding + cell;
        else
            text += last ? cell : cell + padding;
        text += last ? "" : "  ";
    }
    return painted(text, row.coloured ? colours::none : paint) + "\n" + row.below;
}

} // namespace

std::string text_table(const std::vector<TextColumn>& header, const std::vector<TextRow>& rows,
                       Colour colour) {
    if (rows.empty())
        return {};
    TextRow titles{{}, colours::bold, {}, {}};
    for (const auto& column : header)
        titles.cells.emplace_back(column.title);
    std::vector<std::size_t> widths(header.size());
    for (std::size_t i = 0; i < header.size(); ++i) {
        widths[i] = columns(titles.cells[i]);
        for (const auto& row : rows)
            widths[i] = std::max(widths[i], columns(row.cells[i]));
    }
    std::string text = line(header, titles, widths, colour);
    for (const auto& row : rows)
        text += line(header, row, widths, colour);
    return text;
}

std::string detail_line(std::string_view what, std::string_view text) {
    std::string line = "    ";
    line.append(what).append(std::max<std::size_t>(11, what.size() + 1) - what.size(), ' ');
    return line.append(text) + "\n";
}

} // namespace logbackup
