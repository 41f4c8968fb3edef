// SPDX-License-Identifier: MIT
#include "config/settings.hpp"

#include "config/option_values.hpp"
#include "config/options.hpp"
#include "util/glob.hpp"

#include <algorithm>
#include <utility>

namespace logbackup {
namespace {

constexpr auto text = Setting::Type::text;
constexpr auto list = Setting::Type::list;
constexpr auto flag = Setting::Type::flag;

constexpr const char* common = "Options";
constexpr const char* filters = "Only what this run is for";
constexpr const char* searching = "What 'logbackup grep' searches, and shows";
constexpr const char* output = "Output";
constexpr const char* how = "How";
constexpr const char* runtimes = "Which containers there are, and what names them";
constexpr const char* limits =
    "Limits, each for one container: what is beyond them is reported, and is not a failure";
constexpr const char* retention =
    "Retention (by default only what is saved twice goes, and old versions of rewritten files)";

constexpr const char* duration = "duration (examples: 90s, 5m, 1h, 30days)";
constexpr const char* keep_time = "duration (examples: 30d, 4 weeks, 1y; 0: for ever)";
constexpr const char* size_limit = "size (examples: 500M, 4GiB, 50GB; 0: no limit)";
constexpr const char* count = "whole number (at least 1)";

std::optional<std::string> any_text(const std::string& value) {
    return value;
}

template <typename Target, typename Parse>
const std::string* convert(Target& target, const Texts& texts, Parse parse) {
    target = Target();
    for (const auto& one : texts) {
        auto value = parse(one);
        if (!value)
            return &one;
        if constexpr (requires { target.push_back(*value); })
            target.push_back(std::move(*value));
        else
            target = std::move(*value);
    }
    return nullptr;
}

template <auto parse, auto member> const std::string* store(Options& options, const Texts& texts) {
    return convert(options.*member, texts, parse);
}

/// Stores into a part of the options.
template <auto parse, auto part, auto member> const std::string* store(Options& options, const Texts& texts) {
    return convert(options.*part.*member, texts, parse);
}

template <auto parse, auto member>
const std::string* store_for_service(Options& options, const std::string& glob, const Texts& texts) {
    auto& services = options.of_services;
    if (services.empty() || services.back().glob != glob)
        services.push_back({glob});
    return convert((services.back().*member).emplace(), texts, parse);
}

const std::string* store_skip_for_service(Options& options, const std::string& glob, const Texts& texts) {
    options.of_services.push_back({glob});
    return convert(options.of_services.back().skip.emplace(), texts, parse_flag);
}

const std::string* store_keep_for_service(Options& options, const std::string& glob, const Texts& texts) {
    options.retention.of_services.push_back({glob, for_ever});
    return convert(options.retention.of_services.back().keep, texts, parse_keep);
}

const std::string* store_runtimes(Options& options, const Texts& texts) {
    options.runtimes.clear();
    for (const auto& one : texts) {
        if (one == "docker" || one == "containerd" || one == "podman")
            options.runtimes.push_back(one);
        else if (one != "auto" || texts.size() > 1)
            return &one;
    }
    return nullptr;
}

const std::string* store_dry_run(Options& options, const Texts& texts) {
    options.kind = parse_flag(texts.back()).value_or(false) ? RunKind::dry_run : RunKind::save;
    return nullptr;
}

} // namespace

const std::vector<SettingRow>& settings_table() {
    static const std::vector<SettingRow> rows{
        {"dry-run", 'n', flag, common, "prune", "", "false",
         "List what would be done; change and write nothing", nullptr, store_dry_run},
        {"dest", 0, text, common, "list grep verify prune check", "DIR", "/u01/logbackup",
         "Where the backup is", "path of a directory other than /",
         store<parse_backup_root, &Options::backup_root>},
        {"log-dir", 0, list, common, "verify prune", "PATH", "/opt/logs",
         "Log directory inside the containers (repeatable: the first is saved as <pod>, each\n"
         "further one beside it, such as <pod>+var+log)",
         "absolute path of a directory in the container",
         store<parse_log_directory, &Options::log_directories>,
         store_for_service<parse_log_directory, &ServiceOptions::log_directories>},
        {"exclude", 0, list, common, "verify", "GLOB", "",
         "Leave these files out, and what is in such directories: *.hprof at any depth,\n"
         "with a slash a path from the log directory (repeatable)",
         "glob of files in a log directory", store<parse_exclude, &Options::exclude>,
         store_for_service<parse_exclude, &ServiceOptions::exclude>},
        {"skip", 0, list, common, "verify", "GLOB", "",
         "Leave these services out: nothing of them is opened (repeatable; in a section of the\n"
         "configuration: skip = true)",
         "value for a service (write true or false)", store<any_text, &Options::skip>,
         store_skip_for_service},
        {"skip-volume", 0, list, common, "list verify prune check", "GLOB", "",
         "Leave these volumes out: nothing of them is opened. A name of docker volume ls, or\n"
         "with a slash a path on the host (repeatable)",
         nullptr, store<any_text, &Options::skip_volumes>},
        {"config", 0, text, common, "list grep verify prune check config", "FILE", standard_config_file,
         "Read options from this file, too", nullptr, nullptr, nullptr, Reach::environment},
        {"require-mount", 0, flag, common, "verify prune check", "", "false",
         "Refuse to work while the backup is on the file system of /: its disk is not mounted", nullptr,
         store<parse_flag, &Options::require_mount>},
        {"adopt", 0, flag, common, "", "", "false",
         "Take over a backup that belongs to another host or engine; once, by hand", nullptr,
         store<parse_flag, &Options::adopt>, nullptr, Reach::command_line},

        {"service", 0, list, filters, "list grep verify prune", "GLOB", "",
         "Only services that match (repeatable)", nullptr,
         store<any_text, &Options::filter, &Filter::services>},
        {"pod", 0, list, filters, "list grep verify prune", "GLOB", "", "Only pods that match (repeatable)",
         nullptr, store<any_text, &Options::filter, &Filter::pods>},
        {"namespace", 0, list, filters, "list grep verify prune", "GLOB", "",
         "Only namespaces that match (repeatable)", nullptr,
         store<any_text, &Options::filter, &Filter::namespaces>},
        {"container", 0, list, filters, "list grep verify prune", "ID", "",
         "Only containers whose id begins so (repeatable)", nullptr,
         store<any_text, &Options::filter, &Filter::containers>},
        {"coverage", 0, list, filters, "list", "WHICH", "",
         "Of a list: only live, complete, cut or missed ones (repeatable)",
         "coverage; write live, complete, cut or missed",
         store<parse_coverage, &Options::filter, &Filter::coverages>},

        {"since", 0, text, filters, "list grep", "TIME", "",
         "Of a list or a search: only what is not older. Examples: 07:02, '2026-11-30 07:02',\n"
         "90m (ago); UTC",
         "time (examples: 07:02, '2026-11-30 07:02', 2026-11-30T07:02:10+01:00, 90m)",
         store<parse_since, &Options::window, &TimeWindow::since>, nullptr, Reach::command_line},
        {"until", 0, text, filters, "list grep", "TIME", "", "Of a list or a search: only what is not newer",
         "time (examples: 07:03, '2026-11-30 07:03', 10m)",
         store<parse_until, &Options::window, &TimeWindow::until>, nullptr, Reach::command_line},

        {"fixed-strings", 'F', flag, searching, "grep", "", "false",
         "PATTERN is a text, not a regular expression", nullptr,
         store<parse_flag, &Options::query, &Query::is_fixed>, nullptr, Reach::command_line},
        {"ignore-case", 'i', flag, searching, "grep", "", "false", "Small and capital letters are the same",
         nullptr, store<parse_flag, &Options::query, &Query::ignores_case>, nullptr, Reach::command_line},
        {"context", 'C', text, searching, "grep", "N", "0", "Show N lines before and after each line, too",
         "whole number (0 to 1000)", store<parse_context, &Options::query, &Query::context>, nullptr,
         Reach::command_line},
        {"count", 'c', flag, searching, "grep", "", "false", "Show the number of lines of each file", nullptr,
         store<parse_flag, &Options::query, &Query::counts>, nullptr, Reach::command_line},
        {"files", 'l', flag, searching, "grep", "", "false", "Show only the paths of the files", nullptr,
         store<parse_flag, &Options::query, &Query::files>, nullptr, Reach::command_line},
        {"print0", 0, flag, searching, "grep", "", "false",
         "With --files: end each path, which is not escaped then, with a zero byte", nullptr,
         store<parse_flag, &Options::query, &Query::print0>, nullptr, Reach::command_line},

        {"quiet", 'q', flag, output, "grep verify prune check", "", "false",
         "Say nothing when nothing is wrong (for cron)", nullptr, store<parse_flag, &Options::quiet>},
        {"verbose", 'v', flag, output, "list verify prune", "", "false",
         "List each file and what is done to it; list and prune: show paths", nullptr,
         store<parse_flag, &Options::verbose>},
        {"json", 0, flag, output, "list grep verify prune check config", "", "false",
         "Print the report as one JSON object; grep: one for each line", nullptr,
         store<parse_flag, &Options::json>},
        {"log-file", 0, text, output, "prune", "FILE", "", "Also append messages to this file", nullptr,
         store<any_text, &Options::log_file>},
        {"syslog", 0, flag, output, "", "", "false", "Also send messages to the system log", nullptr,
         store<parse_flag, &Options::syslog>},
        {"metrics", 0, text, output, "", "FILE.prom", "",
         "Write this file for node_exporter's textfile collector", "path of a file NAME.prom",
         store<parse_metrics_file, &Options::metrics>},
        {"warn-skipped", 0, text, output, "", "N", "10",
         "Warn when so many runs have ended at once because one was working; 0: never",
         "whole number (0: no limit)", store<parse_count_limit, &Options::warn_skipped>},
        {"repeat", 0, text, output, "", "TIME", "1d",
         "With --quiet: say what is wrong when it begins, when it is over, and so often in\n"
         "between; 0: at each run",
         "duration (examples: 1h, 1d; 0: at each run)", store<parse_follow, &Options::repeat>},
        {"on-failure", 0, text, output, "", "COMMAND", "",
         "Run this command of the shell when something goes wrong, and when it is over: its\n"
         "standard input says what",
         nullptr, store<any_text, &Options::on_failure>},

        {"group", 0, text, how, "", "NAME", "", "Group that new files and directories are handed to",
         "group of this system", store<parse_group, &Options::group>},
        {"min-free", 0, text, how, "check", "SIZE|PERCENT", "5%",
         "Leave this much of the backup's file system free: 5%, 500M, 1.5GiB or 0",
         "size (examples: 5%, 500M, 1.5GiB)", store<parse_min_free, &Options::min_free>},
        {"max-duration", 0, text, how, "grep verify prune", "TIME", "30m",
         "End after this long; the next run goes on", duration,
         store<parse_duration, &Options::max_duration>},
        {"follow", 0, text, how, "", "TIME", "0",
         "After the run stay for so long, or until the next run takes over: files that are\n"
         "deleted and containers that are removed meanwhile are saved; 0: end after the run",
         "duration (examples: 5m, 1h; 0: do not follow)", store<parse_follow, &Options::follow>, nullptr,
         Reach::command_line},
        {"nice", 0, text, how, "", "N", "10", "CPU priority, 0 to 19: 19 gives way to everything",
         "whole number of 0 to 19", store<parse_nice, &Options::nice>},
        {"ionice", 0, text, how, "", "CLASS", "best-effort:7",
         "I/O priority: none, best-effort:0 to best-effort:7, idle",
         "I/O priority (none, idle, best-effort, best-effort:0 to best-effort:7)",
         store<parse_io_priority, &Options::io_priority>},
        {"bwlimit", 0, text, how, "", "SIZE", "0", "Save no more than this in a second; 0: no limit",
         size_limit, store<parse_size_limit, &Options::bandwidth>},
        {"rsync", 0, text, how, "check", "PATH", "rsync", "The rsync program, if not found by itself",
         nullptr, store<any_text, &Options::rsync>},

        {"runtime", 0, list, runtimes, "verify prune check", "NAME", "auto",
         "Container runtime: docker, containerd (also of k3s, RKE2 and MicroK8s), podman, or auto:\n"
         "those that are there (repeatable)",
         "container runtime; write docker, containerd, podman or auto", store_runtimes},
        {"names", 0, text, runtimes, "verify prune check", "SCHEME", "auto",
         "What names a container: kubernetes, swarm, compose, nomad, ecs, quadlet, container (its\n"
         "own name), or auto: Kubernetes if it is there, else the first of these that fits",
         "naming scheme; write auto, kubernetes, swarm, compose, nomad, ecs, quadlet or container",
         store<parse_name_scheme, &Options::naming, &Naming::scheme>},
        {"service-label", 0, text, runtimes, "verify prune check", "KEY", "",
         "Label that names the service, instead; only containers that have it are saved", nullptr,
         store<any_text, &Options::naming, &Naming::service_label>},
        {"instance-label", 0, text, runtimes, "verify prune check", "KEY", "",
         "Label that names the instance then (by default the container's own name does)", nullptr,
         store<any_text, &Options::naming, &Naming::instance_label>},
        {"docker-timeout", 0, text, runtimes, "check", "TIME", "10s",
         "Longest wait for one command of a container runtime", duration,
         store<parse_duration, &Options::docker_timeout>},
        {"docker", 0, text, runtimes, "verify prune check", "PATH", "docker",
         "The docker client, if not found by itself", nullptr, store<any_text, &Options::docker>},
        {"docker-host", 0, text, runtimes, "verify prune check", "ADDRESS", "",
         "Address of Docker's engine: unix:// and the path of its socket (by default DOCKER_HOST)", nullptr,
         store<any_text, &Options::docker_host>},
        {"ctr", 0, text, runtimes, "verify prune check", "PATH", "ctr",
         "The containerd client, if not found by itself", nullptr, store<any_text, &Options::ctr>},
        {"containerd-socket", 0, text, runtimes, "verify prune check", "PATH", "",
         "containerd's socket, if it is not one of the usual ones", "absolute path",
         store<parse_absolute_path, &Options::containerd_socket>},
        {"podman", 0, text, runtimes, "verify prune check", "PATH", "podman",
         "The podman program, if not found by itself", nullptr, store<any_text, &Options::podman>},

        {"max-files", 0, text, limits, "", "N", "100000", "Files and directories that a run saves", count,
         store<parse_count, &Options::max_files>},
        {"max-depth", 0, text, limits, "", "N", "100", "Levels of directories", count,
         store<parse_count, &Options::max_depth>},
        {"max-file-size", 0, text, limits, "", "SIZE", "100G",
         "Of a larger file only so much is saved; 0: all of it", size_limit,
         store<parse_size_limit, &Options::max_file_size>},
        {"max-bytes", 0, text, limits, "", "SIZE", "4G",
         "New bytes in one run, the rest waits for the next; 0: no limit", size_limit,
         store<parse_size_limit, &Options::max_bytes>},

        {"keep", 0, text, retention, "prune", "TIME", "0",
         "Delete log directories that ended this long ago, and saved files that a live container\n"
         "deleted this long ago: 30d, 4 weeks or 0 (for ever)",
         keep_time, store<parse_keep, &Options::retention, &RetentionRules::keep>, store_keep_for_service},
        {"max-size", 0, text, retention, "prune", "SIZE", "0",
         "While the backup takes more on disk, delete what ended, first of the\n"
         "service that takes most; 0: no limit",
         size_limit, store<parse_max_size, &Options::retention, &RetentionRules::max_size>},
        {"max-versions", 0, text, retention, "", "N", "10",
         "Of a file that is rewritten, not appended to, keep the last N versions; 0: all",
         "whole number (0: no limit)", store<parse_count_limit, &Options::max_versions>},
    };
    return rows;
}

const SettingRow* find_setting(const std::string& name) {
    const auto& rows = settings_table();
    const auto found =
        std::find_if(rows.begin(), rows.end(), [&](const SettingRow& row) { return row.name == name; });
    return found == rows.end() ? nullptr : &*found;
}

bool matters_to(const SettingRow& row, const std::string& command) {
    return (" " + std::string(row.commands) + " ").find(" " + command + " ") != std::string::npos;
}

} // namespace logbackup
