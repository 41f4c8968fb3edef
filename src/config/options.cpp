// SPDX-License-Identifier: MIT
#include "config/options.hpp"

#include "config/command_line.hpp"
#include "config/option_sources.hpp"
#include "config/option_values.hpp"
#include "config/settings.hpp"
#include "util/error.hpp"
#include "util/text.hpp"

namespace logbackup {
namespace {

std::string invalid(const std::string& text, const SettingRow& row) {
    return in_quotes(text) + " is not a valid " + row.valid;
}

/// Returns why these log directories cannot all be saved; empty when they can.
std::string overlap_of(const std::vector<std::string>& log_directories) {
    for (const auto& one : log_directories)
        for (const auto& other : log_directories)
            if (&one != &other && (other + "/").starts_with(one + "/"))
                return one == other ? in_quotes(one) + " is set twice"
                                    : in_quotes(other) + " lies in " + in_quotes(one);
    return {};
}

void take_values(Options& options, const OptionSources& sources) {
    for (const auto& row : settings_table())
        if (row.store != nullptr)
            if (const auto* text = row.store(options, sources.texts_of(row)); text != nullptr)
                throw sources.wrong(row.name, invalid(*text, row));
    if (const auto overlap = overlap_of(options.log_directories); !overlap.empty())
        throw sources.wrong("log-dir", overlap);
}

/// Returns why the line cannot be used; empty when it is taken.
std::string take_line(Options& options, const ConfigLine& line) {
    const SettingRow& row = *find_setting(line.key);
    if (row.store_for_service == nullptr)
        return "it cannot differ from service to service; log-dir, exclude, skip and keep can";
    if (row.type == Setting::Type::text && line.values.size() > 1)
        return "it takes one value";
    if (const auto* text = row.store_for_service(options, line.service, line.values); text != nullptr)
        return invalid(*text, row);
    if (line.key != "log-dir")
        return {};
    return line.values.empty() ? "it has no value" : overlap_of(*options.of_services.back().log_directories);
}

void take_sections(Options& options, const OptionSources& sources) {
    for (const auto& line : sources.sections())
        if (const auto why = take_line(options, line); !why.empty())
            throw Error("cannot use " + in_quotes(line.key) + " of [service.\"" + escaped(line.service) +
                        "\"] in " + in_quotes(sources.file()) + ": " + why);
}

/// Decides what kind of run this is. `options` already say whether it is a dry one.
void choose_kind(Options& options, const OptionSources& sources, const Subcommand* command) {
    const bool dry = options.kind == RunKind::dry_run;
    const std::string name = command == nullptr ? "" : in_quotes(command->name);
    if (command != nullptr)
        options.kind = command->kind;
    if (dry && options.kind == RunKind::prune)
        options.kind = RunKind::prune_dry_run;
    else if (command != nullptr && dry && sources.origin_of("dry-run") == Origin::command_line)
        throw sources.wrong("dry-run", name + " changes nothing anyway");
    if (command != nullptr && command->kind == RunKind::prune && !has_retention(options.retention))
        throw sources.wrong("keep", "prune needs --keep or --max-size");
    if (options.follow.count() > 0 && dry)
        throw sources.wrong("follow", "cannot be combined with --dry-run");
    if (options.kind == RunKind::list)
        return;
    if (sources.origin_of("coverage") == Origin::command_line)
        throw sources.wrong("coverage", "only 'logbackup list' accepts it");
    options.filter.coverages.clear();
}

/// When --quiet and --verbose contradict each other, the one from the stronger source applies.
void choose_loudness(Options& options, const OptionSources& sources) {
    // A `quiet` from the file or the environment is meant for cron. A search always tells its gaps.
    if (options.kind == RunKind::grep && sources.origin_of("quiet") != Origin::command_line)
        options.quiet = false;
    if (!options.quiet || !options.verbose)
        return;
    const auto quiet = sources.origin_of("quiet");
    const auto verbose = sources.origin_of("verbose");
    if (quiet == verbose)
        throw sources.wrong("quiet", "it cannot be combined with " + sources.shown("verbose"));
    (quiet > verbose ? options.verbose : options.quiet) = false;
}

/// Refuses what only other commands have.
void require_own_options(const OptionSources& sources, const Subcommand* command) {
    for (const auto& row : settings_table())
        if (row.reach == Reach::command_line && sources.origin_of(row.name) == Origin::command_line &&
            !matters_to(row, command == nullptr ? "" : command->name))
            throw sources.wrong(
                row.name, command == nullptr ? "only 'logbackup " + std::string(row.commands) + "' accepts it"
                                             : in_quotes(command->name) + " does not accept it");
}

/// Takes "SERVICE" or "SERVICE/POD", where the pod can be an instance in the backup, "web-1@2".
void take_place(Filter& filter, const std::string& place) {
    const auto slash = place.find('/');
    const std::string service = place.substr(0, slash);
    const std::string pod = slash == std::string::npos ? std::string() : place.substr(slash + 1);
    if (service.empty() || pod.find('/') != std::string::npos || (pod.empty() && slash != std::string::npos))
        throw Error(in_quotes(place) + " is not SERVICE or SERVICE/POD");
    filter.services = {service};
    filter.pods.clear();
    if (!pod.empty())
        (pod.find_first_of("@+") == std::string::npos ? filter.pods : filter.instances) = {pod};
}

/// Chooses the day of a time without a date: for --since the last such time, for --until the first one after
/// --since.
void choose_day(TimeWindow& window, const OptionSources& sources) {
    const auto has_no_date = [&](const char* bound) {
        return is_time_of_day(sources.texts_of(*find_setting(bound)).back());
    };
    static constexpr std::chrono::hours day{24};
    if (has_no_date("since") && window.since > std::chrono::system_clock::now())
        window.since -= day;
    if (!has_no_date("until") || window.since == Timestamp::min())
        return;
    while (window.until - day >= window.since)
        window.until -= day;
    while (window.until < window.since)
        window.until += day;
}

void take_arguments(Options& options, const CommandLine& line, const OptionSources& sources) {
    if (line.place) {
        for (const char* name : {"service", "pod"})
            if (sources.origin_of(name) == Origin::command_line)
                throw sources.wrong(name, "name a service and a pod either so or as an argument");
        take_place(options.filter, *line.place);
    }
    options.query.pattern = line.pattern.value_or("");
    for (const char* bound : {"since", "until"})
        if (sources.origin_of(bound) == Origin::command_line &&
            sources.texts_of(*find_setting(bound)).back().empty())
            throw sources.wrong(bound, "it is empty");
    choose_day(options.window, sources);
    if (options.window.since > options.window.until)
        throw sources.wrong("until", "it is before --since");
    if (options.query.counts && options.query.files)
        throw sources.wrong("count", "it cannot be combined with --files");
    if (options.query.print0 && !options.query.files)
        throw sources.wrong("print0", "it needs --files");
}

} // namespace

std::optional<Options> parse_options(int argc, const char* const* argv, ParseEnded& ended,
                                     const std::string& standard_file) {
    try {
        const CommandLine line = parse_command_line(argc, argv);
        if (line.answer) {
            ended = {0, *line.answer};
            return std::nullopt;
        }
        const OptionSources sources(line, standard_file);
        Options options;
        take_values(options, sources);
        take_sections(options, sources);
        require_own_options(sources, line.command);
        choose_kind(options, sources, line.command);
        take_arguments(options, line, sources);
        choose_loudness(options, sources);
        options.config_file = sources.file();
        options.settings = sources.settings();
        return options;
    } catch (const Error& error) {
        ended = {2, std::string("logbackup: ") + error.what() +
                        (error.hint().empty() ? "" : " (" + error.hint() + ")") + "\n"};
    }
    return std::nullopt;
}

} // namespace logbackup
