// SPDX-License-Identifier: MIT
#include "report/search_report.hpp"

#include "util/json_text.hpp"

#include <algorithm>
#include <cstddef>
#include <map>

namespace logbackup {
namespace {

constexpr std::size_t longest_text = 4096;
constexpr std::size_t most_gaps = 10;

std::string place_of(const SearchedFile& file, const Instance& instance) {
    return escaped(instance.record.directory()) + " " + escaped(file.path);
}

/// A stack trace has tabs, and they do no harm. A backslash of the line itself is escaped.
std::string with_tabs(std::string text) {
    static constexpr std::string_view escaped_tab = "\\x09";
    for (auto at = text.find(escaped_tab); at != std::string::npos; at = text.find(escaped_tab, at))
        text.replace(at, escaped_tab.size(), "\t");
    return text;
}

nlohmann::ordered_json place_json(const SearchedFile& file, const Instance& instance) {
    const Record& record = instance.record;
    return {{"service", record.service},
            {"pod", record.pod},
            {"namespace", record.namespace_name},
            {"container", record.containers.empty() ? "" : record.containers.back()},
            {"instance", record.instance},
            {"file", file.path}};
}

} // namespace

std::string found_text(const FoundLine& line, const SearchedFile& file, const Instance& instance,
                       Colour colour) {
    const char separator = line.matches ? ':' : '-';
    std::string text;
    if (colour == Colour::yes)
        text += colours::dim;
    text += place_of(file, instance) + separator + std::to_string(line.number) + separator;
    if (colour == Colour::yes)
        text += "\033[0m";
    text += with_tabs(escaped(std::string_view(line.text).substr(0, longest_text)));
    return text + (line.is_cut || line.text.size() > longest_text ? " …\n" : "\n");
}

std::string found_json(const FoundLine& line, const SearchedFile& file, const Instance& instance) {
    auto object = place_json(file, instance);
    object["line_number"] = line.number;
    object["offset"] = line.offset;
    object["time"] = line.time == Timestamp{} ? nlohmann::ordered_json()
                                              : nlohmann::ordered_json(exact_rfc3339(line.time));
    object["matches"] = line.matches;
    object["truncated"] = line.is_cut;
    object["line"] = line.text;
    return printable_json(object) + "\n";
}

std::string count_text(std::uint64_t lines, const SearchedFile& file, const Instance& instance) {
    return place_of(file, instance) + ":" + std::to_string(lines) + "\n";
}

std::string count_json(std::uint64_t lines, const SearchedFile& file, const Instance& instance) {
    auto object = place_json(file, instance);
    object["lines"] = lines;
    return printable_json(object) + "\n";
}

std::string summary(const SearchSummary& searched, const TimeWindow& window) {
    std::string text = counted(searched.directories, "log directory", "log directories") + ", " +
                       counted(searched.files, "file") + ", " + human_bytes(searched.bytes) +
                       " searched: " + (searched.lines == 0 ? "no line" : counted(searched.lines, "line"));
    if (window.since != Timestamp::min())
        text += " from " + rfc3339(window.since);
    if (window.until != Timestamp::max())
        text += " until " + rfc3339(window.until);
    if (searched.outside > 0)
        text += ", and " + std::to_string(searched.outside) +
                " outside the time window (a time without a zone is taken as UTC)";
    return searched.gaps.empty() ? text + "; no gap is known" : text;
}

std::vector<std::string> gap_lines(const SearchSummary& searched) {
    std::vector<std::string> reasons; // each once, in their order
    std::map<std::string, std::vector<std::string>> places;
    for (const auto& [where, why] : searched.gaps) {
        const auto [place, is_new] = places.try_emplace(why);
        if (is_new)
            reasons.push_back(why);
        if (!where.empty())
            place->second.push_back(where);
    }
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < std::min(most_gaps, reasons.size()); ++i) {
        const auto& names = places[reasons[i]];
        lines.push_back("a line can be missing: " + (names.empty() ? "" : some_of(names) + ": ") +
                        reasons[i]);
    }
    if (reasons.size() > most_gaps)
        lines.push_back("a line can be missing for " + counted(reasons.size() - most_gaps, "other reason") +
                        ": see 'logbackup list'");
    return lines;
}

} // namespace logbackup
