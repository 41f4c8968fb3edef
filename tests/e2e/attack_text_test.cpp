// SPDX-License-Identifier: MIT
#include "attack_support.hpp"

#include <sys/stat.h>

#include <array>

using namespace e2e;

namespace {
/// Whether a terminal shows a text as it is: no control characters but newlines, nothing that turns or hides
/// what comes after it, and UTF-8 only.
void expect_printable(const std::string& text, const std::string& where) {
    const auto position = [&](std::size_t at) {
        return where + ": " + text.substr(at < 40 ? 0 : at - 40, 40);
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        ASSERT_TRUE((byte >= 0x20 && byte != 0x7f) || byte == '\n') << int(byte) << " in " << position(i);
    }
    for (const auto* raw : {"\u0080", "\u0085", "\u009b", "\u009d", "\u200e", "\u200f", "\u202a", "\u202b",
                            "\u202e", "\u2028", "\u2066", "\u2067", "\u2069", "\u061c", "\u200b", "\ufeff"})
        ASSERT_EQ(text.find(raw), std::string::npos) << "in " << position(text.find(raw));
    ASSERT_NO_THROW(static_cast<void>(nlohmann::json(text).dump())) << where << " is not UTF-8";
}

/// What a name can do to a terminal.
const std::string hostile = "\033]0;owned\007\033[2J\r\n\u009b31m\u202eevil\u2066\u200b\177\b\xff\xc3";
} // namespace

class AttackText : public Attack {
  protected:
    /// Runs it, and looks at all that it prints.
    Result expect_printable_run(std::vector<std::string> arguments) {
        std::string all;
        for (const auto& argument : arguments)
            all += argument + " ";
        auto argv = command();
        if (arguments.front() == "list" || arguments.front() == "verify") {
            argv.insert(argv.end() - 2, arguments.front());
            arguments.erase(arguments.begin());
        }
        argv.insert(argv.end(), arguments.begin(), arguments.end());
        Result result = run(argv);
        expect_printable(result.out, all + "(output)");
        expect_printable(result.err, all + "(messages)");
        if (all.find("--json") != std::string::npos) {
            EXPECT_TRUE(nlohmann::json::accept(result.out)) << all;
        }
        return result;
    }
};
MOUNTED_ONLY(AttackText);

TEST_P(AttackText, FileNamesInAllThatIsPrinted) {
    const auto id = engine.start({"evil", "evil-1"});
    const fs::path logs = merged(id) / "opt/logs";
    const auto log = scratch.path() / "logbackup.log";
    const auto change = [&](int i) {
        const std::string n = std::to_string(i);
        write_file(logs / (hostile + n), "own " + n + "\n");
        write_file(logs / (hostile + "d") / (hostile + n), "own " + n + "\n");
        fs::create_symlink(hostile, logs / (hostile + "link" + n));
        fs::create_symlink("/" + hostile, logs / (hostile + "out" + n));
        EXPECT_EQ(::mkfifo((logs / (hostile + "fifo" + n)).c_str(), 0600), 0);
        append_file(logs / (hostile + "grows"), "line " + n + "\n");
        write_file(logs / (hostile + "shrinks"), std::string(static_cast<std::size_t>(20 - i), 'x'));
        fs::rename(logs / (hostile + n), logs / (hostile + n + ".1"));
    };
    const auto broken =
        write_script(scratch.path() / "rsync", "printf '%s\\n' \"rsync: '" + hostile + "'\" >&2; exit 23");
    const std::vector<std::vector<std::string>> runs{{"--dry-run"},
                                                     {"--dry-run", "-v"},
                                                     {"--dry-run", "--json"},
                                                     {"--rsync", broken.string()},
                                                     {"-v"},
                                                     {"-v", "--quiet"},
                                                     {"--json"},
                                                     {"--log-file", log.string()},
                                                     {"list"},
                                                     {"list", "-v"},
                                                     {"list", "--json"},
                                                     {"verify"},
                                                     {"verify", "-v"},
                                                     {"verify", "--json"}};
    int i = 0;
    for (const auto& arguments : runs) {
        if (arguments.front().starts_with("-"))
            change(++i);
        expect_printable_run(arguments);
    }
    // What is wrong with the backup is named, too.
    for (const auto& [path, content] : tree_of(backup / "evil/evil-1"))
        if (path.ends_with("grows"))
            write_file(backup / "evil/evil-1" / path, "something else\n");
    EXPECT_EQ(expect_printable_run({"verify"}).code, 3);
    EXPECT_EQ(expect_printable_run({"verify", "--json"}).code, 3);
    sh("chmod 000 '" + (logs / (hostile + "grows")).string() + "'; chown 1000 '" +
       (logs / (hostile + "grows")).string() + "'");
    append_file(logs / (hostile + "grows"), "more\n");
    auto argv = command({"-v", "--log-file", log.string()});
    argv.insert(argv.begin(), {"setpriv", "--bounding-set=-dac_override,-dac_read_search",
                               "--inh-caps=-dac_override,-dac_read_search", "--"});
    const Result unreadable = run(argv);
    EXPECT_EQ(unreadable.code, 3);
    expect_printable(unreadable.out + unreadable.err, "a file that cannot be read");
    expect_printable(read_file(log), "the log file");
    expect_nothing_from_outside();
}

TEST_P(AttackText, FilesThatLookLikeRecordsAreFiles) {
    const auto victim = engine.start({"victim", "victim-1"});
    engine.exec(victim, "echo victim > /opt/logs/app.log");
    expect_clean(run_once());
    const std::string record = read_file(backup / ".logbackup/live/victim/victim-1");
    const auto id = engine.start({"evil", "evil-1"});
    const fs::path logs = merged(id) / "opt/logs";
    const std::array<std::string, 9> names{".logbackup/live/victim/victim-1",
                                           ".logbackup/ended/victim/victim-2",
                                           ".logbackup/missed/victim",
                                           ".logbackup/last-run",
                                           ".logbackup/lock",
                                           ".logbackup/incoming/0000000",
                                           "live/victim/victim-1",
                                           ".new",
                                           "app.log~20261122T145512Z"};
    Tree expected;
    for (const auto& name : names) {
        write_file(logs / name, record);
        expected[name] = record;
    }
    fs::create_directory_symlink("../../.logbackup", logs / "records");
    for (int i = 0; i < 2; ++i)
        expect_clean(run_once());
    for (const auto& [name, content] : expected)
        EXPECT_EQ(read_file(backup / "evil/evil-1" / name), content) << name;
    EXPECT_FALSE(fs::is_symlink(backup / "evil/evil-1/records"));
    const auto list = nlohmann::json::parse(expect_printable_run({"list", "--json"}).out);
    ASSERT_EQ(list["instances"].size(), 2U) << list;
    for (const auto& instance : list["instances"]) {
        const bool is_victim = instance["service"] == "victim";
        EXPECT_EQ(instance["containers"], nlohmann::json::array({is_victim ? victim : id}));
    }
    EXPECT_EQ(read_file(backup / "victim/victim-1/app.log"), "victim\n");
}
