// SPDX-License-Identifier: MIT
#include "logbackup/options.hpp"

#include "logbackup/exclude.hpp"
#include "logbackup/option_sources.hpp"
#include "logbackup/util/error.hpp"
#include "logbackup/util/text.hpp"
#include "logbackup/version.hpp"

#include <CLI/CLI.hpp>

#include <grp.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <sstream>
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
    "Every option can also be set in the environment (--max-files as LOGBACKUP_MAX_FILES, --quiet as\n"
    "LOGBACKUP_QUIET=1), which is weaker, and in the configuration file (max-files = 1000, quiet = true),\n"
    "which is weaker still. 'logbackup config' shows what takes effect.\n"
    "DOCKER_HOST and the other variables of the docker client are passed on to it.\n"
    "\n"
    "Exit codes:\n"
    "  0  everything is backed up             3  done in part: the report says what failed\n"
    "  1  nothing could be done               75  another run is working on the same backup\n"
    "  2  wrong usage or configuration        128+n  stopped by signal n\n"
    "\n"
    "Examples:\n"
    "  logbackup --dry-run                    what would be saved now\n"
    "  logbackup -v --service 'payments*'     save some services only, and list each file\n"
    "  logbackup list --coverage cut          the log directories that were gone too soon\n"
    "  logbackup prune --keep 30d --dry-run   what would be deleted now\n"
    "  * * * * * root logbackup --quiet       a line of /etc/cron.d/logbackup";

constexpr const char* list_footer =
    "The coverage of a log directory:\n"
    "  live      it can still grow\n"
    "  complete  it has ended, and all of it is saved\n"
    "  cut       it is gone, and saved up to the time shown\n"
    "  missed    the container lived and died between two runs\n"
    "What needs attention comes first: failing (the last runs could not save all of it), cut, missed.\n"
    "Times are UTC. Exit codes: 0 listed, 1 no backup or nothing matches, 3 some could not be read.\n";

constexpr const char* verify_footer = "Exit codes: 0 no differences, 1 no backup or no docker, 3 something "
                                      "differs that was there at the last run.\n"
                                      "'logbackup --help' has all options.\n";

constexpr const char* prune_footer =
    "Goes: of containers that are gone, what ended longer ago than --keep; of those that are there, files "
    "that\n"
    "they do not have any longer, and that did not change for so long; and while the backup is larger than\n"
    "--max-size, what ended first. Never what a container still has. Without either option nothing is "
    "deleted.\n"
    "Nothing is deleted before runs have seen the clock go for a day without a jump.\n"
    "Exit codes: 0 done, 1 no backup or a clock that cannot be trusted, 3 something could not be deleted or\n"
    "looked at, 75 another run is working.\n";

constexpr const char* check_footer =
    "Exit codes: 0 ready, be it with warnings; 1 no run is possible; 3 runs are possible, but something will "
    "be\n"
    "missing. --quiet shows only what is not ok. 'logbackup --help' has all options.\n";

constexpr const char* config_footer =
    "The output can serve as a configuration file. Sections "
    "[service.\"GLOB\"] have the options that differ for\n"
    "some services: log-dir, exclude, keep. Of several that match, the last one counts.\n";

constexpr const char* duration_example = "time; write for example 90s, 5m, 1h or 1d";
constexpr const char* keep_example = "time; write for example 30d, 4w or 0 for ever";
constexpr const char* size_example = "size; write for example 5%, 500M or 1.5GiB";
constexpr const char* limit_example = "size; write for example 500M or 4GiB, or 0 for no limit";
constexpr const char* ionice_example =
    "I/O priority; write none, idle, best-effort or best-effort:0 to best-effort:7";
constexpr const char* count_example = "whole number of at least 1";
constexpr const char* count_limit_example = "whole number; write 0 for no limit";
constexpr const char* exclude_example = "glob of files in a log directory";
constexpr const char* log_directory_example = "absolute path of a directory in the container";

