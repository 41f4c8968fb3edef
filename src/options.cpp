// SPDX-License-Identifier: MIT
#include "logbackup/options.hpp"

#include "logbackup/util/error.hpp"
#include "logbackup/util/text.hpp"
#include "logbackup/version.hpp"

#include <CLI/CLI.hpp>

#include <fnmatch.h>
#include <grp.h>

#include <algorithm>
#include <filesystem>
#include <map>

namespace logbackup {
namespace {

constexpr const char* description = "Saves the log files that applications write inside their Docker "
                                    "containers, before a container is gone.\n"
                                    "One run (from cron, every minute) brings DEST/<service>/<pod> up to "
                                    "date with /opt/logs of every container,\n"
                                    "running or stopped. Saved bytes are never overwritten: a log that is "
                                    "truncated or replaced is set aside as\n"
                                    "<name>~<UTC time> and begun anew.";

constexpr const char* footer =
    "Every option can also be set by its environment variable, e.g. LOGBACKUP_DEST, LOGBACKUP_QUIET=1.\n"
    "DOCKER_HOST and the other variables of the docker client are passed on to it.\n"
    "\n"
    "Exit codes:\n"
    "  0  everything is backed up             3  done in part: the report says what failed\n"
    "  1  nothing could be done               75  another run is working on the same backup\n"
    "  2  wrong usage                         128+n  stopped by signal n\n"
    "\n"
    "Examples:\n"
    "  logbackup --dry-run                    what would be saved now\n"
    "  logbackup -v --service 'payments*'     save some services only, and list each file\n"
    "  * * * * * root logbackup --quiet       a line of /etc/cron.d/logbackup";

std::chrono::milliseconds parse_duration(const std::string& option, const std::string& text) {
    static const std::map<std::string, double> units{{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}};
    std::size_t digits = 0;
    double value = 0;
    try {
        value = std::stod(text, &digits);
    } catch (const std::exception&) {
        digits = std::string::npos;
    }
    const auto unit = digits == std::string::npos ? units.end() : units.find(text.substr(digits));
    if (unit == units.end() || !(value * unit->second >= 0.001) || value * unit->second > 1e9)
        throw CLI::ValidationError(option, in_quotes(text) + " is no time; write for example 90s, 5m or 1h");
    return std::chrono::milliseconds(static_cast<std::int64_t>(value * unit->second * 1000));
}

gid_t parse_group(const std::string& name) {
    const group* found = ::getgrnam(name.c_str());
    if (found == nullptr)
        throw CLI::ValidationError("--group", "there is no group " + in_quotes(name));
    return found->gr_gid;
}

std::string parse_log_directory(const std::string& path) {
    const auto normal = std::filesystem::path(path).lexically_normal();
    if (!normal.is_absolute() || normal == "/")
        throw CLI::ValidationError(
            "--log-dir", in_quotes(path) + " is not the absolute path of a directory in the container");
    return normal.string();
}

/// CLI11 puts two blank lines before each group of options.
std::string without_double_blank_lines(std::string text) {
    for (auto at = text.find("\n\n\n"); at != std::string::npos; at = text.find("\n\n\n"))
        text.erase(at, 1);
    return text;
}

std::string usage_error(const std::string& what) {
    return "logbackup: " + what.substr(0, what.find('\n')) + " (see 'logbackup --help')\n";
}

bool matches_any(const std::vector<std::string>& globs, const std::string& name) {
    return globs.empty() || std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) {
               return ::fnmatch(glob.c_str(), name.c_str(), 0) == 0;
           });
}

} // namespace

