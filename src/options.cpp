// SPDX-License-Identifier: MIT
#include "logbackup/options.hpp"

#include "logbackup/util/text.hpp"
#include "logbackup/version.hpp"

#include <CLI/CLI.hpp>

#include <grp.h>

#include <filesystem>
#include <memory>
#include <string_view>

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
    "  logbackup list --coverage cut          the log directories that were gone too soon\n"
    "  * * * * * root logbackup --quiet       a line of /etc/cron.d/logbackup";

constexpr const char* list_footer =
    "The coverage of a log directory:\n"
    "  live      it can still grow\n"
    "  complete  it has ended, and all of it is saved\n"
    "  cut       it is gone, and saved up to the time shown\n"
    "  missed    the container lived and died between two runs\n"
    "Times are UTC. Exit codes: 0 listed, 1 no backup or nothing matches, 3 some could not be read.\n";

/// What `parse` makes of `text`; where that is nothing, a usage error.
template <typename Parse>
auto value_of(const char* option, const std::string& text, Parse parse, const char* what) {
    const auto value = parse(text);
    if (!value)
        throw CLI::ValidationError(option, in_quotes(text) + " is no " + what);
    return *value;
}

constexpr const char* duration_example = "time; write for example 90s, 5m or 1h";
constexpr const char* size_example = "size; write for example 5%, 500M or 1.5GiB";
constexpr const char* limit_example = "size; write for example 500M or 4GiB, or 0 for no limit";
constexpr const char* count_example = "whole number of at least 1";

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

std::string parse_backup_root(const std::string& path) {
    if (path.empty())
        throw CLI::ValidationError("--dest", "it is empty");
    std::string normal = std::filesystem::absolute(path).lexically_normal().string();
    if (normal.size() > 1 && normal.ends_with('/'))
        normal.pop_back();
    return normal;
}

/// CLI11 puts two blank lines before each group of options.
std::string without_double_blank_lines(std::string text) {
    for (auto at = text.find("\n\n\n"); at != std::string::npos; at = text.find("\n\n\n"))
        text.erase(at, 1);
    return text;
}

/// The command line: its options, which belong to the program and so can stand before and after the name of a
/// subcommand, and where their values go.
class CommandLine {
  public:
    CommandLine() {
        formatter_->column_width(28);
        app_.formatter(formatter_);
        app_.footer(footer);
        app_.set_help_flag("-h,--help", "Print this help and exit");
        app_.set_version_flag("--version", "logbackup " + std::string(version), "Print the version and exit");
        app_.fallthrough();
        app_.require_subcommand(0, 1);
        add_basics();
        add_filters();
        add_output();
        add_settings();
        add_limits();
        add_subcommands();
    }

    /// Throws CLI::ParseError.
    Options parse(int argc, const char* const* argv) {
        app_.parse(argc, argv);
        options_.timeout = value_of("--timeout", timeout_, parse_duration, duration_example);
        options_.docker_timeout =
            value_of("--docker-timeout", docker_timeout_, parse_duration, duration_example);
        options_.min_free = value_of("--min-free", min_free_, parse_min_free, size_example);
        options_.max_files = value_of("--max-files", max_files_, parse_count, count_example);
        options_.max_depth = value_of("--max-depth", max_depth_, parse_count, count_example);
        options_.max_file_size = value_of("--max-file-size", max_file_size_, parse_size_limit, limit_example);
        options_.max_bytes = value_of("--max-bytes", max_bytes_, parse_size_limit, limit_example);
        options_.log_directory = parse_log_directory(options_.log_directory);
        options_.backup_root = parse_backup_root(options_.backup_root);
        if (!group_.empty())
            options_.group = parse_group(group_);
        if (options_.quiet && options_.verbose)
            throw CLI::ValidationError("--quiet", "it excludes --verbose");
        choose_kind();
        return options_;
    }

    [[nodiscard]] std::string help() {
        CLI::App* command = subcommand();
        return without_double_blank_lines(command == nullptr ? app_.help() : help_of(*command));
    }

    [[nodiscard]] std::string usage_error(const std::string& what) {
        const CLI::App* command = subcommand();
        return "logbackup: " + what.substr(0, what.find('\n')) + " (see 'logbackup " +
               (command == nullptr ? "" : command->get_name() + " ") + "--help')\n";
    }