std::optional<gid_t> parse_group(const std::string& name) {
    const group* found = name.empty() ? nullptr : ::getgrnam(name.c_str());
    if (found == nullptr)
        return name.empty() ? std::optional(static_cast<gid_t>(-1)) : std::nullopt;
    return found->gr_gid;
}

std::optional<std::string> parse_log_directory(const std::string& path) {
    const auto normal = std::filesystem::path(path).lexically_normal();
    std::string text = normal.string();
    if (text.size() > 1 && text.ends_with('/'))
        text.pop_back();
    return normal.is_absolute() && text != "/" ? std::optional(text) : std::nullopt;
}

/// Why these cannot all be saved; empty when they can.
std::string overlap_of(const std::vector<std::string>& log_directories) {
    for (const auto& one : log_directories)
        for (const auto& other : log_directories)
            if (&one != &other && (other + "/").starts_with(one + "/"))
                return one == other ? in_quotes(one) + " stands there twice"
                                    : in_quotes(other) + " lies in " + in_quotes(one);
    return {};
}

/// As PATH has them.
std::vector<std::string> parts_between_colons(const std::string& text) {
    std::vector<std::string> parts;
    std::istringstream rest(text);
    for (std::string part; std::getline(rest, part, ':');)
        parts.push_back(part);
    return parts;
}

std::optional<std::string> parse_backup_root(const std::string& path) {
    if (path.empty())
        return std::nullopt;
    std::string normal = std::filesystem::absolute(path).lexically_normal().string();
    if (normal.size() > 1 && normal.ends_with('/'))
        normal.pop_back();
    return normal;
}

/// The collector reads no files of other names.
std::optional<std::string> parse_metrics_file(const std::string& path) {
    return path.empty() || path.ends_with(".prom") ? std::optional(path) : std::nullopt;
}

/// A subcommand, and the options that its help shows: those that matter there.
struct Command {
    const char* name;
    RunKind kind;
    const char* description;
    const char* footer;
    std::vector<const char*> options;
};

