// SPDX-License-Identifier: MIT
#include "support.hpp"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iostream>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <stdexcept>

using namespace e2e;

/// Rotators as they are used, working on a container's log directory from the host during runs. That is
/// what an application's own writes look like, and needs no image with these programs in it.
namespace {

/// Line `n` of a log. All of it follows from its number, so two lines that were mixed are noticed.
std::string line_of(std::uint64_t n) {
    std::string line(64, '\0');
    const auto word = [n](std::uint64_t k) { return static_cast<std::uint32_t>((n + k) * 2654435761U); };
    line.resize(static_cast<std::size_t>(std::snprintf(line.data(), line.size(), "%06u %08x%08x%08x%08x",
                                                       static_cast<unsigned>(n), word(0), word(1), word(2),
                                                       word(3))));
    return line;
}

bool is_number(const std::string& text) {
    return text.size() == 6 && text.find_first_not_of("0123456789") == std::string::npos;
}

/// The files that have a line, by the line's number.
using Lines = std::map<std::uint64_t, std::vector<std::string>>;

/// Everything that was logged into files below a directory, in compressed ones too. No line may be torn or
/// mixed with another; the last one of a file may be incomplete and is left out.
Lines lines_in(const fs::path& directory) {
    Lines lines;
    for (const auto& [name, raw] : tree_of(directory)) {
        std::string content = raw == "dir" ? "" : raw;
        if (raw.starts_with("\x1f\x8b")) // a part of a compressed file, too, gives what is in it
            content = run({"sh", "-c", "gzip -dc < \"$0\"", (directory / name).string()}).out;
        std::size_t begin = 0;
        for (auto end = content.find('\n'); end != std::string::npos; end = content.find('\n', begin)) {
            const auto line = content.substr(begin, end - begin);
            const bool whole = is_number(line.substr(0, 6)) && line == line_of(std::stoul(line));
            EXPECT_TRUE(whole) << name << " has a line that was never written: " << line;
            if (!whole)
                break;
            lines[std::stoul(line)].push_back(name);
            begin = end + 1;
        }
        const auto rest = content.substr(begin, content.find('\n', begin) - begin);
        if (is_number(rest.substr(0, 6))) {
            EXPECT_TRUE(line_of(std::stoul(rest)).starts_with(rest)) << name << " ends with " << rest;
        }
    }
    return lines;
}

/// Waits for a process to stop or to end; how it is then, as in siginfo_t.
int next_state(const Background& process, int options = 0) {
    siginfo_t info{};
    if (::waitid(P_PID, static_cast<id_t>(process.pid()), &info, WEXITED | WSTOPPED | WNOWAIT | options) != 0)
        throw std::runtime_error("waitid failed");
    return info.si_pid == 0 ? 0 : info.si_code;
}
void let_go(const Background& process) {
    ::kill(-process.pid(), SIGCONT);
}

class Rotators : public e2e::Test {
  protected:
    void SetUp() override {
        const auto id = engine.start({"web", "web-1"});
        auto merged = engine.docker({"inspect", "--format", "{{.GraphDriver.Data.MergedDir}}", id});
        merged.pop_back();
        logs = merged + "/opt/logs";
        log = logs / "app.log";
        record_answers();
        std::cout << "seed " << seed << "\n";
    }

    std::size_t below(std::size_t n) { return random() % n; }

    void run_concurrently() {
        way = below(2) == 0 ? Way::mounted : Way::direct;
        expect_clean(run_once(), 0, "replaced or truncated in nearly every run");
    }
    /// Nothing rotates meanwhile: all that is there now has to be in the backup from now on.
    void run_strictly() {
        for (const auto& [line, files] : lines_in(logs))
            seen.insert(line);
        run_concurrently();
    }

    /// What a rotator changes: every name, and the sizes of all files but the log itself.
    std::string state() {
        std::ostringstream text;
        std::error_code ignored;
        for (auto entry = fs::directory_iterator(logs, ignored); entry != fs::directory_iterator();
             entry.increment(ignored))
            text << entry->path() << (entry->path() == log ? 0 : fs::file_size(entry->path(), ignored));
        return text.str();
    }
    /// Holds a rotator and what it started where they stand once it has changed something so many times,
    /// unless it stops or ends before.
    void hold_after(std::size_t changes, const Background& rotator) {
        auto last = state();
        while (changes > 0 && next_state(rotator, WNOHANG) == 0)
            if (auto now = state(); now != last) {
                last = std::move(now);
                --changes;
            }
        ::kill(-rotator.pid(), SIGSTOP);
    }

    /// Runs while a program logs and rotates by itself; in every other one it is held, mostly in the middle
    /// of a rotation or right after it.
    void run_during(Background& program, int runs) {
        for (int i = 0; i < runs; ++i) {
            hold_after(1 + below(3), program);
            ASSERT_EQ(next_state(program), CLD_STOPPED);
            if (below(2) == 0) {
                run_strictly();
                let_go(program);
            } else {
                let_go(program);
                run_concurrently();
            }
        }
        write_file(enough, "");
        EXPECT_EQ(program.wait(), 0);
    }

