// SPDX-License-Identifier: MIT
#include "config/options.hpp"

#include "config/command_line.hpp"
#include "config/option_sources.hpp"
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
    if (options.adopt && command != nullptr)
        throw sources.wrong("adopt", name + " does not have it");
    if (options.follow.count() > 0 && options.kind != RunKind::save)
        throw sources.wrong("follow", (dry ? "a dry run" : name) + " does not have it");
    if (options.kind == RunKind::list)
        return;
    if (sources.origin_of("coverage") == Origin::command_line)
        throw sources.wrong("coverage", "only 'logbackup list' has it");
    options.filter.coverages.clear();
}

/// When --quiet and --verbose contradict each other, the one from the stronger source applies.
void choose_loudness(Options& options, const OptionSources& sources) {
    if (!options.quiet || !options.verbose)
        return;
    const auto quiet = sources.origin_of("quiet");
    const auto verbose = sources.origin_of("verbose");
    if (quiet == verbose)
        throw sources.wrong("quiet", "it cannot be combined with " + sources.shown("verbose"));
    (quiet > verbose ? options.verbose : options.quiet) = false;
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
        choose_kind(options, sources, line.command);
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