std::optional<Options> parse_options(int argc, const char* const* argv, ParseEnded& ended) {
    Options options;
    std::string group;
    std::string docker_timeout = "10s";
    std::string timeout = "30m";
    CLI::App app(description, "logbackup");
    app.footer(footer);
    app.get_formatter()->column_width(28);
    app.set_help_flag("-h,--help", "Print this help and exit");
    app.set_version_flag("--version", "logbackup " + std::string(version), "Print the version and exit");
    auto add = [&](const char* name, auto& value, const char* text, const char* type, const char* variable) {
        return app.add_option(name, value, text)->type_name(type)->envname(variable);
    };
    bool dry_run = false;
    app.add_flag("-n,--dry-run", dry_run, "List what would be saved; change and write nothing")
        ->envname("LOGBACKUP_DRY_RUN");
    add("--dest", options.backup_root, "Where the backup is", "DIR", "LOGBACKUP_DEST")->capture_default_str();
    add("--log-dir", options.log_directory, "Log directory inside the containers", "PATH",
        "LOGBACKUP_LOG_DIR")
        ->capture_default_str();
    const char* which = "Only what this run is for";
    add("--service", options.services, "Only services that match (repeatable)", "GLOB", "LOGBACKUP_SERVICE")
        ->group(which)
        ->allow_extra_args(false);
    add("--pod", options.pods, "Only pods that match (repeatable)", "GLOB", "LOGBACKUP_POD")
        ->group(which)
        ->allow_extra_args(false);
    add("--namespace", options.namespaces, "Only namespaces that match (repeatable)", "GLOB",
        "LOGBACKUP_NAMESPACE")
        ->group(which)
        ->allow_extra_args(false);
    add("--container", options.containers, "Only containers whose id begins so (repeatable)", "ID",
        "LOGBACKUP_CONTAINER")
        ->group(which)
        ->allow_extra_args(false);
    const char* output = "Output";
    app.add_flag("-q,--quiet", options.quiet, "Say nothing when nothing is wrong (for cron)")
        ->envname("LOGBACKUP_QUIET")
        ->group(output);
    app.add_flag("-v,--verbose", options.verbose, "List each file and what is done to it")
        ->envname("LOGBACKUP_VERBOSE")
        ->group(output);
    app.add_flag("--json", options.json, "Print the report as one JSON object")
        ->envname("LOGBACKUP_JSON")
        ->group(output);
    add("--log-file", options.log_file, "Also append messages to this file", "FILE", "LOGBACKUP_LOG_FILE")
        ->group(output);
    const char* how = "How";
    add("--group", group, "Group that new files and directories are handed to", "NAME", "LOGBACKUP_GROUP")
        ->group(how);
    add("--timeout", timeout, "End the run after this long; the next one goes on", "TIME",
        "LOGBACKUP_TIMEOUT")
        ->group(how)
        ->capture_default_str();
    add("--docker-timeout", docker_timeout, "Longest wait for one docker command", "TIME",
        "LOGBACKUP_DOCKER_TIMEOUT")
        ->group(how)
        ->capture_default_str();
    add("--docker", options.docker, "The docker client, if not found by itself", "PATH", "LOGBACKUP_DOCKER")
        ->group(how);
    add("--rsync", options.rsync, "The rsync program, if not found by itself", "PATH", "LOGBACKUP_RSYNC")
        ->group(how);
    try {
        app.parse(argc, argv);
        options.kind = dry_run ? RunKind::dry_run : RunKind::tick;
        options.timeout = parse_duration("--timeout", timeout);
        options.docker_timeout = parse_duration("--docker-timeout", docker_timeout);
        options.log_directory = parse_log_directory(options.log_directory);
        if (options.backup_root.empty())
            throw CLI::ValidationError("--dest", "it is empty");
        options.backup_root = std::filesystem::absolute(options.backup_root).lexically_normal().string();
        if (options.backup_root.size() > 1 && options.backup_root.ends_with('/'))
            options.backup_root.pop_back();
        if (!group.empty())
            options.group = parse_group(group);
        if (options.quiet && options.verbose)
            throw CLI::ValidationError("--quiet", "it excludes --verbose");
    } catch (const CLI::CallForHelp&) {
        ended = {0, without_double_blank_lines(app.help())};
        return std::nullopt;
    } catch (const CLI::CallForVersion&) {
        ended = {0, "logbackup " + std::string(version) + "\n"};
        return std::nullopt;
    } catch (const CLI::ParseError& error) {
        ended = {2, usage_error(error.what())};
        return std::nullopt;
    }
    return options;
}

bool has_filter(const Options& options) {
    return !options.services.empty() || !options.pods.empty() || !options.namespaces.empty() ||
           !options.containers.empty();
}

bool selects(const Options& options, const Container& container) {
    const bool id = options.containers.empty() ||
                    std::any_of(options.containers.begin(), options.containers.end(),
                                [&](const std::string& prefix) { return container.id.starts_with(prefix); });
    return id && matches_any(options.services, container.service) &&
           matches_any(options.pods, container.pod) &&
           matches_any(options.namespaces, container.namespace_name);
}

} // namespace logbackup