    void expect_all_saved() {
        for (int i = 0; i < 3; ++i)
            run_strictly();
        const auto saved = lines_in(instance);
        std::size_t lost = 0;
        for (const auto line : seen)
            lost += saved.contains(line) ? 0U : 1U;
        EXPECT_EQ(lost, 0U) << "of " << seen.size() << " lines";
        const auto copies = tree_of(instance);
        for (const auto& [name, content] : tree_of(logs))
            EXPECT_TRUE(copies.contains(name) && copies.at(name) == content) << name;
    }
    void expect_no_line_twice() {
        std::map<std::string, int> twice;
        for (const auto& [line, files] : lines_in(instance))
            if (files.size() > 1) {
                std::string names;
                for (const auto& file : files)
                    names += " " + file;
                ++twice[names];
            }
        for (const auto& [names, lines] : twice)
            ADD_FAILURE() << lines << " lines are in each of" << names;
    }

    static constexpr const char* seed_variable = "LOGBACKUP_TEST_SEED";
    unsigned seed = std::getenv(seed_variable) != nullptr
                        ? static_cast<unsigned>(std::stoul(std::getenv(seed_variable)))
                        : std::random_device()();
    std::mt19937 random{seed};
    fs::path logs;
    fs::path log;
    fs::path instance = backup / "web/web-1";
    fs::path enough = scratch.path() / "enough"; ///< ends a program when it is there
    std::set<std::uint64_t> seen;                ///< lines that were there when a run began
};

struct Rotation {
    std::string name;
    std::string directives;
    bool keeps_writing = true; ///< the application goes on in the file it has open for a while
    bool copies = false;       ///< and for ever, as that is the log still
};
void PrintTo(const Rotation& rotation, std::ostream* stream) {
    *stream << rotation.name;
}

std::string name_of_rotation(const testing::TestParamInfo<Rotation>& info) {
    return info.param.name;
}

class Logrotate : public Rotators, public testing::WithParamInterface<Rotation> {
  protected:
    void SetUp() override {
        if (logbackup::find_program("logrotate").empty())
            GTEST_SKIP() << "logrotate is not there";
        if (GetParam().copies && logbackup::find_program("strace").empty())
            GTEST_SKIP() << "strace is not there";
        Rotators::SetUp();
        // Stops itself before a rotation and after it, and in the middle of a compressed file.
        const auto stop = "\n  kill -STOP 0\nendscript\n";
        const auto gzip =
            write_script(scratch.path() / "gzip",
                         "gzip > \"$0.gz\"; half=$(($(stat -c %s \"$0.gz\") / 2)); head -c $half \"$0.gz\"; "
                         "kill -STOP 0; tail -c +$((half + 1)) \"$0.gz\"");
        write_file(config, log.string() + " {\nrotate 3\nprerotate" + stop + "postrotate" + stop +
                               "compresscmd " + gzip.string() + "\n" + GetParam().directives + "\n}\n");
        fs::permissions(config, fs::perms::owner_read | fs::perms::owner_write);
    }

    void write_lines() {
        for (auto count = below(2000); count > 0; --count)
            application << line_of(next_line++) << "\n";
        application.flush();
    }
    void open_log() {
        application.close();
        application.open(log, std::ios::app);
    }
    [[nodiscard]] std::string dated_name() const {
        const auto now = std::time(nullptr); // as logrotate; `date` is some milliseconds ahead of it
        char text[32];
        return {log.string() +
                std::string(text, std::strftime(text, sizeof text, "-%Y%m%d-%H%M%S", std::localtime(&now)))};
    }

    void rotate() {
        if (GetParam().name == "dateext") // its names tell seconds apart, and it does not overwrite
            wait_until("the name is free", [&] { return !fs::exists(dated_name()); });
        std::optional<Background> concurrent;
        if (below(4) == 0)
            concurrent.emplace(command());
        std::vector<std::string> argv{"logrotate", "--force", "--state", (scratch.path() / "state").string(),
                                      config.string()};
        if (GetParam().copies) // stopped after the fsync of its copy, before it truncates, too
            argv.insert(argv.begin(),
                        {"strace", "-DD", "-qq", "-o", "/dev/null", "-e", "inject=fsync:signal=STOP:when=1"});
        Background logrotate(argv);
        if (below(2) == 0)
            hold_after(1 + below(8), logrotate);
        while (next_state(logrotate) == CLD_STOPPED) {
            if (!concurrent && below(3) > 0)
                run_strictly();
            let_go(logrotate);
        }
        EXPECT_EQ(logrotate.wait(), 0);
        if (concurrent) {
            EXPECT_EQ(concurrent->wait(), 0);
        }
    }

    fs::path config = scratch.path() / "logrotate.conf";
    std::ofstream application;
    std::uint64_t next_line = 0;
};

} // namespace