  private:
    template <typename T>
    CLI::Option* add(const char* name, T& value, const char* text, const char* type, const char* variable) {
        return app_.add_option(name, value, text)->type_name(type)->envname(variable);
    }
    CLI::Option* add_flag(const char* name, bool& value, const char* text, const char* variable) {
        return app_.add_flag(name, value, text)->envname(variable);
    }

    void choose_kind() {
        options_.kind = dry_run_ ? RunKind::dry_run : RunKind::tick;
        const CLI::App* command = subcommand();
        if (command == nullptr)
            return;
        if (dry_run_)
            throw CLI::ValidationError("--dry-run", "'" + command->get_name() + "' changes nothing anyway");
        options_.kind = command == list_ ? RunKind::list : RunKind::verify;
        if (command == list_)
            for (const auto& name : coverages_)
                options_.coverages.push_back(value_of("--coverage", name, parse_coverage,
                                                      "coverage; write live, complete, cut or missed"));
    }

    void add_basics() {
        add_flag("-n,--dry-run", dry_run_, "List what would be saved; change and write nothing",
                 "LOGBACKUP_DRY_RUN");
        add("--dest", options_.backup_root, "Where the backup is", "DIR", "LOGBACKUP_DEST")
            ->capture_default_str();
        add("--log-dir", options_.log_directory, "Log directory inside the containers", "PATH",
            "LOGBACKUP_LOG_DIR")
            ->capture_default_str();
    }

    void add_filters() {
        auto filter = [this](const char* name, std::vector<std::string>& values, const char* text,
                             const char* type, const char* variable) {
            add(name, values, text, type, variable)
                ->group("Only what this run is for")
                ->allow_extra_args(false);
        };
        filter("--service", options_.services, "Only services that match (repeatable)", "GLOB",
               "LOGBACKUP_SERVICE");
        filter("--pod", options_.pods, "Only pods that match (repeatable)", "GLOB", "LOGBACKUP_POD");
        filter("--namespace", options_.namespaces, "Only namespaces that match (repeatable)", "GLOB",
               "LOGBACKUP_NAMESPACE");
        filter("--container", options_.containers, "Only containers whose id begins so (repeatable)", "ID",
               "LOGBACKUP_CONTAINER");
    }

    void add_output() {
        const char* output = "Output";
        add_flag("-q,--quiet", options_.quiet, "Say nothing when nothing is wrong (for cron)",
                 "LOGBACKUP_QUIET")
            ->group(output);
        add_flag("-v,--verbose", options_.verbose, "List each file and what is done to it",
                 "LOGBACKUP_VERBOSE")
            ->group(output);
        add_flag("--json", options_.json, "Print the report as one JSON object", "LOGBACKUP_JSON")
            ->group(output);
        add("--log-file", options_.log_file, "Also append messages to this file", "FILE",
            "LOGBACKUP_LOG_FILE")
            ->group(output);
    }

    void add_settings() {
        const char* how = "How";
        add("--group", group_, "Group that new files and directories are handed to", "NAME",
            "LOGBACKUP_GROUP")
            ->group(how);
        add("--min-free", min_free_,
            "Leave this much of the backup's file system free: 5%, 500M, 1.5GiB or 0", "SIZE|PERCENT",
            "LOGBACKUP_MIN_FREE")
            ->group(how)
            ->capture_default_str();
        add_flag("--pin", options_.pin,
                 "Hard-link the files of running containers, so that what they write until their\n"
                 "death is not lost (logrotate inside a container refuses files with two links)",
                 "LOGBACKUP_PIN")
            ->group(how);
        add_flag("--network-volumes", options_.network_volumes,
                 "Read also volumes on network and user-space (FUSE) file systems; without, their\n"
                 "containers are reported, and no system call is made that could wait for them",
                 "LOGBACKUP_NETWORK_VOLUMES")
            ->group(how);
        add("--timeout", timeout_, "End the run after this long; the next one goes on", "TIME",
            "LOGBACKUP_TIMEOUT")
            ->group(how)
            ->capture_default_str();
        add("--docker-timeout", docker_timeout_, "Longest wait for one docker command", "TIME",
            "LOGBACKUP_DOCKER_TIMEOUT")
            ->group(how)
            ->capture_default_str();
        add("--docker", options_.docker, "The docker client, if not found by itself", "PATH",
            "LOGBACKUP_DOCKER")
            ->group(how);
        add("--rsync", options_.rsync, "The rsync program, if not found by itself", "PATH", "LOGBACKUP_RSYNC")
            ->group(how);
    }

