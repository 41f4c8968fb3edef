// SPDX-License-Identifier: MIT
#include "config/options.hpp"

#include "config/option_sources.hpp"
#include "config/option_values.hpp"
#include "util/error.hpp"
#include "util/glob.hpp"
#include "util/text.hpp"
#include "util/version.hpp"

#include "config/declare.hpp"
#include "config/selection.hpp"
#include "config/subcommands.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>
#include <string_view>

namespace logbackup {
namespace {

constexpr const char* duration_example = "duration (examples: 90s, 5m, 1h, 1d)";
constexpr const char* keep_example = "duration (examples: 30d, 4w; 0: for ever)";
constexpr const char* size_example = "size (examples: 5%, 500M, 1.5GiB)";
constexpr const char* limit_example = "size (examples: 500M, 4GiB; 0: no limit)";
constexpr const char* ionice_example =
    "I/O priority (none, idle, best-effort, best-effort:0 to best-effort:7)";
constexpr const char* count_example = "whole number (at least 1)";
constexpr const char* count_limit_example = "whole number (0: no limit)";
constexpr const char* exclude_example = "glob of files in a log directory";
constexpr const char* log_directory_example = "absolute path of a directory in the container";

/// Returns why these log directories cannot all be saved; empty when they can.
std::string overlap_of(const std::vector<std::string>& log_directories) {
    for (const auto& one : log_directories)
        for (const auto& other : log_directories)
            if (&one != &other && (other + "/").starts_with(one + "/"))
                return one == other ? in_quotes(one) + " is set twice"
                                    : in_quotes(other) + " lies in " + in_quotes(one);
    return {};
}

/// CLI11 puts two blank lines before each group of options.
std::string without_double_blank_lines(std::string text) {
    for (auto at = text.find("\n\n\n"); at != std::string::npos; at = text.find("\n\n\n"))
        text.erase(at, 1);
    return text;
}

/// The command line: its options and the variables for their values. The options belong to the program, so
/// they are accepted before and after the name of a subcommand.
class CommandLine {
  public:
    explicit CommandLine(std::string standard_file) {
        given_.standard_file = std::move(standard_file);
        formatter_->column_width(28);
        app_.formatter(formatter_);
        app_.footer(program_footer);
        app_.set_help_flag("-h,--help", "Print this help and exit")->configurable(false);
        app_.set_version_flag("--version", "logbackup " + std::string(version), "Print the version and exit")
            ->configurable(false);
        app_.fallthrough();
        app_.require_subcommand(0, 1);
        declare_options(app_, given_);
    }

    /// Throws CLI::ParseError and Error.
    Options parse(int argc, const char* const* argv) {
        app_.parse(argc, argv);
        sources_.emplace(app_, given_.standard_file);
        Options& options = given_.options;
        convert("--dest", given_.dest, options.backup_root, parse_backup_root,
                "path of a directory other than /");
        take_log_directories();
        for (const auto& glob : given_.exclude)
            convert("--exclude", glob, options.exclude.emplace_back(), parse_exclude, exclude_example);
        convert("--group", given_.group, options.group, parse_group, "group of this system");
        convert("--min-free", given_.min_free, options.min_free, parse_min_free, size_example);
        convert("--max-duration", given_.max_duration, options.max_duration, parse_duration,
                duration_example);
        convert("--docker-timeout", given_.docker_timeout, options.docker_timeout, parse_duration,
                duration_example);
        convert("--max-files", given_.max_files, options.max_files, parse_count, count_example);
        convert("--max-depth", given_.max_depth, options.max_depth, parse_count, count_example);
        convert("--max-file-size", given_.max_file_size, options.max_file_size, parse_size_limit,
                limit_example);
        convert("--max-bytes", given_.max_bytes, options.max_bytes, parse_size_limit, limit_example);
        convert("--nice", given_.nice, options.nice, parse_nice, "whole number of 0 to 19");
        convert("--ionice", given_.ionice, options.io_priority, parse_io_priority, ionice_example);
        convert("--bwlimit", given_.bwlimit, options.bandwidth, parse_size_limit, limit_example);
        convert("--metrics", given_.metrics, options.metrics, parse_metrics_file, "path of a file NAME.prom");
        convert("--warn-skipped", given_.warn_skipped, options.warn_skipped, parse_count_limit,
                count_limit_example);
        convert("--keep", given_.keep, options.keep, parse_keep, keep_example);
        convert("--max-size", given_.max_size, options.max_size, parse_max_size, limit_example);
        take_sections();
        choose_kind();
        choose_loudness();
        options.config_file = sources_->file();
        options.settings = sources_->settings();
        return options;
    }

    [[nodiscard]] std::string help() {
        const Subcommand* command = subcommand();
        return without_double_blank_lines(command == nullptr ? app_.help() : help_of(*command));
    }

    [[nodiscard]] std::string usage_error(const std::string& what) {
        const Subcommand* command = subcommand();
        return "logbackup: " + what.substr(0, what.find('\n')) + " (see 'logbackup " +
               (command == nullptr ? "" : std::string(command->name) + " ") + "--help')\n";
    }

