// SPDX-License-Identifier: MIT
#include "search/found_lines.hpp"

#include <algorithm>
#include <charconv>

namespace logbackup {
namespace {

constexpr std::size_t longest_line = 1U << 20U;
constexpr std::size_t longest_record = longest_line + 16384; // a path and zeros come first

/// Takes a number and the byte after it, ':' or '-'.
bool take_number(std::string_view& text, std::uint64_t& number, char& separator) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const auto length = static_cast<std::size_t>(end - text.data());
    if (error != std::errc() || length >= text.size())
        return false;
    separator = text[length];
    text.remove_prefix(length + 1);
    return separator == ':' || separator == '-';
}

} // namespace

bool FoundLines::parse(std::string_view record, FoundLine& line) const {
    line.file = alone_;
    if (!files_.empty()) {
        const auto end = record.find('\0');
        const auto file = files_.find(std::string(record.substr(0, end)));
        if (end == std::string_view::npos || file == files_.end())
            return false;
        line.file = file->second;
        record.remove_prefix(end + 1);
    }
    char separator = 0;
    if (!take_number(record, line.number, separator) || !take_number(record, line.offset, separator))
        return false;
    line.matches = separator == ':';
    if (record.ends_with('\r'))
        record.remove_suffix(1);
    // Zeros before the text: the log was truncated while its program went on writing where it was.
    const auto zeros = std::min(record.find_first_not_of('\0'), record.size());
    line.offset += zeros;
    line.text = record.substr(zeros, longest_line);
    line.is_cut = record.size() - zeros > longest_line || rest_.size() == longest_record;
    return true;
}

void FoundLines::take(std::string_view bytes, const std::function<void(FoundLine)>& consume) {
    while (!bytes.empty()) {
        // A path can have a line feed in it.
        const std::size_t path = files_.empty() ? 0 : rest_.find('\0');
        const auto skipped = path == std::string::npos ? bytes.find('\0') : 0;
        const auto end = skipped == std::string_view::npos ? skipped : bytes.find('\n', skipped);
        const auto piece = bytes.substr(0, end);
        rest_.append(piece.substr(0, longest_record - rest_.size()));
        if (end == std::string_view::npos)
            return;
        if (FoundLine line; parse(rest_, line))
            consume(std::move(line));
        rest_.clear();
        bytes.remove_prefix(end + 1);
    }
}

} // namespace logbackup