TEST_P(Logrotate, LosesNothingAndSavesNoLineTwice) {
    open_log();
    for (int i = 0; i < 12; ++i) {
        write_lines();
        if (below(3) > 0)
            run_strictly();
        write_lines();
        rotate();
        if (GetParam().keeps_writing)
            write_lines();
        if (below(3) == 0)
            run_strictly();
        if (!GetParam().copies)
            open_log();
    }
    expect_all_saved();
    expect_no_line_twice();
}
INSTANTIATE_TEST_SUITE_P(Plain, Logrotate,
                         testing::Values(Rotation{"create", "create"},
                                         Rotation{"copytruncate", "copytruncate", true, true},
                                         Rotation{"dateext", "create\ndateext\ndateformat -%Y%m%d-%H%M%S"}),
                         name_of_rotation);
INSTANTIATE_TEST_SUITE_P(Compressing, Logrotate,
                         testing::Values(Rotation{"compress", "create\ncompress", false},
                                         Rotation{"delaycompress", "create\ncompress\ndelaycompress"}),
                         name_of_rotation);

/// What is logged with: an expression in Python.
class PythonHandlers : public Rotators, public testing::WithParamInterface<const char*> {};

std::string name_of_handler(const testing::TestParamInfo<const char*>& info) {
    const std::string expression = info.param;
    return expression.substr(0, expression.find('('));
}

/// Arguments: the handler, the log, and a file that says when it is enough.
constexpr const char* python_program = R"(
import itertools, logging, os, sys, time
from logging.handlers import *
handler, path, enough = sys.argv[1:]
logger = logging.getLogger()
logger.addHandler(eval(handler))
for n in itertools.count():
    logger.warning("%06d " % n + "".join("%08x" % ((n + k) * 2654435761 % 2**32) for k in range(4)))
    if os.path.exists(enough):
        break
    time.sleep(0.001)
)";

TEST_P(PythonHandlers, LoseNothingAndSaveNoLineTwice) {
    const std::string python = "/usr/bin/python3";
    if (!fs::exists(python))
        GTEST_SKIP() << python << " is not there";
    Background program({python, "-c", python_program, GetParam(), log.string(), enough.string()});
    run_during(program, 14);
    expect_all_saved();
    expect_no_line_twice();
}
INSTANTIATE_TEST_SUITE_P(, PythonHandlers,
                         testing::Values("RotatingFileHandler(path, maxBytes=6000, backupCount=4)",
                                         "TimedRotatingFileHandler(path, when='S', backupCount=4)"),
                         name_of_handler);

class Logback : public Rotators {};

/// Rolls at 20 KB, asynchronously: the log is renamed to "<name><number>.tmp" and compressed from there.
constexpr const char* logback_program = R"(
importPackage(Packages.ch.qos.logback.classic, Packages.ch.qos.logback.classic.encoder,
              Packages.ch.qos.logback.core.rolling, Packages.ch.qos.logback.core.util);
var logs = arguments[0], enough = new java.io.File(arguments[1]);
var context = new LoggerContext();
var encoder = new PatternLayoutEncoder();
encoder.setContext(context);
encoder.setPattern("%msg%n");
encoder.start();
var appender = new RollingFileAppender();
appender.setContext(context);
appender.setFile(logs + "/app.log");
appender.setEncoder(encoder);
var policy = new SizeAndTimeBasedRollingPolicy();
policy.setContext(context);
policy.setParent(appender);
policy.setFileNamePattern(logs + "/app-%d{yyyy-MM-dd}.%i.log.gz");
policy.setMaxFileSize(FileSize.valueOf("20KB"));
policy.start();
appender.setRollingPolicy(policy);
appender.start();
var logger = context.getLogger("test");
logger.setAdditive(false);
logger.addAppender(appender);
function word(n) { return ("0000000" + (n * 2654435761 % 4294967296).toString(16)).slice(-8); }
for (var n = 0; !enough.exists(); n++) {
    logger.info(("00000" + n).slice(-6) + " " + word(n) + word(n + 1) + word(n + 2) + word(n + 3));
    java.lang.Thread.sleep(1);
}
context.stop(); // waits for what is being compressed
)";

TEST_F(Logback, LosesNothingAndSavesNoLineTwice) {
    std::string class_path;
    for (const std::string jar : {"logback-classic", "logback-core", "slf4j-api", "js"})
        class_path += "/usr/share/java/" + jar + ".jar:";
    for (const char* path :
         {"/usr/bin/java", "/usr/share/java/logback-classic.jar", "/usr/share/java/js.jar"})
        if (!fs::exists(path))
            GTEST_SKIP() << path << " is not there";
    const auto script = scratch.path() / "logback.js";
    write_file(script, logback_program);
    Background program({"java", "-cp", class_path, "org.mozilla.javascript.tools.shell.Main", script.string(),
                        logs.string(), enough.string()});
    run_during(program, 14);
    expect_all_saved();
    expect_no_line_twice();
    for (const auto& [name, content] : tree_of(instance))
        EXPECT_EQ(name.find(".tmp"), std::string::npos) << name;
}
