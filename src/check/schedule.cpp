// SPDX-License-Identifier: MIT
#include "check/schedule.hpp"

#include "util/files.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <sstream>

namespace logbackup {
namespace {

constexpr std::size_t largest_file = std::size_t{1} << 20U;
constexpr std::string_view blanks = " \t";

/// Takes one word off the front of a line.
std::string_view next_word(std::string_view& line) {
    line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
    const auto word = line.substr(0, line.find_first_of(blanks));
    line.remove_prefix(word.size());
    return word;
}

/// Without quotes, brackets and what else a shell takes for itself at the ends of a word.
std::string_view bare(std::string_view word) {
    static constexpr std::string_view marks = "\"'(){};&|";
    word.remove_prefix(std::min(word.find_first_not_of(marks), word.size()));
    return word.substr(0, word.find_last_not_of(marks) + 1);
}

/// The program of a shell command that is a run: `nice`, `flock` and the like may stand before it.
std::string run_in_command(std::string_view command) {
    static constexpr std::string_view separators = ";&|";
    std::string_view word;
    do {
        word = next_word(command);
        if (word.empty())
            return {};
    } while (base_name(bare(word)) != "logbackup");
    std::string program(bare(word));
    bool is_first = true;
    while (separators.find(word.back()) == std::string_view::npos) {
        word = next_word(command);
        if (word.empty() || separators.find(word.front()) != std::string_view::npos)
            break;
        const bool is_subcommand = is_first && std::isalpha(static_cast<unsigned char>(word.front())) != 0;
        if (is_subcommand || bare(word) == "--dry-run" || bare(word) == "-n")
            return {};
        is_first = false;
    }
    return program;
}

/// The administrator's files: their links are followed.
std::string read_text(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string text(largest_file, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    return text;
}

std::vector<std::string> sorted_names(const std::string& path) {
    const UniqueFd directory(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    auto names = directory ? names_in(directory.get(), "").value_or(std::vector<std::string>())
                           : std::vector<std::string>();
    std::sort(names.begin(), names.end());
    return names;
}

void add_crontab(const std::string& root, const std::string& path, Crontab kind,
                 std::vector<Schedule>& found) {
    std::istringstream lines(read_text(root + path));
    for (std::string line; std::getline(lines, line);)
        if (auto program = run_in_crontab(line, kind); !program.empty())
            found.push_back({Schedule::Kind::cron, path, std::move(program)});
}

/// Cron passes over packages' leftovers and editors' copies.
bool is_read_by_cron(std::string_view name) {
    return std::all_of(name.begin(), name.end(),
                       [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; });
}

/// A unit, wherever systemd would find it; the first place is the strongest.
std::string unit_text(const std::string& root, const std::string& name) {
    for (const auto* directory :
         {"/etc/systemd/system/", "/run/systemd/system/", "/usr/lib/systemd/system/", "/lib/systemd/system/"})
        if (auto text = read_text(root + directory + name); !text.empty())
            return text;
    return {};
}

void add_timers(const std::string& root, std::vector<Schedule>& found) {
    std::vector<std::string> seen;
    for (const auto* directory :
         {"/etc/systemd/system/timers.target.wants", "/usr/lib/systemd/system/timers.target.wants",
          "/lib/systemd/system/timers.target.wants"})
        for (const auto& name : sorted_names(root + directory)) {
            static constexpr std::string_view suffix = ".timer";
            if (!name.ends_with(suffix) || std::find(seen.begin(), seen.end(), name) != seen.end())
                continue;
            seen.push_back(name);
            std::string service = name.substr(0, name.size() - suffix.size()) + ".service";
            std::istringstream timer(unit_text(root, name));
            for (std::string line; std::getline(timer, line);)
                if (line.starts_with("Unit="))
                    service = line.substr(5);
            std::istringstream lines(unit_text(root, service));
            for (std::string line; std::getline(lines, line);)
                if (auto program = run_in_unit(line); !program.empty())
                    found.push_back({Schedule::Kind::timer, std::string(directory) + "/" + name, program});
        }
}

} // namespace

std::string run_in_crontab(std::string_view line, Crontab kind) {
    auto word = next_word(line);
    if (word.empty() || word.starts_with('#'))
        return {};
    // NAME=value, also with blanks around the sign; no time has such a letter before it.
    const auto rest = line.substr(std::min(line.find_first_not_of(blanks), line.size()));
    if (word.find('=') != std::string_view::npos || rest.starts_with('='))
        return {};
    static constexpr int further_times = 4; // "@hourly" has none
    for (int i = 0; !word.starts_with('@') && i < further_times; ++i)
        next_word(line);
    if (kind == Crontab::of_the_system)
        next_word(line);
    return run_in_command(line);
}

std::string run_in_unit(std::string_view line) {
    static constexpr std::string_view key = "ExecStart=";
    if (!line.starts_with(key))
        return {};
    line.remove_prefix(key.size());
    line.remove_prefix(std::min(line.find_first_not_of("@-:+!"), line.size()));
    return run_in_command(line);
}

std::vector<Schedule> find_schedules(const std::string& root) {
    std::vector<Schedule> found;
    add_crontab(root, "/etc/crontab", Crontab::of_the_system, found);
    for (const auto& name : sorted_names(root + "/etc/cron.d"))
        if (is_read_by_cron(name))
            add_crontab(root, "/etc/cron.d/" + name, Crontab::of_the_system, found);
    for (const auto* path : {"/var/spool/cron/crontabs/root", "/var/spool/cron/root"})
        add_crontab(root, path, Crontab::of_a_user, found);
    add_timers(root, found);
    return found;
}

std::string version_in(std::string_view text) {
    static constexpr std::string_view digits_and_dots = "0123456789.";
    text = text.substr(0, text.find('\n'));
    while (text.find_first_not_of(blanks) != std::string_view::npos) {
        auto word = next_word(text);
        if (word.starts_with('v'))
            word.remove_prefix(1);
        word = word.substr(0, word.find_first_not_of(digits_and_dots));
        if (!word.empty() && word.front() != '.' && word.find('.') != std::string_view::npos)
            return std::string(word);
    }
    return {};
}

} // namespace logbackup