  private:
    /// Sets `value` to the result of `parse_text` for `text`. Throws a usage error when there is no result.
    template <typename T, typename Parse>
    void convert(const char* name, const std::string& text, T& value, Parse parse_text, const char* what) {
        const auto parsed = parse_text(text);
        if (!parsed)
            throw CLI::ValidationError(sources_->shown(app_.get_option(name)),
                                       in_quotes(text) + " is not a valid " + what);
        value = *parsed;
    }

    [[nodiscard]] Origin origin_of(const char* name) { return sources_->origin_of(app_.get_option(name)); }

    void take_sections() {
        for (const auto& line : sources_->sections()) {
            auto& services = given_.options.of_services;
            if (services.empty() || services.back().glob != line.service)
                services.push_back({line.service, {}, {}, {}});
            take_line(line, services.back());
        }
    }

    void take_line(const ConfigLine& line, ServiceOptions& service) {
        const auto wrong = [&](const std::string& why) {
            return Error("cannot use " + in_quotes(line.key) + " of [service.\"" + escaped(line.service) +
                         "\"] in " + in_quotes(sources_->file()) + ": " + why);
        };
        const auto read = [&](const std::string& text, auto parse_text, const char* what) {
            const auto value = parse_text(text);
            if (!value)
                throw wrong(in_quotes(text) + " is not a valid " + what);
            return *value;
        };
        if (line.key == "exclude") {
            service.exclude.emplace();
            for (const auto& glob : line.values)
                service.exclude->push_back(read(glob, parse_exclude, exclude_example));
        } else if (line.key == "keep") {
            if (line.values.size() != 1)
                throw wrong("it takes one value");
            service.keep = read(line.values.front(), parse_keep, keep_example);
        } else if (line.key == "log-dir") {
            service.log_directories.emplace();
            for (const auto& text : line.values)
                service.log_directories->push_back(read(text, parse_log_directory, log_directory_example));
            if (service.log_directories->empty())
                throw wrong("it has no value");
            if (const auto overlap = overlap_of(*service.log_directories); !overlap.empty())
                throw wrong(overlap);
        } else {
            throw wrong("it cannot differ from service to service; log-dir, exclude and keep can");
        }
    }

    void take_log_directories() {
        given_.options.log_directories.clear();
        for (const auto& path : given_.log_directories)
            convert("--log-dir", path, given_.options.log_directories.emplace_back(), parse_log_directory,
                    log_directory_example);
        if (const auto overlap = overlap_of(given_.options.log_directories); !overlap.empty())
            throw CLI::ValidationError(sources_->shown(app_.get_option("--log-dir")), overlap);
    }

    void choose_kind() {
        const Subcommand* command = subcommand();
        given_.options.kind = command != nullptr ? command->kind
                              : given_.dry_run   ? RunKind::dry_run
                                                 : RunKind::tick;
        if (given_.options.kind == RunKind::prune && given_.dry_run)
            given_.options.kind = RunKind::prune_dry_run;
        else if (command != nullptr && given_.dry_run && origin_of("--dry-run") == Origin::command_line)
            throw CLI::ValidationError("--dry-run",
                                       "'" + std::string(command->name) + "' changes nothing anyway");
        check_retention(command != nullptr && command->kind == RunKind::prune);
        if (given_.options.adopt && command != nullptr)
            throw CLI::ValidationError("--adopt", "'" + std::string(command->name) + "' does not have it");
        if (given_.options.kind != RunKind::list && origin_of("--coverage") == Origin::command_line)
            throw CLI::ValidationError("--coverage", "only 'logbackup list' has it");
        if (given_.options.kind != RunKind::list)
            return;
        for (const auto& name : given_.coverages)
            convert("--coverage", name, given_.options.coverages.emplace_back(), parse_coverage,
                    "coverage; write live, complete, cut or missed");
    }

    void check_retention(bool is_prune) {
        if (is_prune && !has_retention(given_.options))
            throw CLI::ValidationError("--keep", "prune needs --keep or --max-size");
    }

    /// When --quiet and --verbose contradict each other, the one from the stronger source applies.
    void choose_loudness() {
        if (!given_.options.quiet || !given_.options.verbose)
            return;
        const auto quiet = origin_of("--quiet");
        const auto verbose = origin_of("--verbose");
        if (quiet == verbose)
            throw CLI::ValidationError(sources_->shown(app_.get_option("--quiet")),
                                       "it cannot be combined with " +
                                           sources_->shown(app_.get_option("--verbose")));
        (quiet > verbose ? given_.options.verbose : given_.options.quiet) = false;
    }

    /// Returns the subcommand that was given, or nullptr.
    [[nodiscard]] const Subcommand* subcommand() {
        const auto parsed = app_.get_subcommands();
        if (parsed.empty())
            return nullptr;
        return &*std::find_if(subcommands().begin(), subcommands().end(), [&](const Subcommand& command) {
            return command.name == parsed.front()->get_name();
        });
    }

    /// Builds the help text here, because CLI11 would show the subcommand's own options, and it has none.
    [[nodiscard]] std::string help_of(const Subcommand& command) {
        if (command.kind == RunKind::prune) {
            app_.get_option("--verbose")->description("Show also paths");
            app_.get_option("--dry-run")->description("List what would be deleted; change and write nothing");
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
    CLI::App app_{program_description, "logbackup"};
    std::optional<OptionSources> sources_;
    GivenOptions given_;
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
