// SPDX-License-Identifier: MIT
#include "check/parts.hpp"

#include "config/selection.hpp"
#include "locate/host_paths.hpp"
#include "util/files.hpp"

#include <algorithm>

namespace logbackup::check {
namespace {

/// True if the mount can hold logs: it is mounted at, above or below a log directory.
bool holds_logs(const Mount& mount, const std::vector<LogDirectoryName>& log_directories) {
    const auto place = normalized(mount.destination);
    return std::any_of(log_directories.begin(), log_directories.end(), [&](const auto& name) {
        const auto logs = normalized(name.path);
        return lies_in(place, logs) || lies_in(logs, place);
    });
}

} // namespace

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

void volumes(const Options& options, const Runtimes& runtimes, Checks& checks) {
    HostPaths host({}, [&](const std::string& path) { return is_left_out(options, path); });
    std::size_t refused = 0;
    std::string first;
    for (const auto& container : runtimes.ours)
        for (const auto& mount : container.mounts) {
            if (!container.has_process() || mount.source.empty() ||
                is_left_out(options, mount.source, mount.name) ||
                !holds_logs(mount, log_directories_of(options, container.service)))
                continue;
            const auto place = host.open(mount.source, container.created);
            if (place.ended == MountedTree::Ended::refused && !place.is_left_out && refused++ == 0)
                first = escaped(container.service) + "/" + escaped(container.pod) + ": " +
                        in_quotes(mount.source) + ": " + place.reason;
        }
    if (refused == 0)
        checks.push_back({"volumes", CheckStatus::ok, "all volumes of running pods can be read", {}});
    else
        checks.push_back(
            {"volumes", CheckStatus::problem,
             counted(refused, "volume") + " of running pods not read: " + first,
             "only volumes on local file systems are saved; logs on a network file system do not die with "
             "this node. Those that need not be are left out with --skip-volume"});
}

} // namespace logbackup::check
