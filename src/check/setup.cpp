// SPDX-License-Identifier: MIT
#include "check/parts.hpp"

#include "check/schedule.hpp"
#include "config/selection.hpp"
#include "locate/host_paths.hpp"
#include "util/files.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace logbackup::check {
namespace {

bool cron_is_running() {
    static constexpr std::array<std::string_view, 5> daemons{"cron", "crond", "fcron", "cronie",
                                                             "busybox-crond"};
    const UniqueFd proc(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
    for (const auto& name : names_in(proc.get(), "").value_or(std::vector<std::string>())) {
        if (std::isdigit(static_cast<unsigned char>(name.front())) == 0)
            continue;
        auto command = read_small_file(proc.get(), name + "/comm", 64).value_or("");
        command = command.substr(0, command.find('\n'));
        if (std::find(daemons.begin(), daemons.end(), command) != daemons.end())
            return true;
    }
    return false;
}

bool lies_at_or_in(const std::vector<std::string>& path, const std::vector<std::string>& directory) {
    return path.size() >= directory.size() && std::equal(directory.begin(), directory.end(), path.begin());
}

/// Whether logs can lie on it: it is mounted at a log directory, above or below it.
bool holds_logs(const Mount& mount, const std::vector<LogDirectoryName>& log_directories) {
    const auto place = components(mount.destination);
    return std::any_of(log_directories.begin(), log_directories.end(), [&](const auto& name) {
        const auto logs = components(name.path);
        return lies_at_or_in(place, logs) || lies_at_or_in(logs, place);
    });
}

} // namespace

void schedule(Checks& checks) {
    const auto found = find_schedules("");
    Check check{"schedule", CheckStatus::ok, {}, {}};
    bool by_cron = false;
    std::string missing;
    for (const auto& entry : found) {
        by_cron = by_cron || entry.kind == Schedule::Kind::cron;
        check.found += (check.found.empty() ? "" : ", ") + escaped(entry.where);
        if (missing.empty() && find_program(entry.program).empty())
            missing = in_quotes(entry.program) + " of " + escaped(entry.where);
    }
    if (found.empty()) {
        check.status = CheckStatus::warning;
        check.found = "no line of a crontab and no enabled timer starts it";
        check.hint = "for example as /etc/cron.d/logbackup: * * * * * root /usr/local/sbin/logbackup --quiet";
    } else if (!missing.empty()) {
        check.status = CheckStatus::problem;
        check.found += ": there is no program " + missing;
        check.hint = "put its path right there";
    } else if (by_cron && !cron_is_running()) {
        check.status = CheckStatus::warning;
        check.found += ", but no cron daemon is running";
        check.hint = "'systemctl enable --now cron' (or crond)";
    } else if (found.size() > 1) {
        check.status = CheckStatus::warning;
        check.found += ": it is started more than once";
        check.hint = "keep one of them: of two at the same time one ends at once";
    }
    checks.push_back(std::move(check));
}

void configuration(const Options& options, Checks& checks) {
    Check check{"configuration",
                CheckStatus::ok,
                options.config_file.empty() ? "no file" : in_quotes(options.config_file),
                {}};
    std::string variables;
    for (const auto& setting : options.settings)
        if (setting.origin == Origin::environment)
            variables += (variables.empty() ? "" : ", ") + escaped(setting.source);
    check.found += variables.empty() ? "" : ", and " + variables;
    checks.push_back(std::move(check));
}

void volumes(const Options& options, const Engine& engine, Checks& checks) {
    HostPaths host;
    std::size_t refused = 0;
    std::string first;
    for (const auto& container : engine.ours)
        for (const auto& mount : container.mounts) {
            if (!container.has_process() || mount.source.empty() ||
                !holds_logs(mount, log_directories_of(options, container.service)))
                continue;
            const auto place = host.open(mount.source, container.created);
            if (place.ended == MountedTree::Ended::refused && refused++ == 0)
                first = escaped(container.service) + "/" + escaped(container.pod) + ": " +
                        in_quotes(mount.source) + ": " + place.reason;
        }
    if (refused == 0)
        checks.push_back({"volumes", CheckStatus::ok, "none of a running pod that is not read", {}});
    else
        checks.push_back(
            {"volumes", CheckStatus::problem,
             counted(refused, "volume") + " of running pods not read: " + first,
             "only volumes on local file systems are saved; logs on a network file system do not die with "
             "this node"});
}

} // namespace logbackup::check
