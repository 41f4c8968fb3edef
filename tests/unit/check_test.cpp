// SPDX-License-Identifier: MIT
#include "check/check.hpp"
#include "check/schedule.hpp"
#include "ledger/backup_root.hpp"
#include "report/check_report.hpp"
#include "support.hpp"
#include "util/error.hpp"

#include <nlohmann/json.hpp>

using namespace logbackup;

namespace {

std::string in_system(const char* line) {
    return run_in_crontab(line, Crontab::of_the_system);
}

const Check good{"rsync", CheckStatus::ok, "version 3.2.7", ""};
const Check warned{"schedule", CheckStatus::warning, "none", "write a crontab line"};
const Check bad{"free space", CheckStatus::problem, "1 KiB", "free some"};
const Check hopeless{"docker client", CheckStatus::impossible, "not found", "install it"};

} // namespace

TEST(CronLine, NamesTheProgramThatRuns) {
    EXPECT_EQ(in_system("* * * * * root /usr/local/sbin/logbackup --quiet"), "/usr/local/sbin/logbackup");
    EXPECT_EQ(in_system("\t*/5\t* * * 1-5  root  logbackup"), "logbackup");
    EXPECT_EQ(in_system("@hourly root /sbin/logbackup"), "/sbin/logbackup");
    EXPECT_EQ(in_system("* * * * * root PATH=/bin nice -n 19 flock -n /run/l /opt/logbackup >/dev/null 2>&1"),
              "/opt/logbackup");
    EXPECT_EQ(in_system("* * * * * root cd / && '/opt/my/logbackup'; true"), "/opt/my/logbackup");
    EXPECT_EQ(in_system("* * * * * root logbackup -q && grep -n x /var/log/cron"), "logbackup");
    EXPECT_EQ(run_in_crontab("* * * * * /opt/logbackup -q", Crontab::of_a_user), "/opt/logbackup");
    EXPECT_EQ(run_in_crontab("@reboot logbackup", Crontab::of_a_user), "logbackup");
}

TEST(CronLine, OfAnythingElseIsNone) {
    for (const auto* line :
         {"", "   ", "# * * * * * root logbackup", "PATH=/usr/sbin/logbackup", "MAILTO = logbackup",
          "* * * * * logbackup true", "* * * * * root /usr/bin/backup --to /u01/logbackup.old",
          "* * * * * root cat /var/log/logbackup.log", "* * * * * root logbackup check --quiet",
          "0 6 * * * root /usr/local/sbin/logbackup verify", "* * * * * root logbackup -q --dry-run",
          "* * * * * root logbackup -n; true", "* * *"})
        EXPECT_EQ(in_system(line), "") << line;
    EXPECT_EQ(run_in_crontab("* * * * * logbackup -q", Crontab::of_the_system), "")
        << "there it is the name of a user";
}

TEST(UnitLine, NamesTheProgramThatRuns) {
    EXPECT_EQ(run_in_unit("ExecStart=/usr/local/sbin/logbackup --quiet"), "/usr/local/sbin/logbackup");
    EXPECT_EQ(run_in_unit("ExecStart=-/usr/local/sbin/logbackup"), "/usr/local/sbin/logbackup");
    EXPECT_EQ(run_in_unit("ExecStart=/usr/local/sbin/logbackup verify"), "");
    EXPECT_EQ(run_in_unit("ExecStartPost=/usr/local/sbin/logbackup"), "");
    EXPECT_EQ(run_in_unit("Description=logbackup"), "");
}

TEST(Schedules, AreFoundWhereCronAndSystemdLook) {
    const test::TempDir etc;
    const std::string line = "* * * * * root /sbin/logbackup\n";
    etc.write("etc/crontab", "SHELL=/bin/sh\n17 * * * * root run-parts /etc/cron.hourly\n");
    etc.write("etc/cron.d/logbackup", "# saves logs\n" + line);
    etc.write("etc/cron.d/logbackup.dpkg-old", line);
    etc.write("etc/cron.d/other", "* * * * * root /sbin/other\n");
    etc.write("var/spool/cron/crontabs/root", "* * * * * logbackup");
    etc.write("usr/lib/systemd/system/save.timer", "[Timer]\nOnCalendar=minutely\nUnit=run.service\n");
    etc.write("usr/lib/systemd/system/run.service", "[Service]\nExecStart=/opt/logbackup -q\n");
    etc.write("usr/lib/systemd/system/logbackup.timer", "[Timer]\n"); // not enabled
    etc.write("usr/lib/systemd/system/logbackup.service", "[Service]\nExecStart=/opt/logbackup -q\n");
    etc.link("etc/systemd/system/timers.target.wants/save.timer", "/usr/lib/systemd/system/save.timer");
    const auto found = find_schedules(etc.path());
    ASSERT_EQ(found.size(), 3U);
    EXPECT_EQ(found[0].where, "/etc/cron.d/logbackup");
    EXPECT_EQ(found[0].program, "/sbin/logbackup");
    EXPECT_EQ(found[0].kind, Schedule::Kind::cron);
    EXPECT_EQ(found[1].where, "/var/spool/cron/crontabs/root");
    EXPECT_EQ(found[2].where, "/etc/systemd/system/timers.target.wants/save.timer");
    EXPECT_EQ(found[2].program, "/opt/logbackup");
    EXPECT_EQ(found[2].kind, Schedule::Kind::timer);
    EXPECT_TRUE(find_schedules(etc.at("none")).empty());
}