    void add_limits() {
        auto limit = [this](const char* name, std::string& value, const char* text, const char* type,
                            const char* variable) {
            add(name, value, text, type, variable)
                ->group("Limits, each for one container: what is beyond them is reported")
                ->capture_default_str();
        };
        limit("--max-files", max_files_, "Files and directories that are looked at", "N",
              "LOGBACKUP_MAX_FILES");
        limit("--max-depth", max_depth_, "Levels of directories", "N", "LOGBACKUP_MAX_DEPTH");
        limit("--max-file-size", max_file_size_, "Of a larger file only so much is saved; 0: all of it",
              "SIZE", "LOGBACKUP_MAX_FILE_SIZE");
        limit("--max-bytes", max_bytes_, "New bytes in one run, the rest waits for the next; 0: no limit",
              "SIZE", "LOGBACKUP_MAX_BYTES");
    }

    void add_subcommands() {
        list_ = app_.add_subcommand("list",
                                    "List what is in the backup, and how far each log directory is saved");
        list_->add_option("--coverage", coverages_, "Only live, complete, cut or missed ones (repeatable)")
            ->type_name("WHICH")
            ->envname("LOGBACKUP_COVERAGE")
            ->allow_extra_args(false);
        verify_ =
            app_.add_subcommand("verify", "Compare the backup with the containers' files, byte by byte");
    }

    /// The one that was given, or nullptr.
    [[nodiscard]] CLI::App* subcommand() {
        const auto parsed = app_.get_subcommands();
        return parsed.empty() ? nullptr : parsed.front();
    }

    /// Only the options that matter there, which are the program's; CLI11 would show the subcommand's own.
    [[nodiscard]] std::string help_of(CLI::App& command) {
        std::vector<const char*> names{"--dest", "--service", "--pod", "--namespace", "--container"};
        const bool list = &command == list_;
        if (list)
            names.insert(names.end(), {"--coverage", "--json", "--verbose"});
        else
            names.insert(names.end(),
                         {"--log-dir", "--json", "--quiet", "--verbose", "--timeout", "--docker"});
        std::vector<const CLI::Option*> shown{command.get_option("--help")};
        for (const char* name : names) {
            CLI::Option* option = (name == std::string_view("--coverage") ? command : app_).get_option(name);
            shown.push_back(option->envname("")); // they make the lines too long
        }
        if (list)
            app_.get_option("--verbose")->description("Show also paths, images and container ids");
        return command.get_description() + "\n\nUsage: logbackup " + command.get_name() + " [OPTIONS]\n" +
               formatter_->make_group("Options", false, shown) + "\n" +
               (list ? list_footer
                     : "Exit codes: 0 no differences, 1 no backup or no docker, 3 something differs that was "
                       "there at the last run.\n"
                       "'logbackup --help' has all options.\n");
    }

    std::shared_ptr<CLI::Formatter> formatter_ = std::make_shared<CLI::Formatter>();
    CLI::App app_{description, "logbackup"};
    CLI::App* list_ = nullptr; // both owned by app_
    CLI::App* verify_ = nullptr;
    Options options_;
    bool dry_run_ = false;
    std::string group_;
    std::string min_free_ = "5%";
    std::string max_files_ = "100000";
    std::string max_depth_ = "100";
    std::string max_file_size_ = "100G";
    std::string max_bytes_ = "4G";
    std::string docker_timeout_ = "10s";
    std::string timeout_ = "30m";
    std::vector<std::string> coverages_;
};

} // namespace

std::optional<Options> parse_options(int argc, const char* const* argv, ParseEnded& ended) {
    CommandLine line;
    try {
        return line.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        ended = {0, line.help()};
    } catch (const CLI::CallForVersion&) {
        ended = {0, "logbackup " + std::string(version) + "\n"};
    } catch (const CLI::ParseError& error) {
        ended = {2, line.usage_error(error.what())};
    }
    return std::nullopt;
}

} // namespace logbackup
