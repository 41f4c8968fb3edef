// SPDX-License-Identifier: MIT
#include "config/command_line.hpp"

#include "config/config_file.hpp"
#include "util/error.hpp"
#include "util/text.hpp"
#include "util/version.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iterator>
#include <memory>
#include <sstream>
#include <string_view>
#include <vector>

namespace logbackup {
namespace {

/// CLI11 puts two blank lines before each group of options.
std::string without_double_blank_lines(std::string text) {
    for (auto at = text.find("\n\n\n"); at != std::string::npos; at = text.find("\n\n\n"))
        text.erase(at, 1);
    return text;
}

const std::string version_line = "logbackup " + std::string(version);

/// Returns "did you mean '--service'? " when the message is about an option or a command that does not exist
/// and resembles one that does; else "".
std::string suggestion(const std::string& message, const Subcommand* command) {
    static constexpr std::string_view unexpected = " not expected: ";
    const auto at = message.find(unexpected);
    if (at == std::string::npos)
        return {};
    std::istringstream words(message.substr(at + unexpected.size()));
    std::vector<std::string> all{std::istream_iterator<std::string>(words), {}};
    // An option that does not exist leaves its value behind, too.
    std::stable_partition(all.begin(), all.end(), [](const auto& word) { return word.starts_with("--"); });
    const std::string word = all.empty() ? "" : all.front().substr(0, all.front().find('='));
    std::vector<std::string> names;
    if (word.starts_with("--"))
        for (const auto& row : settings_table())
            names.push_back("--" + std::string(row.name));
    else if (command == nullptr)
        for (const auto& other : subcommands())
            names.emplace_back(other.name);
    const std::string near = nearest(word, names);
    return near.empty() ? "" : "did you mean " + in_quotes(near) + "? ";
}

class Parser {
  public:
    Parser() {
        formatter_->column_width(28);
        app_.formatter(formatter_);
        app_.footer(program_footer);
        app_.set_help_flag("-h,--help", "Print this help and exit");
        app_.set_version_flag("--version", version_line, "Print the version and exit");
        app_.fallthrough();
        app_.require_subcommand(0, 1);
        for (const auto& row : settings_table())
            declare(row);
        for (const auto& command : subcommands())
            add(command);
    }

    CommandLine parse(int argc, const char* const* argv) {
        CommandLine line;
        try {
            app_.parse(argc, argv);
        } catch (const CLI::CallForHelp&) {
            const Subcommand* command = subcommand();
            line.answer = without_double_blank_lines(command == nullptr ? app_.help() : help_of(*command));
        } catch (const CLI::CallForVersion&) {
            line.answer = version_line + "\n";
        } catch (const CLI::ParseError& error) {
            const std::string what = error.what();
            const std::string line_of_it = what.substr(0, what.find('\n'));
            throw Error(line_of_it, suggestion(line_of_it, subcommand()) + help_hint(subcommand()));
        }
        line.command = subcommand();
        line.pattern = pattern_;
        line.place = place_;
        for (const auto& row : settings_table())
            if (const auto* option = option_of(row); option->count() > 0)
                line.texts[row.name] = option->results();
        return line;
    }

  private:
    void add(const Subcommand& command) {
        CLI::App* added = app_.add_subcommand(command.name, command.description);
        const std::string arguments = command.arguments;
        if (arguments.find("PATTERN") != std::string::npos)
            added->add_option("PATTERN", pattern_)->required();
        if (arguments.find("SERVICE") != std::string::npos)
            added->add_option("SERVICE", place_);
    }

    void declare(const SettingRow& row) {
        const std::string names =
            (row.letter == 0 ? "" : std::string{'-', row.letter, ','}) + "--" + row.name;
        CLI::Option* option = row.type == Setting::Type::flag ? app_.add_flag(names) : app_.add_option(names);
        option->description(row.help)->group(row.heading);
        if (row.type != Setting::Type::flag)
            option->type_name(row.value)->default_str(row.standard);
        if (row.type == Setting::Type::list)
            option->expected(1, CLI::detail::expected_max_vector_size)->allow_extra_args(false);
    }

    [[nodiscard]] const CLI::Option* option_of(const SettingRow& row) {
        return app_.get_option("--" + std::string(row.name));
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
        std::vector<const CLI::Option*> shown{app_.get_option("--help")};
        for (const auto& row : settings_table())
            if (matters_to(row, command.name))
                shown.push_back(option_of(row));
        return std::string(command.description) + "\n\nUsage: logbackup " + command.name + " [OPTIONS]" +
               (*command.arguments == 0 ? "" : " ") + command.arguments + "\n" +
               formatter_->make_group("Options", false, shown) + "\n" + command.footer;
    }

    std::shared_ptr<CLI::Formatter> formatter_ = std::make_shared<CLI::Formatter>();
    std::optional<std::string> pattern_;
    std::optional<std::string> place_;
    CLI::App app_{program_description, "logbackup"};
};

} // namespace

CommandLine parse_command_line(int argc, const char* const* argv) {
    return Parser().parse(argc, argv);
}

std::string help_hint(const Subcommand* command) {
    return "see 'logbackup " + (command == nullptr ? "" : std::string(command->name) + " ") + "--help'";
}

} // namespace logbackup
