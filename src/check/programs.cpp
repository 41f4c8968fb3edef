// SPDX-License-Identifier: MIT
#include "check/parts.hpp"

#include "content/decompress.hpp"

#include <sstream>

namespace logbackup::check {

ProcessResult ask(std::vector<std::string> argv, std::vector<std::string> environment,
                  std::chrono::milliseconds time, StopSignal& stop) {
    Command command;
    command.argv = std::move(argv);
    command.environment = std::move(environment);
    Limits limits;
    limits.time = time;
    limits.output = std::size_t{1} << 20U;
    limits.grace = std::chrono::milliseconds(1000);
    return run(command, limits, stop);
}

std::string version_in(const std::string& printed) {
    static constexpr std::string_view digits_and_dots = "0123456789.";
    std::istringstream words(printed.substr(0, printed.find('\n')));
    for (std::string word; words >> word;) {
        if (word.starts_with('v'))
            word.erase(0, 1);
        word = word.substr(0, word.find_first_not_of(digits_and_dots));
        if (!word.empty() && word.front() != '.' && word.find('.') != std::string::npos)
            return word;
    }
    return {};
}

void rsync(const Options& options, StopSignal& stop, Checks& checks) {
    static constexpr char oldest = '3';
    Check check{"rsync", CheckStatus::ok, {}, {}};
    const std::string program = find_program(options.rsync);
    if (program.empty()) {
        checks.push_back({"rsync", CheckStatus::impossible, in_quotes(options.rsync) + " not found",
                          "install it (on Debian: rsync), or name it with --rsync"});
        return;
    }
    const auto result =
        ask({program, "--version"}, {"LC_ALL=C", "PATH=/usr/bin:/bin"}, std::chrono::seconds(10), stop);
    const auto version = version_in(result.out);
    check.found = escaped(program) + (version.empty() ? "" : ", version " + version);
    if (!succeeded(result.ending)) {
        check.status = CheckStatus::impossible;
        check.found += ": it " + describe(result.ending);
        if (const auto lines = last_lines(result.err, 1); !lines.empty())
            check.found += ": " + escaped(lines);
        check.hint = "see why it does not run, or name another one with --rsync";
    } else if (version.empty()) {
        check.status = CheckStatus::warning;
        check.found += ", of an unknown version";
        check.hint = "is it rsync? 3.0 or newer is needed";
    } else if (version.find('.') == 1 && version.front() < oldest) {
        check.status = CheckStatus::problem;
        check.found += ", which is too old";
        check.hint = "3.0 or newer is needed: with an older one nothing new can be saved";
    }
    checks.push_back(std::move(check));
}

void decompressors(Checks& checks) {
    std::string there;
    std::string missing;
    for (const auto& found : all_decompressors()) {
        auto& list = found.argv.empty() ? missing : there;
        list += (list.empty() ? "" : ", ") + found.name;
    }
    if (missing.empty())
        checks.push_back({"decompressors", CheckStatus::ok, there, {}});
    else
        checks.push_back({"decompressors", CheckStatus::warning, "missing: " + missing,
                          "logs that containers compress with it stay in the backup twice, plain and "
                          "compressed; install what they use"});
}

} // namespace logbackup::check
