// SPDX-License-Identifier: MIT
#include "run_once.hpp"

#include "commands/commands.hpp"
#include "config/options.hpp"
#include "ledger/ledger.hpp"
#include "must.hpp"

#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <sstream>
#include <stdexcept>

namespace logbackup::test {
namespace {

namespace fs = std::filesystem;

/// Gives up the right to mount, for this process and its children.
void give_up_mounting() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> sets{};
    must(::syscall(SYS_capget, &header, sets.data()) == 0, "capget");
    sets[0].effective &= ~(1U << CAP_SYS_ADMIN);
    sets[0].permitted &= ~(1U << CAP_SYS_ADMIN);
    sets[0].inheritable &= ~(1U << CAP_SYS_ADMIN);
    must(::syscall(SYS_capset, &header, sets.data()) == 0, "capset");
}

Options options_of(const RunSettings& settings) {
    const std::array argv{
        "logbackup",  "--dest", settings.root.c_str(), "--rsync",        "/usr/bin/rsync",
        "--min-free", "0",      "--verbose",           "--max-versions", "0"}; // what that deletes is lost
    ParseEnded ended;
    return parse_options(argv.size(), argv.data(), ended).value();
}

/// The one container of the node: it runs, and has the log directory as a volume.
Discovery container_with(const RunSettings& settings) {
    Container container;
    container.id = std::string(64, 'a');
    container.has_service = container.has_pod = true;
    container.kind = "container";
    container.service = "service";
    container.pod = "pod";
    container.state = ContainerState::running;
    container.created = container.started = settings.now - std::chrono::hours(1);
    container.upper = settings.layers + "/own";
    container.lowers = {settings.layers + "/image"};
    container.mounts = {{"bind", settings.source, "/opt/logs", MountAccess::read_write}};
    return {{container.id}, {container}, {}};
}

std::string line(const Problem& problem) {
    return problem.path + ": " + problem.reason;
}

RunResult result_of(const Report& report) {
    RunResult result;
    for (const auto& row : report.rows) {
        if (row.status != RowStatus::saved && row.failures.empty())
            result.failures.emplace_back("it was not looked at");
        for (const auto& action : row.actions)
            result.actions.push_back(std::string(name_of(action.kind)) + " " + action.path +
                                     (action.new_path.empty() ? "" : " -> " + action.new_path));
        for (const auto& failure : row.failures)
            result.failures.push_back(line(failure));
        for (const auto& unsettled : row.unsettled)
            result.unsettled.push_back(line(unsettled));
    }
    result.failures.insert(result.failures.end(), report.problems.begin(), report.problems.end());
    return result;
}

} // namespace

RunResult run_once(const RunSettings& settings) {
    ::umask(027);
    if (settings.way == Way::direct)
        give_up_mounting();
    const Options options = options_of(settings);
    StopSignal stop;
    Session session{options, stop, settings.now};
    session.rsync = options.rsync;
    session.runtime.discover = [&](StopSignal&) { return container_with(settings); };
    session.runtime.ask_again = [&](const std::vector<std::string>&, StopSignal&) {
        return container_with(settings);
    };
    session.runtime.history = [](Timestamp, StopSignal&, std::string&) { return std::vector<History>(); };
    if (open_backup(session, Access::write, [](const std::string&) {}) != Opened::yes)
        throw std::runtime_error("what an earlier run started still works");
    const RunResult result = result_of(save(session));
    note_complete_run(session.root.get(), settings.now);
    return result;
}

std::string to_text(const RunResult& result) {
    std::string text;
    for (const auto& action : result.actions)
        text += "a" + action + "\n";
    for (const auto& failure : result.failures)
        text += "f" + failure + "\n";
    for (const auto& unsettled : result.unsettled)
        text += "u" + unsettled + "\n";
    return text;
}

RunResult from_text(const std::string& text) {
    RunResult result;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        auto& part = line.front() == 'a'   ? result.actions
                     : line.front() == 'f' ? result.failures
                                           : result.unsettled;
        part.push_back(line.substr(1));
    }
    return result;
}

} // namespace logbackup::test
