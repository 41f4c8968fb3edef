// SPDX-License-Identifier: MIT
#include "config/config_file.hpp"

#include "util/error.hpp"
#include "util/files.hpp"
#include "util/text.hpp"

#include <CLI/CLI.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <numeric>
#include <sstream>

namespace logbackup {
namespace {

constexpr std::size_t most_bytes = std::size_t{1} << 20U;

/// The file names programs that root will run, so only trusted users may write to it.
void require_trusted(const std::string& path, const struct stat& status) {
    const bool of_other_group = status.st_gid != 0 && status.st_gid != ::getegid();
    if (S_ISREG(status.st_mode) &&
        ((status.st_mode & S_IWOTH) != 0 || ((status.st_mode & S_IWGRP) != 0 && of_other_group) ||
         (status.st_uid != 0 && status.st_uid != ::geteuid())))
        throw Error("cannot trust the configuration " + in_quotes(path) + ": others can write to it",
                    "chown root it, and chmod go-w");
    if (S_ISDIR(status.st_mode))
        throw Error("cannot read " + in_quotes(path) + ": " + error_text(EISDIR));
}

std::optional<std::string> read_text(const std::string& path) {
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file && errno == ENOENT)
        return std::nullopt;
    const auto status = file ? status_of(file.get()) : std::nullopt;
    if (!status)
        throw Error("cannot read the configuration " + in_quotes(path) + ": " + error_text(errno));
    require_trusted(path, *status);
    std::string text;
    std::array<char, 4096> buffer{};
    ssize_t length = 0;
    while ((length = ::read(file.get(), buffer.data(), buffer.size())) > 0 && text.size() <= most_bytes)
        text.append(buffer.data(), static_cast<std::size_t>(length));
    if (length < 0)
        throw Error("cannot read the configuration " + in_quotes(path) + ": " + error_text(errno));
    if (text.size() > most_bytes)
        throw Error("cannot read the configuration " + in_quotes(path) + ": it has more than 1 MiB");
    return text;
}

std::string without_comment(std::string line) {
    line.resize(std::min(line.find('#'), line.size()));
    const auto begin = std::min(line.find_first_not_of(" \t\r"), line.size());
    return line.substr(begin, line.find_last_not_of(" \t\r") + 1 - begin);
}

/// True if the line begins a list (`name = [`) and does not end it.
bool begins_list(const std::string& line) {
    const auto value = line.find_first_not_of(" \t", std::min(line.find('='), line.size() - 1) + 1);
    return value != std::string::npos && line[value] == '[' && !line.ends_with(']');
}

/// Removes comments and puts each list on one line: CLI11 does not understand a comment after a section's
/// name or within a list, nor a line break after the opening bracket of a list.
std::string simplified(const std::string& text) {
    std::istringstream lines(text);
    std::string result;
    bool in_list = false;
    for (std::string line; std::getline(lines, line);) {
        line = without_comment(std::move(line));
        in_list = in_list ? !line.ends_with(']') : !line.empty() && begins_list(line);
        result += line + (in_list ? " " : "\n");
    }
    return result;
}

bool has_quote(const std::string& text) {
    return text.find_first_of("\"'`") != std::string::npos;
}

ConfigLine line_of(const CLI::ConfigItem& item, const std::string& path) {
    const auto wrong = [&](const std::string& why) {
        return Error("cannot use " + in_quotes(item.fullname()) + " in " + in_quotes(path) + ": " + why);
    };
    ConfigLine line{"", item.name, item.inputs};
    if (!item.parents.empty()) {
        if (item.parents.size() != 2 || item.parents.front() != "service" || item.parents.back().empty())
            throw wrong("sections are called [service.\"GLOB\"]");
        line.service = item.parents.back();
    }
    // Such a value begins with a quote that it does not close: a # begins a comment also in quotes.
    if (std::any_of(line.values.begin(), line.values.end(), has_quote) || has_quote(line.key) ||
        has_quote(line.service))
        throw wrong("a quote is not closed (a value can have no '#' and no quotes in it)");
    return line;
}

} // namespace

std::optional<std::vector<ConfigLine>> read_config_file(const std::string& path) {
    const auto text = read_text(path);
    if (!text)
        return std::nullopt;
    std::istringstream input(simplified(*text));
    std::vector<ConfigLine> lines;
    try {
        for (const auto& item : CLI::ConfigTOML().from_config(input))
            if (item.name != "++" && item.name != "--") // CLI11's markers for begin and end of a section
                lines.push_back(line_of(item, path));
    } catch (const CLI::Error& error) {
        throw Error("cannot read the configuration " + in_quotes(path) + ": " + error.what());
    }
    return lines;
}

std::string nearest(const std::string& name, const std::vector<std::string>& names) {
    std::string best;
    std::size_t fewest = name.size() / 2 + 1;
    for (const auto& other : names) {
        // Wagner and Fischer: row i holds the distances of the first i letters to each beginning of `other`.
        std::vector<std::size_t> row(other.size() + 1);
        std::iota(row.begin(), row.end(), 0);
        for (const char letter : name) {
            std::size_t diagonal = row[0]++;
            for (std::size_t i = 0; i < other.size(); ++i) {
                const std::size_t changed = diagonal + (letter == other[i] ? 0 : 1);
                diagonal = row[i + 1];
                row[i + 1] = std::min({changed, row[i] + 1, row[i + 1] + 1});
            }
        }
        if (row.back() < fewest) {
            fewest = row.back();
            best = other;
        }
    }
    return best;
}

} // namespace logbackup