const std::vector<Command>& commands() {
    static const std::vector<Command> all{
        {"list",
         RunKind::list,
         "List what is in the backup, and how far each log directory is saved",
         list_footer,
         {"--dest", "--service", "--pod", "--namespace", "--container", "--coverage", "--json", "--verbose",
          "--config"}},
        {"verify",
         RunKind::verify,
         "Compare the backup with the containers' files, byte by byte",
         verify_footer,
         {"--dest", "--service", "--pod", "--namespace", "--container", "--log-dir", "--exclude", "--json",
          "--quiet", "--verbose", "--max-duration", "--docker", "--config"}},
        {"prune",
         RunKind::prune,
         "Delete what ended long ago, and make the backup fit into a size",
         prune_footer,
         {"--keep", "--max-size", "--dry-run", "--trust-clock", "--dest", "--service", "--pod", "--namespace",
          "--container", "--log-dir", "--json", "--quiet", "--verbose", "--log-file", "--max-duration",
          "--docker", "--config"}},
        {"check",
         RunKind::check,
         "Look whether this machine is ready, from docker to the schedule; change and write nothing",
         check_footer,
         {"--dest", "--json", "--quiet", "--min-free", "--pin", "--network-volumes", "--docker-timeout",
          "--docker", "--rsync", "--config"}},
        {"config",
         RunKind::config,
         "Print all options as they take effect, and where each value comes from",
         config_footer,
         {"--config", "--json"}},
    };
    return all;
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
    explicit CommandLine(std::string standard_file) : standard_file_(std::move(standard_file)) {
        formatter_->column_width(28);
        app_.formatter(formatter_);
        app_.footer(footer);
        app_.set_help_flag("-h,--help", "Print this help and exit")->configurable(false);
        app_.set_version_flag("--version", "logbackup " + std::string(version), "Print the version and exit")
            ->configurable(false);
        app_.fallthrough();
        app_.require_subcommand(0, 1);
        add_basics();
        add_filters();
        add_output();
        add_settings();
        add_limits();
        add_retention();
        for (const auto& command : commands())
            app_.add_subcommand(command.name, command.description);
    }

    /// Throws CLI::ParseError, and Error.
    Options parse(int argc, const char* const* argv) {
        app_.parse(argc, argv);
        sources_.emplace(app_, standard_file_);
        Options& options = options_;
        convert("--dest", dest_, options.backup_root, parse_backup_root, "path");
        take_log_directories();
        for (const auto& glob : exclude_)
            convert("--exclude", glob, options.exclude.emplace_back(), parse_exclude, exclude_example);
        convert("--group", group_, options.group, parse_group, "group of this system");
        convert("--min-free", min_free_, options.min_free, parse_min_free, size_example);
        convert("--max-duration", max_duration_, options.max_duration, parse_duration, duration_example);
        convert("--docker-timeout", docker_timeout_, options.docker_timeout, parse_duration,
                duration_example);
        convert("--max-files", max_files_, options.max_files, parse_count, count_example);
        convert("--max-depth", max_depth_, options.max_depth, parse_count, count_example);
        convert("--max-file-size", max_file_size_, options.max_file_size, parse_size_limit, limit_example);
        convert("--max-bytes", max_bytes_, options.max_bytes, parse_size_limit, limit_example);
        convert("--nice", nice_, options.nice, parse_nice, "whole number of 0 to 19");
        convert("--ionice", ionice_, options.io_priority, parse_io_priority, ionice_example);
        convert("--bwlimit", bwlimit_, options.bandwidth, parse_size_limit, limit_example);
        convert("--metrics", metrics_, options.metrics, parse_metrics_file, "path of a file NAME.prom");
        convert("--warn-skipped", warn_skipped_, options.warn_skipped, parse_count_limit,
                count_limit_example);
        convert("--keep", keep_, options.keep, parse_keep, keep_example);
        convert("--max-size", max_size_, options.max_size, parse_size_limit, limit_example);
        take_sections();
        choose_kind();
        choose_loudness();
        options.config_file = sources_->file();
        options.settings = sources_->settings();
        return options;
    }

    [[nodiscard]] std::string help() {
        const Command* command = subcommand();
        return without_double_blank_lines(command == nullptr ? app_.help() : help_of(*command));
    }

    [[nodiscard]] std::string usage_error(const std::string& what) {
        const Command* command = subcommand();
        return "logbackup: " + what.substr(0, what.find('\n')) + " (see 'logbackup " +
               (command == nullptr ? "" : std::string(command->name) + " ") + "--help')\n";
    }

  private:
    template <typename T> CLI::Option* add(const char* name, T& value, const char* text, const char* type) {
        return app_.add_option(name, value, text)->type_name(type)->capture_default_str();
    }

    /// `value` becomes what `parse_text` makes of `text`; a usage error where that is nothing.
    template <typename T, typename Parse>
    void convert(const char* name, const std::string& text, T& value, Parse parse_text, const char* what) {
        const auto parsed = parse_text(text);
        if (!parsed)
            throw CLI::ValidationError(sources_->shown(app_.get_option(name)),
                                       in_quotes(text) + " is no " + what);
        value = *parsed;
    }

    [[nodiscard]] Origin origin_of(const char* name) { return sources_->origin_of(app_.get_option(name)); }

    void take_sections() {
        for (const auto& line : sources_->sections()) {
            const auto wrong = [&](const std::string& why) {
                return Error("cannot use " + in_quotes(line.key) + " of [service." + in_quotes(line.service) +
                             "] in " + in_quotes(sources_->file()) + ": " + why);
            };
            if (line.key != "log-dir" && line.key != "keep" && line.key != "exclude")
                throw wrong("it cannot differ from service to service; log-dir, exclude and keep can");
            if (options_.of_services.empty() || options_.of_services.back().glob != line.service)
                options_.of_services.push_back({line.service, {}, {}, {}});
            ServiceOptions& service = options_.of_services.back();
            const auto read = [&](const std::string& text, auto parse_text, const char* what) {
                const auto value = parse_text(text);
                if (!value)
                    throw wrong(in_quotes(text) + " is no " + what);
                return *value;
            };
            if (line.key == "exclude") {
                service.exclude.emplace();
                for (const auto& glob : line.values)
                    service.exclude->push_back(read(glob, parse_exclude, exclude_example));
                continue;
            }
            if (line.key == "keep") {
                if (line.values.size() != 1)
                    throw wrong("it takes one value");
                service.keep = read(line.values.front(), parse_keep, keep_example);
                continue;
            }
            service.log_directories.emplace();
            for (const auto& text : line.values)
                service.log_directories->push_back(read(text, parse_log_directory, log_directory_example));
            if (service.log_directories->empty())
                throw wrong("it has no value");
            if (const auto overlap = overlap_of(*service.log_directories); !overlap.empty())
                throw wrong(overlap);
        }
    }

    void take_log_directories() {
        if (origin_of("--log-dir") == Origin::environment)
            log_directories_ = parts_between_colons(log_directories_.front());
        options_.log_directories.clear();
        for (const auto& path : log_directories_)
            convert("--log-dir", path, options_.log_directories.emplace_back(), parse_log_directory,
                    log_directory_example);
        if (const auto overlap = overlap_of(options_.log_directories); !overlap.empty())
            throw CLI::ValidationError(sources_->shown(app_.get_option("--log-dir")), overlap);
    }

    void choose_kind() {
        const Command* command = subcommand();
        options_.kind = command != nullptr ? command->kind : dry_run_ ? RunKind::dry_run : RunKind::tick;
        if (options_.kind == RunKind::prune && dry_run_)
            options_.kind = RunKind::prune_dry_run;
        else if (command != nullptr && dry_run_ && origin_of("--dry-run") == Origin::command_line)
            throw CLI::ValidationError("--dry-run",
                                       "'" + std::string(command->name) + "' changes nothing anyway");
        check_retention(command != nullptr && command->kind == RunKind::prune);
        if (options_.kind != RunKind::list && origin_of("--coverage") == Origin::command_line)
            throw CLI::ValidationError("--coverage", "only 'logbackup list' has it");
        if (options_.kind != RunKind::list)
            return;
        for (const auto& name : coverages_)
            convert("--coverage", name, options_.coverages.emplace_back(), parse_coverage,
                    "coverage; write live, complete, cut or missed");
    }

    void check_retention(bool is_prune) {
        if (options_.trust_clock && !is_prune)
            throw CLI::ValidationError("--trust-clock", "only 'logbackup prune' has it");
        if (is_prune && !has_retention(options_))
            throw CLI::ValidationError("--keep", "say with it, or with --max-size, what is to be deleted");
    }

    /// Of two that contradict each other the one from the stronger place counts.
    void choose_loudness() {
        if (!options_.quiet || !options_.verbose)
            return;
        const auto quiet = origin_of("--quiet");
        const auto verbose = origin_of("--verbose");
        if (quiet == verbose)
            throw CLI::ValidationError(sources_->shown(app_.get_option("--quiet")),
                                       "it excludes " + sources_->shown(app_.get_option("--verbose")));
        (quiet > verbose ? options_.verbose : options_.quiet) = false;
    }

    void add_basics() {
        app_.add_flag("-n,--dry-run", dry_run_, "List what would be saved; change and write nothing");
        add("--dest", dest_, "Where the backup is", "DIR");
        add("--log-dir", log_directories_,
            "Log directory inside the containers (repeatable: of several each is saved under\n"
            "its own path below <pod>)",
            "PATH")
            ->default_str("/opt/logs")
            ->allow_extra_args(false);
        add("--exclude", exclude_,
            "Leave these files out, and what is in such directories: *.hprof at any depth,\n"
            "with a slash a path from the log directory (repeatable)",
            "GLOB")
            ->default_str("")
            ->allow_extra_args(false);
        add("--config", standard_file_, "Read options from this file, too", "FILE")->configurable(false);
    }

    void add_filters() {
        auto filter = [this](const char* name, std::vector<std::string>& values, const char* text,
                             const char* type) {
            add(name, values, text, type)
                ->group("Only what this run is for")
                ->default_str("")
                ->allow_extra_args(false);
        };
        filter("--service", options_.services, "Only services that match (repeatable)", "GLOB");
        filter("--pod", options_.pods, "Only pods that match (repeatable)", "GLOB");
        filter("--namespace", options_.namespaces, "Only namespaces that match (repeatable)", "GLOB");
        filter("--container", options_.containers, "Only containers whose id begins so (repeatable)", "ID");
        add("--coverage", coverages_, "Of a list: only live, complete, cut or missed ones (repeatable)",
            "WHICH")
            ->group("Only what this run is for")
            ->default_str("")
            ->allow_extra_args(false);
    }

    void add_output() {
        const char* output = "Output";
        auto flag = [&](const char* name, bool& value, const char* text) {
            app_.add_flag(name, value, text)->group(output);
        };
        flag("-q,--quiet", options_.quiet, "Say nothing when nothing is wrong (for cron)");
        flag("-v,--verbose", options_.verbose, "List each file and what is done to it");
        flag("--json", options_.json, "Print the report as one JSON object");
        add("--log-file", options_.log_file, "Also append messages to this file", "FILE")->group(output);
        flag("--syslog", options_.syslog, "Also send messages to the system log");
        add("--metrics", metrics_, "Write this file for node_exporter's textfile collector", "FILE.prom")
            ->group(output);
        add("--warn-skipped", warn_skipped_,
            "Warn when so many runs have ended at once because one was working; 0: never", "N")
            ->group(output);
    }

    void add_settings() {
        const char* how = "How";
        add("--group", group_, "Group that new files and directories are handed to", "NAME")->group(how);
        add("--min-free", min_free_,
            "Leave this much of the backup's file system free: 5%, 500M, 1.5GiB or 0", "SIZE|PERCENT")
            ->group(how);
        app_.add_flag("--pin", options_.pin,
                      "Hard-link the files of running containers, so that what they write until their\n"
                      "death is not lost (logrotate inside a container refuses files with two links)")
            ->group(how);
        app_.add_flag("--network-volumes", options_.network_volumes,
                      "Read also volumes on network and user-space (FUSE) file systems; without, their\n"
                      "containers are reported, and no system call is made that could wait for them")
            ->group(how);
        add("--max-duration", max_duration_, "End the run after this long; the next one goes on", "TIME")
            ->group(how);
        add("--nice", nice_, "CPU priority, 0 to 19: 19 gives way to everything", "N")->group(how);
        add("--ionice", ionice_, "I/O priority: none, best-effort:0 to best-effort:7, idle", "CLASS")
            ->group(how);
        add("--bwlimit", bwlimit_, "Save no more than this in a second; 0: no limit", "SIZE")->group(how);
        add("--docker-timeout", docker_timeout_, "Longest wait for one docker command", "TIME")->group(how);
        add("--docker", options_.docker, "The docker client, if not found by itself", "PATH")->group(how);
        add("--rsync", options_.rsync, "The rsync program, if not found by itself", "PATH")->group(how);
    }

    void add_retention() {
        auto retention = [this](const char* name, std::string& value, const char* text, const char* type) {
            add(name, value, text, type)->group("Retention (by default nothing is ever deleted)");
        };
        retention("--keep", keep_,
                  "Delete what containers that are gone left behind after this long, and files that\n"
                  "have vanished from those that are there: 30d, 4w or 0 (for ever)",
                  "TIME");
        retention("--max-size", max_size_,
                  "While the backup takes more on disk, delete what ended first; 0: no limit", "SIZE");
        app_.add_flag("--trust-clock", options_.trust_clock, "Delete also after the clock has just jumped")
            ->configurable(false)
            ->group("");
    }

    void add_limits() {
        auto limit = [this](const char* name, std::string& value, const char* text, const char* type) {
            add(name, value, text, type)
                ->group("Limits, each for one container: what is beyond them is reported");
        };
        limit("--max-files", max_files_, "Files and directories that are looked at", "N");
        limit("--max-depth", max_depth_, "Levels of directories", "N");
        limit("--max-file-size", max_file_size_, "Of a larger file only so much is saved; 0: all of it",
              "SIZE");
        limit("--max-bytes", max_bytes_, "New bytes in one run, the rest waits for the next; 0: no limit",
              "SIZE");
    }

    /// The one that was given, or nullptr.
    [[nodiscard]] const Command* subcommand() {
        const auto parsed = app_.get_subcommands();
        if (parsed.empty())
            return nullptr;
        return &*std::find_if(commands().begin(), commands().end(), [&](const Command& command) {
            return command.name == parsed.front()->get_name();
        });
    }

    /// CLI11 would show the subcommand's own options, of which there are none.
    [[nodiscard]] std::string help_of(const Command& command) {
        if (command.kind == RunKind::prune) {
            app_.get_option("--verbose")->description("Show also paths");
            app_.get_option("--dry-run")->description("List what would be deleted; change and write nothing");
            app_.get_option("--trust-clock")->group("Options"); // CLI11 shows no hidden one
        }
        std::vector<const CLI::Option*> shown{app_.get_option("--help")};
        for (const char* name : command.options)
            shown.push_back(app_.get_option(name));
        if (command.kind == RunKind::list)
            app_.get_option("--verbose")->description("Show also paths, images and container ids");
        return std::string(command.description) + "\n\nUsage: logbackup " + command.name + " [OPTIONS]\n" +
               formatter_->make_group("Options", false, shown) + "\n" + command.footer;
    }

    std::shared_ptr<CLI::Formatter> formatter_ = std::make_shared<CLI::Formatter>();
    CLI::App app_{description, "logbackup"};
    std::optional<OptionSources> sources_;
    std::string standard_file_;
    Options options_;
    bool dry_run_ = false;
    std::string dest_ = "/u01/logbackup";
    std::vector<std::string> log_directories_{"/opt/logs"};
    std::vector<std::string> exclude_;
    std::string group_;
    std::string min_free_ = "5%";
    std::string max_files_ = "100000";
    std::string max_depth_ = "100";
    std::string max_file_size_ = "100G";
    std::string max_bytes_ = "4G";
    std::string metrics_;
    std::string warn_skipped_ = "10";
    std::string nice_ = "10";
    std::string ionice_ = "best-effort:7";
    std::string bwlimit_ = "0";
    std::string docker_timeout_ = "10s";
    std::string max_duration_ = "30m";
    std::string keep_ = "0";
    std::string max_size_ = "0";
    std::vector<std::string> coverages_;
};

} // namespace

std::optional<Options> parse_options(int argc, const char* const* argv, ParseEnded& ended,
                                     const std::string& standard_file) {
    CommandLine line(standard_file);
    try {
        return line.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        ended = {0, line.help()};
    } catch (const CLI::CallForVersion&) {
        ended = {0, "logbackup " + std::string(version) + "\n"};
    } catch (const CLI::ParseError& error) {
        ended = {2, line.usage_error(error.what())};
    } catch (const Error& error) {
        ended = {2, std::string("logbackup: ") + error.what() +
                        (error.hint().empty() ? "" : " (" + error.hint() + ")") + "\n"};
    }
    return std::nullopt;
}

} // namespace logbackup