TEST(Version, IsFoundInWhatAProgramPrints) {
    EXPECT_EQ(version_in("rsync  version 3.2.7  protocol version 31\nCopyright 2.0"), "3.2.7");
    EXPECT_EQ(version_in("rsync  version v3.2.7-2 protocol"), "3.2.7");
    EXPECT_EQ(version_in("rsync  version 2.6.9pre1  protocol version 29"), "2.6.9");
    EXPECT_EQ(version_in("openrsync: protocol version 29"), "");
    EXPECT_EQ(version_in(""), "");
    EXPECT_EQ(version_in("no\n1.2.3"), "");
}

TEST(Checks, AreSummedUpInTheExitCode) {
    EXPECT_EQ(exit_code({}), 0);
    EXPECT_EQ(exit_code({good, warned}), 0);
    EXPECT_EQ(exit_code({good, bad, warned}), 3);
    EXPECT_EQ(exit_code({hopeless, bad, good}), 1);
}

TEST(Checks, AreALineEachWithAHintBelow) {
    EXPECT_EQ(table({good, warned, bad, hopeless}, Colour::no, CheckLines::all),
              "STATUS   CHECK          FOUND\n"
              "ok       rsync          version 3.2.7\n"
              "warning  schedule       none\n"
              "    hint:      write a crontab line\n"
              "problem  free space     1 KiB\n"
              "    hint:      free some\n"
              "problem  docker client  not found\n"
              "    hint:      install it\n"
              "4 checks: 1 ok, 1 warning, 2 problems; no run is possible\n");
    EXPECT_TRUE(table({good}, Colour::no, CheckLines::all).ends_with("; this machine is ready\n"));
    EXPECT_TRUE(table({good, warned}, Colour::no, CheckLines::all)
                    .ends_with("; this machine is ready, but see the warnings\n"));
    EXPECT_NE(table({bad}, Colour::no, CheckLines::all).find("1 problem; runs are possible, but"),
              std::string::npos);
    EXPECT_NE(table({warned}, Colour::yes, CheckLines::all).find("\033[33mwarning\033[0m"),
              std::string::npos);
}

TEST(Checks, ThatAreOkAreNotWorthAWordWhenQuiet) {
    EXPECT_EQ(table({good}, Colour::no, CheckLines::not_ok), "");
    EXPECT_EQ(table({good, warned}, Colour::no, CheckLines::not_ok), "STATUS   CHECK     FOUND\n"
                                                                     "warning  schedule  none\n"
                                                                     "    hint:      write a crontab line\n");
}

TEST(Checks, AreOneJsonObject) {
    const auto text = json({good, hopeless, {"volumes", CheckStatus::warning, "\xff\x1b", ""}});
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    const auto parsed = nlohmann::json::parse(text);
    EXPECT_EQ(parsed["command"], "check");
    EXPECT_EQ(parsed["checks"][0], nlohmann::json::parse(R"({"name":"rsync","status":"ok",)"
                                                         R"("found":"version 3.2.7","hint":""})"));
    EXPECT_EQ(parsed["checks"][1]["status"], "problem");
    EXPECT_EQ(parsed["checks"].size(), 3U);
}

TEST(ExaminedBackupRoot, IsLeftAsItIs) {
    const test::TempDir directory;
    ::chmod(directory.path().c_str(), 0755);
    EXPECT_NO_THROW(examine_backup_root(directory.fd(), directory.path()));
    EXPECT_FALSE(directory.has(".logbackup"));
    ::chmod(directory.make_directory(".logbackup").c_str(), 0755); // that a run would correct
    EXPECT_NO_THROW(examine_backup_root(directory.fd(), directory.path()));
    struct stat status {};
    ::stat(directory.at(".logbackup").c_str(), &status);
    EXPECT_EQ(status.st_mode & 0777U, 0755U);
}

TEST(ExaminedBackupRoot, IsRefusedWhereARunWouldRefuseIt) {
    const test::TempDir directory;
    const auto examine = [&] { examine_backup_root(directory.fd(), directory.path()); };
    ::chmod(directory.path().c_str(), 0777);
    EXPECT_THROW(examine(), Error);
    ::chmod(directory.path().c_str(), 0755);
    directory.link(".logbackup", "/tmp");
    EXPECT_THROW(examine(), Error);
    std::filesystem::remove(directory.at(".logbackup"));
    ::chmod(directory.make_directory(".logbackup").c_str(), 0770);
    EXPECT_THROW(examine(), Error);
}
