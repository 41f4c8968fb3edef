// SPDX-License-Identifier: MIT
#include "report/cause_lines.hpp"

#include "report/save_report.hpp"
#include "util/text.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>
#include <map>
#include <set>
#include <utility>

namespace logbackup {
namespace {

bool is_digit(char c) {
    return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

/// Returns the length of a container's id, or the first twelve digits of one, at a place in a text; 0 if
/// there is none.
std::size_t id_at(std::string_view text, std::size_t at) {
    static constexpr std::size_t shortest = 12;
    if (at > 0 && std::isalnum(static_cast<unsigned char>(text[at - 1])) != 0)
        return 0;
    const auto end = std::min(text.find_first_not_of("0123456789abcdef", at), text.size());
    return end - at >= shortest ? end - at : 0;
}

/// Failures of one cause.
struct Group {
    std::string key;
    std::vector<std::string>
        names;            ///< of the log directories, with the path of each file; in quotes, escaped
    std::string reason;   ///< of the first one
    bool is_alike = true; ///< all have the same reason
    std::set<std::string> directories{}; ///< their log directories
};

/// Groups in the order in which they are met.
class Groups {
  public:
    void add(std::string name, const std::string& reason, const std::string& directory) {
        const std::string key = cause_of(reason);
        const auto [found, is_new] = place_of_.emplace(key, groups_.size());
        if (is_new)
            groups_.push_back({key, {}, reason});
        Group& group = groups_[found->second];
        group.names.push_back(std::move(name));
        group.directories.insert(directory);
        group.is_alike = group.is_alike && group.reason == reason;
    }
    std::vector<Group>& all() { return groups_; }

  private:
    std::vector<Group> groups_;
    std::map<std::string, std::size_t> place_of_;
};

/// Splits a reason from the hint after it.
std::pair<std::string, std::string> without_hint(const std::string& reason) {
    const auto hint = reason.find("\nhint: ");
    return {reason.substr(0, hint), hint == std::string::npos ? std::string() : reason.substr(hint)};
}

/// Lists the first three, and counts the others.
std::string listed(const std::vector<std::string>& names) {
    static constexpr std::size_t most = 3;
    std::string text;
    for (std::size_t i = 0; i < std::min(most, names.size()); ++i)
        text += (i == 0 ? "" : ", ") + names[i];
    return names.size() <= most ? text : text + " and " + counted(names.size() - most, "other");
}

CauseLine line_of(const Group& group) {
    const auto [reason, hint] = without_hint(group.reason);
    std::string line = listed(group.names) + ": " + reason;
    if (!group.is_alike)
        line += " (of the first; the others are alike)";
    return {group.key, line + hint, group.directories.size()};
}

/// Returns the first thing in quotes, with them; "" if there is none.
std::string first_name_in(const std::string& text) {
    const auto begin = text.find('\'');
    const auto end = begin == std::string::npos ? begin : text.find('\'', begin + 1);
    return end == std::string::npos ? std::string() : text.substr(begin, end + 1 - begin);
}

/// What belongs to no log directory: the name of what it is about is a part of the text.
CauseLine line_of_problem(const Group& group) {
    const auto [reason, hint] = without_hint(group.reason);
    std::string line = reason;
    std::vector<std::string> others(std::next(group.names.begin()), group.names.end());
    const bool have_names =
        std::none_of(others.begin(), others.end(), [](const std::string& name) { return name.empty(); });
    if (!others.empty())
        line +=
            have_names ? "; alike: " + listed(others) : "; and " + counted(others.size(), "other") + " alike";
    return {group.key, line + hint, group.directories.size()};
}

} // namespace

std::string cause_of(std::string_view reason, Quoted quoted) {
    static constexpr std::array<std::string_view, 6> units{" B", " KiB", " MiB", " GiB", " TiB", " PiB"};
    reason = reason.substr(0, reason.find("\nhint: "));
    std::string cause;
    for (std::size_t i = 0; i < reason.size();) {
        if (reason[i] == '\'' && quoted == Quoted::does_not_count) {
            const auto end = reason.find('\'', i + 1);
            cause += "'…'";
            i = end == std::string_view::npos ? reason.size() : end + 1;
        } else if (const auto digits = id_at(reason, i); digits > 0) {
            cause += '0';
            i += digits;
        } else if (is_digit(reason[i])) {
            while (i < reason.size() && (is_digit(reason[i]) || reason[i] == '.' || reason[i] == ':'))
                ++i;
            for (const auto unit : units)
                if (reason.substr(i).starts_with(unit)) {
                    i += unit.size();
                    break;
                }
            cause += '0';
        } else {
            cause += reason[i++];
        }
    }
    return cause;
}

std::vector<CauseLine> cause_lines(const Report& report) {
    std::vector<CauseLine> lines;
    if (report.kind == RunKind::verify) {
        for (auto& line : failure_lines(report))
            lines.push_back({cause_of(line), std::move(line)});
        return lines;
    }
    Groups problems;
    for (const auto& problem : report.problems)
        problems.add(first_name_in(problem), problem, problem);
    for (const auto& group : problems.all())
        lines.push_back(line_of_problem(group));
    Groups groups;
    for (const auto& row : report.rows)
        for (const auto& failure : row.failures)
            groups.add(
                in_quotes(failure.path.empty() ? full_name(row) : full_name(row) + ": " + failure.path),
                failure.reason, full_name(row));
    std::stable_sort(groups.all().begin(), groups.all().end(),
                     [](const Group& a, const Group& b) { return a.names.size() > b.names.size(); });
    for (const auto& group : groups.all())
        lines.push_back(line_of(group));
    return lines;
}

} // namespace logbackup
