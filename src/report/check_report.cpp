// SPDX-License-Identifier: MIT
#include "report/check_report.hpp"

#include "logbackup/exit_code.hpp"
#include "util/json_text.hpp"
#include "util/text.hpp"

#include <algorithm>
#include <functional>

namespace logbackup {
namespace {

const char* name_of(CheckStatus status) {
    switch (status) {
    case CheckStatus::ok: return "ok";
    case CheckStatus::warning: return "warning";
    case CheckStatus::problem:
    case CheckStatus::impossible: break;
    }
    return "problem";
}

const char* colour_of(CheckStatus status) {
    return status == CheckStatus::ok        ? colours::green
           : status == CheckStatus::warning ? colours::yellow
                                            : colours::red;
}

CheckStatus worst(const std::vector<Check>& checks) {
    CheckStatus status = CheckStatus::ok;
    for (const auto& check : checks)
        status = std::max(status, check.status);
    return status;
}

std::string verdict(const std::vector<Check>& checks) {
    const auto count = [&](const std::function<bool(CheckStatus)>& counts) {
        return static_cast<std::uint64_t>(std::count_if(
            checks.begin(), checks.end(), [&](const Check& check) { return counts(check.status); }));
    };
    const auto ok = count([](CheckStatus status) { return status == CheckStatus::ok; });
    const auto warnings = count([](CheckStatus status) { return status == CheckStatus::warning; });
    std::string text = counted(checks.size(), "check") + ": " + std::to_string(ok) + " ok, " +
                       counted(warnings, "warning") + ", " +
                       counted(checks.size() - ok - warnings, "problem") + "; ";
    switch (worst(checks)) {
    case CheckStatus::impossible: return text + "no run is possible\n";
    case CheckStatus::problem: return text + "runs are possible, but something will be missing\n";
    case CheckStatus::warning: return text + "this machine is ready, but see the warnings\n";
    case CheckStatus::ok: break;
    }
    return text + "this machine is ready\n";
}

} // namespace

std::string table(const std::vector<Check>& checks, Colour colour, CheckLines lines) {
    std::vector<TextRow> rows;
    for (const auto& check : checks) {
        if (lines == CheckLines::not_ok && check.status == CheckStatus::ok)
            continue;
        rows.push_back({{name_of(check.status), check.name, check.found},
                        colour_of(check.status),
                        0,
                        check.hint.empty() ? "" : detail_line("hint:", check.hint)});
    }
    const std::string text = text_table({{"STATUS"}, {"CHECK"}, {"FOUND"}}, rows, colour);
    return lines == CheckLines::not_ok ? text : text + verdict(checks);
}

std::string json(const std::vector<Check>& checks) {
    using Json = nlohmann::ordered_json;
    Json all = Json::array();
    for (const auto& check : checks)
        all.push_back({{"name", check.name},
                       {"status", name_of(check.status)},
                       {"found", check.found},
                       {"hint", check.hint}});
    return printable_json(Json{{"command", "check"}, {"checks", std::move(all)}}) + "\n";
}

int exit_code(const std::vector<Check>& checks) {
    switch (worst(checks)) {
    case CheckStatus::impossible: return static_cast<int>(ExitCode::impossible);
    case CheckStatus::problem: return static_cast<int>(ExitCode::partial);
    case CheckStatus::ok:
    case CheckStatus::warning: break;
    }
    return static_cast<int>(ExitCode::complete);
}

} // namespace logbackup
