// SPDX-License-Identifier: MIT
#include "config/declare.hpp"

#include "config/subcommands.hpp"

namespace logbackup {
namespace {

class Declaration {
  public:
    Declaration(CLI::App& app, GivenOptions& given) : app_(app), given_(given) {}

    void all() {
        add_basics();
        add_filters();
        add_output();
        add_settings();
        add_limits();
        add_retention();
    }

  private:
    template <typename T> CLI::Option* add(const char* name, T& value, const char* text, const char* type) {
        return app_.add_option(name, value, text)->type_name(type)->capture_default_str();
    }

    void add_basics() {
        app_.add_flag("-n,--dry-run", given_.dry_run, "List what would be saved; change and write nothing");
        add("--dest", given_.dest, "Where the backup is", "DIR");
        add("--log-dir", given_.log_directories,
            "Log directory inside the containers (repeatable: the first is saved as <pod>, each\n"
            "further one beside it, such as <pod>+var+log)",
            "PATH")
            ->default_str("/opt/logs")
            ->allow_extra_args(false);
        add("--exclude", given_.exclude,
            "Leave these files out, and what is in such directories: *.hprof at any depth,\n"
            "with a slash a path from the log directory (repeatable)",
            "GLOB")
            ->default_str("")
            ->allow_extra_args(false);
        add("--config", given_.standard_file, "Read options from this file, too", "FILE")
            ->configurable(false);
        app_.add_flag("--require-mount", given_.options.require_mount,
                      "Refuse to work while the backup is on the file system of /: its disk is not mounted");
        app_.add_flag("--adopt", given_.options.adopt,
                      "Take over a backup that belongs to another host or Docker engine; once, by hand")
            ->configurable(false);
    }

    void add_filters() {
        auto filter = [this](const char* name, std::vector<std::string>& values, const char* text,
                             const char* type) {
            add(name, values, text, type)
                ->group("Only what this run is for")
                ->default_str("")
                ->allow_extra_args(false);
        };
        filter("--service", given_.options.services, "Only services that match (repeatable)", "GLOB");
        filter("--pod", given_.options.pods, "Only pods that match (repeatable)", "GLOB");
        filter("--namespace", given_.options.namespaces, "Only namespaces that match (repeatable)", "GLOB");
        filter("--container", given_.options.containers, "Only containers whose id begins so (repeatable)",
               "ID");
        add("--coverage", given_.coverages, "Of a list: only live, complete, cut or missed ones (repeatable)",
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
        flag("-q,--quiet", given_.options.quiet, "Say nothing when nothing is wrong (for cron)");
        flag("-v,--verbose", given_.options.verbose, "List each file and what is done to it");
        flag("--json", given_.options.json, "Print the report as one JSON object");
        add("--log-file", given_.options.log_file, "Also append messages to this file", "FILE")
            ->group(output);
        flag("--syslog", given_.options.syslog, "Also send messages to the system log");
        add("--metrics", given_.metrics, "Write this file for node_exporter's textfile collector",
            "FILE.prom")
            ->group(output);
        add("--warn-skipped", given_.warn_skipped,
            "Warn when so many runs have ended at once because one was working; 0: never", "N")
            ->group(output);
    }

    void add_settings() {
        const char* how = "How";
        add("--group", given_.group, "Group that new files and directories are handed to", "NAME")
            ->group(how);
        add("--min-free", given_.min_free,
            "Leave this much of the backup's file system free: 5%, 500M, 1.5GiB or 0", "SIZE|PERCENT")
            ->group(how);
        add("--max-duration", given_.max_duration, "End the run after this long; the next one goes on",
            "TIME")
            ->group(how);
        add("--nice", given_.nice, "CPU priority, 0 to 19: 19 gives way to everything", "N")->group(how);
        add("--ionice", given_.ionice, "I/O priority: none, best-effort:0 to best-effort:7, idle", "CLASS")
            ->group(how);
        add("--bwlimit", given_.bwlimit, "Save no more than this in a second; 0: no limit", "SIZE")
            ->group(how);
        add("--docker-timeout", given_.docker_timeout, "Longest wait for one docker command", "TIME")
            ->group(how);
        add("--docker", given_.options.docker, "The docker client, if not found by itself", "PATH")
            ->group(how);
        add("--rsync", given_.options.rsync, "The rsync program, if not found by itself", "PATH")->group(how);
    }

    void add_retention() {
        auto retention = [this](const char* name, std::string& value, const char* text, const char* type) {
            add(name, value, text, type)->group("Retention (by default nothing is ever deleted)");
        };
        retention("--keep", given_.keep,
                  "Delete what containers that are gone left behind after this long, and files that\n"
                  "have vanished from those that are there: 30d, 4w or 0 (for ever)",
                  "TIME");
        retention("--max-size", given_.max_size,
                  "While the backup takes more on disk, delete what ended, first of the\nservice that takes "
                  "most; 0: no limit",
                  "SIZE");
        app_.add_flag("--trust-clock", given_.options.trust_clock,
                      "Delete also after the clock has just jumped")
            ->configurable(false)
            ->group("");
    }

    void add_limits() {
        auto limit = [this](const char* name, std::string& value, const char* text, const char* type) {
            add(name, value, text, type)
                ->group("Limits, each for one container: what is beyond them is reported");
        };
        limit("--max-files", given_.max_files, "Files and directories that are looked at", "N");
        limit("--max-depth", given_.max_depth, "Levels of directories", "N");
        limit("--max-file-size", given_.max_file_size, "Of a larger file only so much is saved; 0: all of it",
              "SIZE");
        limit("--max-bytes", given_.max_bytes,
              "New bytes in one run, the rest waits for the next; 0: no limit", "SIZE");
    }

    CLI::App& app_;
    GivenOptions& given_;
};

} // namespace

void declare_options(CLI::App& app, GivenOptions& given) {
    Declaration(app, given).all();
    for (const auto& command : subcommands())
        app.add_subcommand(command.name, command.description);
}

} // namespace logbackup
