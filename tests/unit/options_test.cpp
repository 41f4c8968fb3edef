// SPDX-License-Identifier: MIT
#include "logbackup/options.hpp"

#include "config/options.hpp"
#include "config/selection.hpp"
#include "report/settings_report.hpp"
#include "support.hpp"
#include "util/version.hpp"

#include <gtest/gtest.h>

#include <grp.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <list>
#include <memory>

namespace logbackup {
namespace {

using namespace std::chrono_literals;
using test::Variable;

/// Parses with no LOGBACKUP_ variable from outside.
class ParseOptions : public ::testing::Test {
  protected:
    ParseEnded ended;
    const test::TempDir directory;

    void SetUp() override {
        for (const char* name :
             {"DEST",      "LOG_DIR",  "SERVICE",  "POD",          "NAMESPACE",      "CONTAINER",
              "LOG_FILE",  "GROUP",    "CONFIG",   "MAX_DURATION", "DOCKER_TIMEOUT", "DOCKER",
              "RSYNC",     "MIN_FREE", "COVERAGE", "MAX_FILES",    "MAX_DEPTH",      "MAX_FILE_SIZE",
              "MAX_BYTES", "KEEP",     "MAX_SIZE"})
            unset_.push_back(std::make_unique<Variable>(
                names_.emplace_back(std::string("LOGBACKUP_") + name).c_str(), nullptr));
    }
    std::optional<Options> parse(std::vector<const char*> arguments) {
        arguments.insert(arguments.begin(), "logbackup");
        ended = {-1, {}};
        return parse_options(static_cast<int>(arguments.size()), arguments.data(), ended,
                             directory.path() + "/none.toml");
    }
    Options expect(std::vector<const char*> arguments) {
        auto options = parse(std::move(arguments));
        EXPECT_TRUE(options) << ended.text;
        return options.value_or(Options{});
    }
    void expect_usage_error(std::vector<const char*> arguments, const std::string& words = {}) {
        std::string shown;
        for (const auto* argument : arguments)
            shown += std::string(" ") + argument;
        SCOPED_TRACE(shown);
        EXPECT_FALSE(parse(std::move(arguments)));
        EXPECT_EQ(ended.code, 2);
        EXPECT_TRUE(ended.text.starts_with("logbackup: ")) << ended.text;
        EXPECT_TRUE(ended.text.ends_with("\n"));
        EXPECT_EQ(std::count(ended.text.begin(), ended.text.end(), '\n'), 1) << ended.text;
        EXPECT_NE(ended.text.find(words), std::string::npos) << ended.text;
    }

  private:
    std::list<std::string> names_;
    std::vector<std::unique_ptr<Variable>> unset_;
};

using Names = std::vector<std::string>;

TEST_F(ParseOptions, HasDefaults) {
    const auto options = expect({});
    EXPECT_EQ(options.kind, RunKind::save);
    EXPECT_EQ(options.backup_root, "/u01/logbackup");
    EXPECT_EQ(options.log_directories, Names{"/opt/logs"});
    EXPECT_FALSE(has_filter(options));
    EXPECT_EQ(options.group, static_cast<gid_t>(-1));
    EXPECT_EQ(options.docker, "docker");
    EXPECT_EQ(options.rsync, "rsync");
    EXPECT_EQ(options.docker_timeout, 10s);
    EXPECT_EQ(options.max_duration, 30min);
    EXPECT_EQ(options.log_file, "");
    EXPECT_FALSE(options.quiet || options.verbose || options.json);
    EXPECT_EQ(options.min_free.bytes, 0U);
    EXPECT_DOUBLE_EQ(options.min_free.fraction, 0.05);
}

TEST_F(ParseOptions, ReadsEveryOption) {
    const auto options = expect({"--dry-run",
                                 "--dest",
                                 "/backup",
                                 "--log-dir",
                                 "/var/log/app",
                                 "--service",
                                 "s*",
                                 "--pod",
                                 "p",
                                 "--namespace",
                                 "n",
                                 "--container",
                                 "abc",
                                 "--quiet",
                                 "--json",
                                 "--log-file",
                                 "/tmp/x.log",
                                 "--group",
                                 "root",
                                 "--min-free",
                                 "2G",
                                 "--max-duration",
                                 "5m",
                                 "--docker-timeout",
                                 "3s",
                                 "--docker",
                                 "/d/docker",
                                 "--rsync",
                                 "/r/rsync"});
    EXPECT_EQ(options.kind, RunKind::dry_run);
    EXPECT_EQ(options.backup_root, "/backup");
    EXPECT_EQ(options.log_directories, Names{"/var/log/app"});
    EXPECT_EQ(options.filter.services, Names{"s*"});
    EXPECT_EQ(options.filter.pods, Names{"p"});
    EXPECT_EQ(options.filter.namespaces, Names{"n"});
    EXPECT_EQ(options.filter.containers, Names{"abc"});
    EXPECT_TRUE(options.quiet);
    EXPECT_TRUE(options.json);
    EXPECT_EQ(options.log_file, "/tmp/x.log");
    EXPECT_EQ(options.group, 0U);
    EXPECT_EQ(options.max_duration, 5min);
    EXPECT_EQ(options.docker_timeout, 3s);
    EXPECT_EQ(options.docker, "/d/docker");
    EXPECT_EQ(options.rsync, "/r/rsync");
    EXPECT_EQ(options.min_free.bytes, 2ULL << 30U);
}

TEST_F(ParseOptions, ReadsShortFlags) {
    EXPECT_EQ(expect({"-n"}).kind, RunKind::dry_run);
    EXPECT_TRUE(expect({"-q"}).quiet);
    EXPECT_TRUE(expect({"-v"}).verbose);
    EXPECT_TRUE(expect({"-nv"}).verbose);
}

TEST_F(ParseOptions, TakesGlobsRepeatedly) {
    const auto options = expect({"--service", "a", "--service=b*", "--pod", "p", "--service", "c"});
    EXPECT_EQ(options.filter.services, (Names{"a", "b*", "c"}));
    EXPECT_EQ(options.filter.pods, Names{"p"});
    EXPECT_TRUE(has_filter(options));
    expect_usage_error({"--service", "a", "b"}); // as a shell makes it of an unquoted glob
}

TEST_F(ParseOptions, ReadsTheEnvironment) {
    const Variable dest("LOGBACKUP_DEST", "/from/environment");
    const Variable log_dir("LOGBACKUP_LOG_DIR", "/logs");
    const Variable service("LOGBACKUP_SERVICE", "payments*");
    const Variable pod("LOGBACKUP_POD", "p");
    const Variable name_space("LOGBACKUP_NAMESPACE", "n");
    const Variable container("LOGBACKUP_CONTAINER", "c");
    const Variable log_file("LOGBACKUP_LOG_FILE", "/f");
    const Variable group("LOGBACKUP_GROUP", "root");
    const Variable timeout("LOGBACKUP_MAX_DURATION", "1h");
    const Variable docker_timeout("LOGBACKUP_DOCKER_TIMEOUT", "7");
    const Variable docker("LOGBACKUP_DOCKER", "/d");
    const Variable rsync("LOGBACKUP_RSYNC", "/r");
    const Variable min_free("LOGBACKUP_MIN_FREE", "10%");
    const Variable syslog("LOGBACKUP_SYSLOG", "1");
    const auto options = expect({});
    EXPECT_DOUBLE_EQ(options.min_free.fraction, 0.1);
    EXPECT_TRUE(options.syslog);
    EXPECT_EQ(options.backup_root, "/from/environment");
    EXPECT_EQ(options.log_directories, Names{"/logs"});
    EXPECT_EQ(options.filter.services, Names{"payments*"});
    EXPECT_EQ(options.filter.pods, Names{"p"});
    EXPECT_EQ(options.filter.namespaces, Names{"n"});
    EXPECT_EQ(options.filter.containers, Names{"c"});
    EXPECT_EQ(options.log_file, "/f");
    EXPECT_EQ(options.group, 0U);
    EXPECT_EQ(options.max_duration, 1h);
    EXPECT_EQ(options.docker_timeout, 7s);
    EXPECT_EQ(options.docker, "/d");
    EXPECT_EQ(options.rsync, "/r");
}

TEST_F(ParseOptions, PrefersTheCommandLine) {
    const Variable dest("LOGBACKUP_DEST", "/from/environment");
    const Variable service("LOGBACKUP_SERVICE", "environment");
    const auto options = expect({"--dest", "/x", "--service", "line"});
    EXPECT_EQ(options.backup_root, "/x");
    EXPECT_EQ(options.filter.services, Names{"line"});
}

TEST_F(ParseOptions, ChecksTheEnvironmentToo) {
    const Variable timeout("LOGBACKUP_MAX_DURATION", "soon");
    expect_usage_error({}, "soon");
}

TEST_F(ParseOptions, TakesAnEmptyVariableForNone) {
    const Variable dest("LOGBACKUP_DEST", "");
    const Variable service("LOGBACKUP_SERVICE", "");
    const auto options = expect({});
    EXPECT_EQ(options.backup_root, "/u01/logbackup");
    EXPECT_FALSE(has_filter(options));
}

/// Writes a configuration file.
class ConfigFile : public ParseOptions {
  protected:
    const std::string file = directory.path() + "/logbackup.toml";

