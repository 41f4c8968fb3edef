// SPDX-License-Identifier: MIT
#include "check/check.hpp"
#include "check/parts.hpp"
#include "ledger/backup_root.hpp"
#include "report/check_report.hpp"
#include "support.hpp"
#include "util/error.hpp"

#include <nlohmann/json.hpp>

using namespace logbackup;

namespace {

const Check good{"rsync", CheckStatus::ok, "version 3.2.7", ""};
const Check warned{"last run", CheckStatus::warning, "never", "write a crontab line"};
const Check bad{"free space", CheckStatus::problem, "1 KiB", "free some"};
const Check hopeless{"docker client", CheckStatus::impossible, "not found", "install it"};

} // namespace

TEST(Version, IsFoundInWhatAProgramPrints) {
    EXPECT_EQ(check::version_in("rsync  version 3.2.7  protocol version 31\nCopyright 2.0"), "3.2.7");
    EXPECT_EQ(check::version_in("rsync  version v3.2.7-2 protocol"), "3.2.7");
    EXPECT_EQ(check::version_in("rsync  version 2.6.9pre1  protocol version 29"), "2.6.9");
    EXPECT_EQ(check::version_in("openrsync: protocol version 29"), "");
    EXPECT_EQ(check::version_in(""), "");
    EXPECT_EQ(check::version_in("no\n1.2.3"), "");
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
              "warning  last run       never\n"
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
                                                                     "warning  last run  never\n"
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