    Options configured(const std::string& text, std::vector<const char*> arguments = {}) {
        write(text);
        arguments.insert(arguments.end(), {"--config", file.c_str()});
        return expect(std::move(arguments));
    }
    void expect_config_error(const std::string& text, const std::string& words) {
        write(text);
        expect_usage_error({"--config", file.c_str()}, words);
    }
    void write(const std::string& text) const { std::ofstream(file) << text; }
};

TEST_F(ConfigFile, HasEveryOption) {
    const auto options = configured("# of this node\n"
                                    "dest = \"/backup\"   # big disk\n"
                                    "service = [\"a*\", \"b\"]\n"
                                    "pod = \"p\"\n"
                                    "quiet = true\n"
                                    "max-duration = \"5m\"\n"
                                    "max-files = 7\n");
    EXPECT_EQ(options.backup_root, "/backup");
    EXPECT_EQ(options.filter.services, (Names{"a*", "b"}));
    EXPECT_EQ(options.filter.pods, Names{"p"});
    EXPECT_TRUE(options.quiet);
    EXPECT_EQ(options.max_duration, 5min);
    EXPECT_EQ(options.max_files, 7U);
}

TEST_F(ConfigFile, IsReadFromItsStandardPlace) {
    std::ofstream(directory.path() + "/none.toml") << "dest = \"/standard\"\n";
    EXPECT_EQ(expect({}).backup_root, "/standard");
    EXPECT_EQ(configured("quiet = true").backup_root, "/u01/logbackup") << "the other one is read instead";
}

TEST_F(ConfigFile, IsWeakerThanTheEnvironmentAndThatThanTheCommandLine) {
    const std::string text = "dest = \"/file\"\nservice = \"file\"\nquiet = true\nmin-free = \"1G\"\n";
    const Variable dest("LOGBACKUP_DEST", "/environment");
    const Variable service("LOGBACKUP_SERVICE", "environment");
    const Variable quiet("LOGBACKUP_QUIET", "0");
    const auto options = configured(text, {"--dest", "/line"});
    EXPECT_EQ(options.backup_root, "/line");
    EXPECT_EQ(options.filter.services, Names{"environment"});
    EXPECT_FALSE(options.quiet);
    EXPECT_EQ(options.min_free.bytes, 1U << 30U);
    EXPECT_TRUE(configured(text, {"--quiet=true"}).quiet);
    const Variable from_file("LOGBACKUP_CONFIG", file.c_str());
    EXPECT_EQ(expect({}).min_free.bytes, 1U << 30U);
}

TEST_F(ConfigFile, LetsTheStrongerOfTwoThatExcludeEachOtherWin) {
    const auto options = configured("quiet = true\n", {"-v"});
    EXPECT_TRUE(options.verbose);
    EXPECT_FALSE(options.quiet);
    expect_config_error("quiet = true\nverbose = true\n", "it cannot be combined with verbose in");
}

TEST_F(ConfigFile, SaysWhereEachValueComesFrom) {
    const Variable syslog("LOGBACKUP_SYSLOG", "1");
    const auto options =
        configured("dest = \"/file\"\n[service.\"pay*\"]\nlog-dir = \"/l\"\n", {"--pod", "p"});
    const auto setting = [&](const std::string& name) {
        return *std::find_if(options.settings.begin(), options.settings.end(),
                             [&](const Setting& one) { return one.name == name; });
    };
    EXPECT_EQ(setting("dest").source, file);
    EXPECT_EQ(setting("dest").values, Names{"/file"});
    EXPECT_EQ(setting("syslog").source, "LOGBACKUP_SYSLOG");
    EXPECT_EQ(setting("syslog").values, Names{"true"});
    EXPECT_EQ(setting("pod").source, "command line");
    EXPECT_EQ(setting("max-bytes").source, "default");
    EXPECT_EQ(setting("max-bytes").values, Names{"4G"});
    EXPECT_EQ(options.settings.back().service, "pay*");
    EXPECT_EQ(options.settings.back().values, Names{"/l"});
}

TEST_F(ConfigFile, PrintsWhatItReadsAgain) {
    const auto options =
        configured("dest = \"/file\"\nservice = [\"a\", \"b*\"]\nsyslog = true\nmax-files = 3\n"
                   "[service.\"x*\"]\nlog-dir = \"/l\"\n",
                   {"config"});
    EXPECT_EQ(options.kind, RunKind::config);
    const auto again = configured(text(options.settings), {"config"});
    EXPECT_EQ(again.backup_root, "/file");
    EXPECT_EQ(again.filter.services, (Names{"a", "b*"}));
    EXPECT_TRUE(again.syslog);
    EXPECT_EQ(again.max_files, 3U);
    EXPECT_EQ(log_directories_of(again, "x1").front().path, "/l");
    EXPECT_EQ(json(again.settings).substr(0, 31), R"({"command":"config","settings":)");
}

TEST_F(ConfigFile, HasSectionsForServices) {
    const auto options = configured("log-dir = \"/all\"\n[service.\"pay*\"]\nlog-dir = \"/pay\"\n"
                                    "[service.payments]\nlog-dir = \"/payments\"\n");
    EXPECT_EQ(log_directories_of(options, "web").front().path, "/all");
    EXPECT_EQ(log_directories_of(options, "pay").front().path, "/pay");
    EXPECT_EQ(log_directories_of(options, "payments").front().path, "/payments") << "a later one is stronger";
}

TEST_F(ConfigFile, HasCommentsEverywhere) {
    const auto options = configured("dest = \"/d\" # where\n[service.\"pay*\"]  # of several, the last\n"
                                    "log-dir = [   # two\n  \"/pay\", # one\n  # other\n  \"/audit\",\n]\n"
                                    "\t[service.web]# one\nlog-dir = \"/web\"\n");
    EXPECT_EQ(options.backup_root, "/d");
    EXPECT_EQ(log_directories_of(options, "pay").size(), 2U);
    EXPECT_EQ(log_directories_of(options, "web").front().path, "/web");
    expect_config_error("exclude = [\n\"a\"\nkeep = \"1d\"\n", "a quote is not closed");
    expect_config_error("[service.\"a#b\"]\nlog-dir = \"/x\"\n", "sections are called");
}

TEST_F(ConfigFile, HasWhatIsLeftOutOfServices) {
    const auto options = configured("exclude = [\"*.hprof\", \"/dumps/\"]\n[service.\"pay*\"]\n"
                                    "exclude = \"core\"\n[service.payments]\nlog-dir = \"/pay\"\n"
                                    "[service.all]\nexclude = []\n",
                                    {"config"});
    for (const auto& read : {options, configured(text(options.settings), {"config"})}) {
        EXPECT_EQ(exclude_of(read, "web"), (Names{"*.hprof", "/dumps"}));
        EXPECT_EQ(exclude_of(read, "pay"), Names{"core"});
        EXPECT_EQ(exclude_of(read, "payments"), Names{"core"}) << "a later one that says nothing of it";
        EXPECT_EQ(exclude_of(read, "all"), Names{});
    }
    const auto skipping =
        configured("skip = [\"net*\"]\n[service.\"pay*\"]\nskip = true\n[service.payments]\n"
                   "skip = false\n[service.net-1]\nskip = \"false\"\n");
    for (const auto& [service, skipped] :
         {std::pair{"net", true}, {"net-1", false}, {"pay", true}, {"payments", false}, {"web", false}}) {
        EXPECT_EQ(is_skipped(skipping, service), skipped) << service;
        EXPECT_EQ(log_directories_of(skipping, service).empty(), skipped) << service;
    }
    EXPECT_EQ(configured("skip-volume = [\"nfs-*\", \"/mnt/archive\"]\n").skip_volumes,
              (Names{"nfs-*", "/mnt/archive"}));
    EXPECT_EQ(expect({"--skip-volume", "a", "--skip-volume", "b"}).skip_volumes, (Names{"a", "b"}));
    expect_config_error("[service.x]\nskip-volume = \"a\"\n", "it cannot differ from service to service");
    expect_config_error("[service.x]\nskip = \"net*\"\n", "'net*' is not a valid value for a service");
    EXPECT_EQ(expect({"--exclude", "a", "--exclude", "b/c"}).exclude, (Names{"a", "/b/c"}));
    expect_usage_error({"--exclude", "/"}, "'/' is not a valid glob of files");
    expect_config_error("exclude = [\"a\", \"\"]\n", "'' is not a valid glob of files");
    expect_config_error("[service.x]\nexclude = [\"../a\"]\n", "'../a' is not a valid glob of files");
}

TEST_F(ConfigFile, HasSeveralLogDirectories) {
    const auto names = [](const Options& from, const std::string& service) {
        std::vector<std::pair<std::string, std::string>> pairs;
        for (const auto& [path, suffix] : log_directories_of(from, service))
            pairs.emplace_back(path, suffix);
        return pairs;
    };
    using Pairs = std::vector<std::pair<std::string, std::string>>;
    const Pairs two{{"/opt/logs", ""}, {"/var/log/app", "+var+log+app"}};
    const auto options = configured("log-dir = [\"/opt/logs\", \"/var/./log/app/\"]\n"
                                    "[service.pay]\nlog-dir = [\"/pay\"]\n",
                                    {"config"});
    for (const auto& read : {options, configured(text(options.settings), {"config"})}) {
        EXPECT_EQ(names(read, "web"), two);
        EXPECT_EQ(names(read, "pay"), (Pairs{{"/pay", ""}}));
    }
    EXPECT_EQ(names(expect({"--log-dir", "/opt/logs", "--log-dir", "/var/log/app"}), "web"), two);
    EXPECT_EQ(names(configured(text(expect({"config"}).settings), {}), "web"), (Pairs{{"/opt/logs", ""}}));
    EXPECT_EQ(suffix_of("/100%/a+b/%2B"), "+100%25+a%2Bb+%252B");
    for (const char* const path : {"/a\n", "/a\xff", "/a\\b"})
        expect_usage_error({"--log-dir", path}, "is not a valid absolute path");
    expect_usage_error({"--log-dir", "/a", "--log-dir", "/a/b"}, "'/a/b' lies in '/a'");
    expect_usage_error({"--log-dir", "/a/", "--log-dir", "/b/../a"}, "'/a' is set twice");
    EXPECT_EQ(expect({"--log-dir", "/a", "--log-dir", "/ab"}).log_directories, (Names{"/a", "/ab"}));
    expect_config_error("[service.x]\nlog-dir = [\"/a\", \"/a/b\"]\n", "'/a/b' lies in '/a'");
    expect_config_error("[service.x]\nlog-dir = []\n", "it has no value");
    const Variable variable("LOGBACKUP_LOG_DIR", "/opt/logs:/var/log/app");
    EXPECT_EQ(names(expect({}), "web"), two);
    const auto printed = text(expect({"config"}).settings);
    EXPECT_NE(printed.find(R"(log-dir = ["/opt/logs", "/var/log/app"] )"), std::string::npos) << printed;
    EXPECT_EQ(names(expect({"--log-dir", "/a:b"}), "web"), (Pairs{{"/a:b", ""}}));
}

TEST_F(ConfigFile, NamesTheNearestKey) {
    expect_config_error("max-duratoin = \"5m\"\n", "the nearest is 'max-duration'");
    expect_config_error("Quiet = true\n", "the nearest is 'quiet'");
    expect_config_error("log_dir = \"/x\"\n", "the nearest is 'log-dir'");
    expect_config_error("zzzzzzzzz = 1\n", "'logbackup config' lists them all");
    expect_config_error("help = true\n", "'help'");
}

TEST_F(ConfigFile, RefusesWhatItDoesNotUnderstand) {
    expect_config_error("quiet = maybe\n", "quiet in '" + file + "': 'maybe' is neither true nor false");
    expect_config_error("dest = [\"/a\", \"/b\"]\n", "it takes one value");
    expect_config_error("dest = \"/a\"\ndest = \"/b\"\n", "dest");
    expect_config_error("dest = \"/a#b\"\n", "a quote is not closed");
    expect_config_error("max-duration = \"soon\"\n",
                        "max-duration in '" + file + "': 'soon' is not a valid duration");
    expect_config_error("[service.x]\ndest = \"/x\"\n", "cannot differ from service to service");
    expect_config_error("[service.x]\nlog-dir = \"x\"\n", "'x' is not a valid absolute path");
    expect_config_error("[servic.x]\nlog-dir = \"/x\"\n", "[service.\"GLOB\"]");
    expect_config_error("this is no configuration\n", "this is no configuration");
    expect_config_error("dest = \"/\x1b[2Jx\n", "a quote is not closed");
}

TEST_F(ConfigFile, IsNeededWhereItIsNamed) {
    expect_usage_error({"--config", "/no/such/file"}, "there is no configuration '/no/such/file'");
    expect_usage_error({"--config", directory.path().c_str()}, "Is a directory");
}

TEST_F(ConfigFile, IsNotTrustedWhereOthersCanWriteToIt) {
    write("quiet = true\n");
    std::filesystem::permissions(file, std::filesystem::perms(0666));
    expect_usage_error({"--config", file.c_str()}, "others can write to it");
    std::filesystem::permissions(file, std::filesystem::perms(0664));
    EXPECT_TRUE(expect({"--config", file.c_str()}).quiet) << "its group is that of who runs this";
    if (::geteuid() != 0)
        return;
    ASSERT_EQ(::chown(file.c_str(), 0, 4711), 0);
    expect_usage_error({"--config", file.c_str()}, "others can write to it");
}

TEST_F(ParseOptions, MakesTheBackupRootAbsolute) {
    EXPECT_EQ(expect({"--dest", "backup"}).backup_root,
              (std::filesystem::current_path() / "backup").string());
    EXPECT_EQ(expect({"--dest", "/a/./b/../c//d/"}).backup_root, "/a/c/d");
}

TEST_F(ParseOptions, RefusesWrongUsage) {
    expect_usage_error({"--no-such-option"}, "--no-such-option");
    expect_usage_error({"positional"}, "positional");
    expect_usage_error({"--dest"}, "--dest");
    expect_usage_error({"--dest", ""}, "--dest");
    expect_usage_error({"--dry-run=maybe"}, "--dry-run: 'maybe' is neither true nor false");
    expect_usage_error({"--dest", "/a", "--dest", "/b"});
    expect_usage_error({"--quiet", "--verbose"}, "--verbose");
    expect_usage_error({"-qv"});
}

TEST_F(ParseOptions, ReadsFlagsThatSayTrueOrFalse) {
    for (const char* text : {"--quiet=true", "--quiet=1", "--quiet=Yes", "--quiet=on"})
        EXPECT_TRUE(expect({text}).quiet) << text;
    for (const char* text : {"--quiet=false", "--quiet=0", "--quiet=no", "--quiet=OFF"})
        EXPECT_FALSE(expect({text}).quiet) << text;
    const Variable off("LOGBACKUP_QUIET", "off");
    EXPECT_FALSE(expect({}).quiet);
    EXPECT_TRUE(expect({"-qq"}).quiet);
}

TEST_F(ParseOptions, RefusesAnUnknownGroup) {
    expect_usage_error({"--group", "no-such-group-here"}, "no-such-group-here");
    EXPECT_EQ(expect({"--group", ::getgrgid(0)->gr_name}).group, 0U);
}

TEST_F(ParseOptions, RefusesALogDirectoryThatIsNotAbsolute) {
    for (const char* path : {"opt/logs", ".", "", "/", "//", "/opt/..", "/../..", "./opt"})
        expect_usage_error({"--log-dir", path}, "--log-dir");
    EXPECT_EQ(expect({"--log-dir", "/opt/./x/../logs"}).log_directories, Names{"/opt/logs"});
    EXPECT_EQ(expect({"--log-dir", "/../opt/logs"}).log_directories, Names{"/opt/logs"});
}

TEST_F(ParseOptions, ReadsDurations) {
    const std::vector<std::pair<const char*, std::chrono::milliseconds>> cases{
        {"1", 1s},        {"90s", 90s},     {"5m", 5min},      {"1h", 1h},          {"1.5m", 90s},
        {"0.25s", 250ms}, {"2h", 2h},       {"5 m", 5min},     {"90 seconds", 90s}, {"1min", 1min},
        {"3hours", 3h},   {"30days", 720h}, {"2 weeks", 336h}, {"1y", 8760h},       {"1 year", 8760h},
    };
    for (const auto& [text, expected] : cases)
        EXPECT_EQ(expect({"--max-duration", text}).max_duration, expected) << text;
}

TEST_F(ParseOptions, RefusesWhatIsNoDuration) {
    for (const char* text :
         {"soon", "",       "s",  "0",  "0s",      "-1",  "-5m", "5  m", "5ms",
          "5x",   "5mm",    "5M", "5 ", "1 month", "nan", "inf", "1e99", "99999999999999999999",
          "5m3s", "0.0001s"}) {
        expect_usage_error({"--max-duration", text});
        expect_usage_error({"--docker-timeout", text});
    }
}

TEST_F(ParseOptions, ReadsHowMuchToLeaveFree) {
    const std::vector<std::pair<const char*, std::uint64_t>> sizes{
        {"0", 0},
        {"1", 1},
        {"4096", 4096},
        {"7B", 7},
        {"1K", 1024},
        {"500M", 500ULL << 20U},
        {"1G", 1ULL << 30U},
        {"1.5GiB", 3ULL << 29U},
        {"0.5K", 512},
        {"2TiB", 2ULL << 40U},
        {"3P", 3ULL << 50U},
        {"1 G", 1ULL << 30U},
        {"1g", 1ULL << 30U},
        {"500MB", 500'000'000},
        {"1.5 GB", 1'500'000'000},
        {"2kb", 2000},
        {"0%", 0},
    };
    for (const auto& [text, bytes] : sizes) {
        const auto min_free = expect({"--min-free", text}).min_free;
        EXPECT_EQ(min_free.bytes, bytes) << text;
        EXPECT_EQ(min_free.fraction, 0) << text;
    }
    for (const auto& [text, fraction] :
         {std::pair{"5%", 0.05}, {"5 %", 0.05}, {"0.5%", 0.005}, {"12.5%", 0.125}, {"99%", 0.99}}) {
        const auto min_free = expect({"--min-free", text}).min_free;
        EXPECT_EQ(min_free.bytes, 0U) << text;
        EXPECT_DOUBLE_EQ(min_free.fraction, fraction) << text;
    }
}

TEST_F(ParseOptions, RefusesWhatIsNoSizeAndNoShare) {
    for (const char* text : {"",
                             "%",
                             "G",
                             "-1",
                             "-0",
                             "-5%",
                             "100%",
                             "250%",
                             "5%%",
                             "1  G",
                             "1 ",
                             "1X",
                             "1e3",
                             "0x10",
                             "nan",
                             "inf%",
                             "nan%",
                             "+1",
                             "1,5G",
                             "8388608T",
                             "99999999999999999999P",
                             "9223372036854775808",
                             "1GiBi"})
        expect_usage_error({"--min-free", text}, "--min-free");
}

TEST_F(ParseOptions, ReadsLimits) {
    const auto defaults = expect({});
    EXPECT_EQ(defaults.max_files, 100'000U);
    EXPECT_EQ(defaults.max_depth, 100U);
    EXPECT_EQ(defaults.max_file_size, 100ULL << 30U);
    EXPECT_EQ(defaults.max_bytes, 4ULL << 30U);
    const auto set =
        expect({"--max-files", "5", "--max-depth", "7", "--max-file-size", "1.5K", "--max-bytes", "2MiB"});
    EXPECT_EQ(set.max_files, 5U);
    EXPECT_EQ(set.max_depth, 7U);
    EXPECT_EQ(set.max_file_size, 1536U);
    EXPECT_EQ(set.max_bytes, 2U << 20U);
    const auto none = expect({"--max-file-size", "0", "--max-bytes", "0G"});
    EXPECT_EQ(none.max_file_size, UINT64_MAX);
    EXPECT_EQ(none.max_bytes, UINT64_MAX);
    const Variable files("LOGBACKUP_MAX_FILES", "9");
    const Variable bytes("LOGBACKUP_MAX_BYTES", "9");
    EXPECT_EQ(expect({}).max_files, 9U);
    EXPECT_EQ(expect({}).max_bytes, 9U);
    for (const char* text : {"", "0", "-1", "1.5", "1k", "1000000001", "99999999999999999999", " 1"})
        for (const char* option : {"--max-files", "--max-depth"})
            expect_usage_error({option, text}, option);
    for (const char* text : {"", "-1", "5%", "1X", "8388608T"})
        for (const char* option : {"--max-file-size", "--max-bytes"})
            expect_usage_error({option, text}, option);
}

TEST_F(ParseOptions, ReadsSubcommands) {
    EXPECT_EQ(expect({"list"}).kind, RunKind::list);
    EXPECT_EQ(expect({"verify"}).kind, RunKind::verify);
    expect_usage_error({"check", "verify"}, "verify");
    expect_usage_error({"lists"}, "lists");
    expect_usage_error({"check", "stray"}, "'logbackup check --help'");
    EXPECT_EQ(expect({"--pod", "list"}).kind, RunKind::save) << "it is the option's value";
}

TEST_F(ParseOptions, ReadsAServiceAndAPod) {
    for (const char* command : {"list", "verify"}) {
        EXPECT_EQ(expect({command, "web"}).filter.services, Names{"web"});
        EXPECT_TRUE(expect({command, "web"}).filter.pods.empty());
        const auto filter = expect({command, "web*/web-1"}).filter;
        EXPECT_EQ(filter.services, Names{"web*"});
        EXPECT_EQ(filter.pods, Names{"web-1"});
        EXPECT_EQ(expect({command, "web/web-1@2"}).filter.instances, Names{"web-1@2"});
        expect_usage_error({command, "web", "db"}, "db");
        expect_usage_error({command, "web/"}, "is not SERVICE or SERVICE/POD");
        expect_usage_error({command, "/web"}, "is not SERVICE or SERVICE/POD");
        expect_usage_error({command, "a/b/c"}, "is not SERVICE or SERVICE/POD");
        expect_usage_error({command, "web", "--pod", "x"}, "either so or as an argument");
    }
    EXPECT_EQ(expect({"list", "list"}).filter.services, Names{"list"});
    expect_usage_error({"config", "web"}, "web");
}

TEST_F(ParseOptions, NamesWhatWasMeant) {
    expect_usage_error({"--serivce", "web"}, "did you mean '--service'? see 'logbackup --help'");
    expect_usage_error({"--max-depht=3"}, "did you mean '--max-depth'?");
    expect_usage_error({"list", "--verbos"}, "did you mean '--verbose'? see 'logbackup list --help'");
    expect_usage_error({"verfiy"}, "did you mean 'verify'?");
    EXPECT_FALSE(parse({"--nothing-like-it"}));
    EXPECT_EQ(ended.text.find("did you mean"), std::string::npos) << ended.text;
}

TEST_F(ParseOptions, ReadsASearch) {
    const auto options = expect({"grep", "-F", "a b", "web", "--since", "2026-11-30 07:02", "--until",
                                 "2026-11-30T07:03Z", "-C", "2", "-i"});
    EXPECT_EQ(options.kind, RunKind::grep);
    EXPECT_EQ(options.query.pattern, "a b");
    EXPECT_TRUE(options.query.is_fixed && options.query.ignores_case);
    EXPECT_EQ(options.query.context, 2U);
    EXPECT_EQ(options.filter.services, Names{"web"});
    EXPECT_EQ(rfc3339(options.window.since), "2026-11-30T07:02:00Z");
    EXPECT_EQ(rfc3339(options.window.until), "2026-11-30T07:03:59Z");
    for (const auto& [since, until] : {std::pair{"22:00", "23:00"}, {"23:50", "00:20"}, {"07:02", "07:02"}}) {
        const auto window = expect({"grep", "x", "--since", since, "--until", until}).window;
        EXPECT_LE(window.since, std::chrono::system_clock::now()) << since;
        EXPECT_LE(window.since, window.until) << until;
        EXPECT_LE(window.until - window.since, 61min) << until;
    }
    expect_usage_error({"grep", "x", "--since", ""}, "it is empty");
    const Variable quiet("LOGBACKUP_QUIET", "1");
    EXPECT_FALSE(expect({"grep", "x"}).quiet) << "that is for cron";
    EXPECT_TRUE(expect({"grep", "x", "--quiet"}).quiet);
    const Variable service("LOGBACKUP_SERVICE", "db");
    EXPECT_EQ(expect({"grep", "x", "web"}).filter.services, Names{"web"});
    EXPECT_EQ(expect({"grep", "--", "-x"}).query.pattern, "-x");
    EXPECT_FALSE(expect({"grep", "x"}).window.has_bounds());
    const auto recent = expect({"list", "--since", "2h ago"}).window.since;
    EXPECT_LT(std::chrono::abs(std::chrono::system_clock::now() - recent - 2h), 1min);
    expect_usage_error({"grep"}, "PATTERN is required");
    expect_usage_error({"grep", "x", "--since", "noon"}, "'noon' is not a valid time");
    expect_usage_error({"grep", "x", "--since", "10m", "--until", "20m"}, "it is before --since");
    expect_usage_error({"grep", "x", "-c", "-l"}, "--files");
    expect_usage_error({"grep", "x", "--print0"}, "it needs --files");
    expect_usage_error({"--since", "10m"}, "--since");
    expect_usage_error({"verify", "--count"}, "'verify' does not accept it");
    expect_usage_error({"grep", "x", "--adopt"}, "'grep' does not accept it");
}

TEST_F(ParseOptions, TakesOptionsBeforeAndAfterASubcommand) {
    for (const char* command : {"list", "verify"}) {
        const auto before =
            expect({"--dest", "/b", "--service", "s", "--json", "-v", "--docker", "/d", command});
        const auto after =
            expect({command, "--dest", "/b", "--service", "s", "--json", "-v", "--docker", "/d"});
        for (const auto& options : {before, after}) {
            EXPECT_EQ(options.backup_root, "/b");
            EXPECT_EQ(options.filter.services, Names{"s"});
            EXPECT_TRUE(options.json);
            EXPECT_TRUE(options.verbose);
            EXPECT_EQ(options.docker, "/d");
        }
        const auto both = expect({"--service", "a", command, "--service", "b", "--log-dir", "/l", "-q"});
        EXPECT_EQ(both.filter.services, (Names{"a", "b"}));
        EXPECT_EQ(both.log_directories, Names{"/l"});
        EXPECT_TRUE(both.quiet);
    }
}

TEST_F(ParseOptions, ReadsTheEnvironmentForSubcommandsToo) {
    const Variable dest("LOGBACKUP_DEST", "/from/environment");
    const Variable coverage("LOGBACKUP_COVERAGE", "cut");
    const auto options = expect({"list"});
    EXPECT_EQ(options.backup_root, "/from/environment");
    EXPECT_EQ(options.filter.coverages, std::vector<Coverage>{Coverage::cut});
    EXPECT_EQ(expect({"--dest", "/x", "list"}).backup_root, "/x");
    EXPECT_FALSE(has_filter(expect({}))) << "a run has no such filter";
}

TEST_F(ParseOptions, ReadsCoverages) {
    using Coverages = std::vector<Coverage>;
    EXPECT_EQ(expect({"list"}).filter.coverages, Coverages{});
    const auto options = expect({"list", "--coverage", "cut", "--coverage", "missed"});
    EXPECT_EQ(options.filter.coverages, (Coverages{Coverage::cut, Coverage::missed}));
    EXPECT_TRUE(has_filter(options));
    EXPECT_EQ(expect({"list", "--coverage=live", "--coverage=complete"}).filter.coverages,
              (Coverages{Coverage::live, Coverage::complete}));
    expect_usage_error({"list", "--coverage", "whole"}, "whole");
    expect_usage_error({"list", "--coverage", "cut,missed"});
    expect_usage_error({"list", "--coverage"});
    expect_usage_error({"verify", "--coverage", "cut"}, "--coverage");
    expect_usage_error({"--coverage", "cut"}, "--coverage");
}

TEST_F(ParseOptions, HasNoDryRunOfASubcommand) {
    for (const char* command : {"list", "verify"}) {
        expect_usage_error({command, "--dry-run"}, "--dry-run");
        expect_usage_error({"-n", command}, "--dry-run");
    }
}

TEST_F(ParseOptions, DeletesNothingUnlessAskedTo) {
    EXPECT_FALSE(has_retention(expect({})));
    EXPECT_FALSE(has_retention(expect({"--keep", "0", "--max-size", "0"})));
    EXPECT_TRUE(has_retention(expect({"--max-size", "50G"})));
    expect_usage_error({"--max-size", "50"}, "'50'");
    EXPECT_EQ(expect({}).max_versions, 10U);
    EXPECT_EQ(expect({"--max-versions", "3"}).max_versions, 3U);
    EXPECT_EQ(expect({"--max-versions", "0"}).max_versions, UINT64_MAX);
    expect_usage_error({"--max-versions", "-1"}, "'-1'");
    expect_usage_error({"--dest", "/"}, "'/'");
    expect_usage_error({"--dest", "/a/.."}, "'/a/..'");
    const auto options = expect({"--keep", "30d"});
    EXPECT_TRUE(has_retention(options));
    EXPECT_EQ(keep_of(options.retention, "web"), std::chrono::hours(30 * 24));
    EXPECT_EQ(expect({"--keep", "2w"}).retention.keep, std::chrono::hours(14 * 24));
    EXPECT_EQ(expect({"--max-duration", "1d"}).max_duration, 24h);
    for (const char* text : {"", "0d", "-1d", "for ever", "1m1d", "30", "1.5"})
        expect_usage_error({"--keep", text}, "--keep");
    const Variable keep("LOGBACKUP_KEEP", "1d");
    EXPECT_EQ(expect({}).retention.keep, 24h);
    EXPECT_FALSE(has_retention(expect({"--keep", "0"})));
}

TEST_F(ParseOptions, KeepsSomeServicesLonger) {
    const auto file = directory.write("some.toml", "keep = \"30d\"\n[service.\"audit*\"]\nkeep = \"0\"\n"
                                                   "[service.\"audit-test\"]\nkeep = \"1d\"\n");
    const auto options = expect({"--config", file.c_str()});
    EXPECT_EQ(keep_of(options.retention, "web"), std::chrono::hours(30 * 24));
    EXPECT_EQ(keep_of(options.retention, "audit"), for_ever);
    EXPECT_EQ(keep_of(options.retention, "audit-test"), 24h);
    const auto only = directory.write("only.toml", "[service.\"audit*\"]\nkeep = \"1d\"\n");
    EXPECT_TRUE(has_retention(expect({"--config", only.c_str()})));
    const auto wrong = directory.write("wrong.toml", "[service.\"a\"]\nkeep = \"soon\"\n");
    expect_usage_error({"--config", wrong.c_str()}, "'soon' is not a valid duration");
}

TEST_F(ParseOptions, PrunesWhenAskedTo) {
    EXPECT_EQ(expect({"prune", "--keep", "1d"}).kind, RunKind::prune);
    EXPECT_EQ(expect({"prune", "--max-size", "1G", "-n"}).kind, RunKind::prune_dry_run);
    expect_usage_error({"prune"}, "--max-size");
    expect_usage_error({"prune", "--keep", "0"}, "--keep");
    const Variable dry("LOGBACKUP_DRY_RUN", "1");
    EXPECT_EQ(expect({"prune", "--keep", "1d"}).kind, RunKind::prune_dry_run);
}

TEST_F(ParseOptions, RequiresAMountWhereAnyPlaceSaysSo) {
    EXPECT_FALSE(expect({}).require_mount);
    EXPECT_TRUE(expect({"--require-mount"}).require_mount);
    const auto file = directory.write("mount.toml", "require-mount = true\n");
    EXPECT_TRUE(expect({"--config", file.c_str()}).require_mount);
    const Variable variable("LOGBACKUP_REQUIRE_MOUNT", "1");
    EXPECT_TRUE(expect({"prune", "--keep", "1d"}).require_mount);
}

TEST_F(ParseOptions, AdoptsOnlyByHandAndInARun) {
    EXPECT_TRUE(expect({"--adopt"}).adopt);
    EXPECT_TRUE(expect({"--adopt", "--dry-run"}).adopt);
    for (const char* command : {"list", "verify", "check", "config"})
        expect_usage_error({command, "--adopt"}, "does not accept it");
    const Variable variable("LOGBACKUP_ADOPT", "1");
    EXPECT_FALSE(expect({}).adopt);
    const auto file = directory.write("adopt.toml", "adopt = true\n");
    expect_usage_error({"--config", file.c_str()}, "adopt");
}

// In a configuration file it would let every run by hand stay.
TEST_F(ParseOptions, FollowsOnlyOnTheCommandLine) {
    EXPECT_EQ(expect({}).follow, 0s);
    EXPECT_EQ(expect({"--follow", "0"}).follow, 0s);
    EXPECT_EQ(expect({"--follow", "5m"}).follow, 5min);
    expect_usage_error({"--follow", "soon"});
    for (const char* other : {"list", "verify", "check"})
        expect_usage_error({other, "--follow", "5m"}, "does not accept it");
    expect_usage_error({"--dry-run", "--follow", "5m"}, "cannot be combined with --dry-run");
    const Variable variable("LOGBACKUP_FOLLOW", "5m");
    EXPECT_EQ(expect({}).follow, 0s);
    const auto file = directory.write("follow.toml", "follow = \"5m\"\n");
    expect_usage_error({"--config", file.c_str()}, "follow");
}

TEST_F(ParseOptions, PrintsTheHelpOfASubcommand) {
    EXPECT_FALSE(parse({"--help"}));
    for (const char* word : {"list ", "verify ", "--min-free", "--nice", "5%"})
        EXPECT_NE(ended.text.find(word), std::string::npos) << word;
    for (const auto& arguments :
         {std::vector<const char*>{"list", "--help"}, {"--help", "list"}, {"list", "-h"}}) {
        EXPECT_FALSE(parse(arguments));
        EXPECT_EQ(ended.code, 0);
        for (const char* word : {"Usage: logbackup list", "--coverage", "--dest", "--service", "--json"})
            EXPECT_NE(ended.text.find(word), std::string::npos) << word;
        for (const char* word : {"--rsync", "--dry-run", "--log-file", "LOGBACKUP_", "verify"})
            EXPECT_EQ(ended.text.find(word), std::string::npos) << word;
    }
    EXPECT_FALSE(parse({"verify", "--help"}));
    EXPECT_EQ(ended.code, 0);
    EXPECT_NE(ended.text.find("Usage: logbackup verify"), std::string::npos) << ended.text;
    EXPECT_EQ(ended.text.find("--coverage"), std::string::npos) << ended.text;
}

TEST_F(ParseOptions, PrintsHelpAndVersion) {
    EXPECT_FALSE(parse({"--help"}));
    EXPECT_EQ(ended.code, 0);
    for (const char* word :
         {"--dest", "--dry-run", "/u01/logbackup", "/opt/logs", "Exit codes", "LOGBACKUP_MAX_FILES", "30m"})
        EXPECT_NE(ended.text.find(word), std::string::npos) << word;
    EXPECT_FALSE(parse({"--version"}));
    EXPECT_EQ(ended.code, 0);
    EXPECT_EQ(ended.text, "logbackup " + std::string(version) + "\n");
    EXPECT_FALSE(parse({"--help", "--no-such-option"}));
    EXPECT_EQ(ended.code, 0);
}

Container container_of(const std::string& id, const std::string& service, const std::string& pod,
                       const std::string& name_space) {
    Container container;
    container.id = id;
    container.service = service;
    container.pod = pod;
    container.namespace_name = name_space;
    return container;
}

TEST(Selects, TakesAllWithoutFilters) {
    EXPECT_TRUE(selects(Filter{}, container_of("abc", "svc", "pod", "shop")));
    EXPECT_TRUE(selects(Filter{}, Container{}));
}

TEST(Selects, MatchesGlobs) {
    const auto container = container_of("abcdef", "payments", "payments-7d9f", "shop");
    const auto with = [&](auto member, Names globs) {
        Filter filter;
        filter.*member = std::move(globs);
        EXPECT_TRUE(has_filter(filter));
        return selects(filter, container);
    };
    EXPECT_TRUE(with(&Filter::services, {"payments"}));
    EXPECT_TRUE(with(&Filter::services, {"pay*"}));
    EXPECT_TRUE(with(&Filter::services, {"other", "p[a-z]yments"}));
    EXPECT_FALSE(with(&Filter::services, {"pay"}));
    EXPECT_FALSE(with(&Filter::services, {"Payments"}));
    EXPECT_TRUE(with(&Filter::pods, {"*-7d??"}));
    EXPECT_FALSE(with(&Filter::pods, {"*-8*", "x"}));
    EXPECT_TRUE(with(&Filter::namespaces, {"shop"}));
    EXPECT_FALSE(with(&Filter::namespaces, {""}));
    EXPECT_TRUE(with(&Filter::containers, {"abc"}));
    EXPECT_TRUE(with(&Filter::containers, {"zzz", "abcdef"}));
    EXPECT_FALSE(with(&Filter::containers, {"bc"}));
    EXPECT_FALSE(with(&Filter::containers, {"abcdef0"}));
}

TEST(Selects, NeedsEveryKindOfFilterToMatch) {
    Filter filter;
    filter.services = {"payments"};
    filter.namespaces = {"test"};
    EXPECT_FALSE(selects(filter, container_of("a", "payments", "pod", "shop")));
    EXPECT_TRUE(selects(filter, container_of("a", "payments", "pod", "test")));
}

TEST(Selects, TakesARecordByAnyOfItsContainers) {
    Record record;
    record.service = "payments";
    record.pod = "payments-7d9f";
    record.namespace_name = "shop";
    record.containers = {"abc", "def"};
    Filter filter;
    EXPECT_TRUE(selects(filter, record));
    filter.containers = {"de"};
    EXPECT_TRUE(selects(filter, record));
    filter.pods = {"payments-*"};
    EXPECT_TRUE(selects(filter, record));
    filter.namespaces = {"test"};
    EXPECT_FALSE(selects(filter, record));
    filter.namespaces.clear();
    filter.containers = {"ef"};
    EXPECT_FALSE(selects(filter, record));
    record.containers.clear();
    EXPECT_FALSE(selects(filter, record));
}

} // namespace
} // namespace logbackup
