// SPDX-License-Identifier: MIT
#include "ledger/backup_root.hpp"

#include "in_private_mounts.hpp"
#include "support.hpp"
#include "util/error.hpp"
#include "util/files.hpp"

#include <gtest/gtest.h>

namespace logbackup {
namespace {

constexpr uid_t somebody = 12345;

class OpenBackupRoot : public testing::Test {
  protected:
    /// What is wrong, with the hint; empty when it can be opened.
    [[nodiscard]] std::string problem() const {
        try {
            const UniqueFd held = open_backup_root(root);
            return held ? "" : "nothing";
        } catch (const Error& error) {
            return error.what() + ("; " + error.hint());
        }
    }
    [[nodiscard]] unsigned mode_of(const std::string& path) const {
        const auto status = status_at(dir.fd(), path);
        return status ? status->st_mode & 07777U : 0;
    }
    [[nodiscard]] uid_t owner_of(const std::string& path) const {
        return status_at(dir.fd(), path).value().st_uid;
    }

    test::TempDir dir;
    std::string root = dir.at("root");
};

TEST_F(OpenBackupRoot, MakesWhatIsMissing) {
    const mode_t before = ::umask(027);
    EXPECT_EQ(problem(), "");
    ::umask(before);
    EXPECT_EQ(mode_of("root"), 0750U);
    EXPECT_EQ(mode_of("root/.logbackup"), 0700U);
    EXPECT_EQ(problem(), "");
}

TEST_F(OpenBackupRoot, RefusesOneThatOthersMayWriteTo) {
    dir.make_directory("root");
    for (const mode_t mode : {0770U, 0757U, 0777U, 01777U, 02775U}) {
        ::chmod(root.c_str(), mode);
        EXPECT_EQ(problem(), "cannot trust '" + root +
                                 "': users other than its owner may write to it; chmod go-w '" + root +
                                 "', or choose another directory with --dest");
        EXPECT_FALSE(dir.has("root/.logbackup"));
    }
    for (const mode_t mode : {0700U, 0750U, 0755U, 02750U}) {
        ::chmod(root.c_str(), mode);
        EXPECT_EQ(problem(), "");
        EXPECT_EQ(mode_of("root"), mode);
    }
}

TEST_F(OpenBackupRoot, RefusesOneOfAnotherUser) {
    if (!test::is_root())
        GTEST_SKIP() << "needs root, to make it another user's";
    dir.make_directory("root");
    ASSERT_EQ(::chown(root.c_str(), somebody, 0), 0);
    EXPECT_EQ(problem(),
              "cannot trust '" + root +
                  "': it is owned by uid 12345; the owner must be root or the current user; chown 0 '" +
                  root + "', or choose another directory with --dest");
    ::chmod(dir.path().c_str(), 0755);
    EXPECT_EQ(test::in_child([&] { // that one may have it, and root's too if he could write to it
                  if (::setresgid(somebody, somebody, somebody) != 0 ||
                      ::setresuid(somebody, somebody, somebody) != 0)
                      return 2;
                  return problem().empty() ? 0 : 1;
              }),
              0);
}

TEST_F(OpenBackupRoot, CorrectsWhoMayReadItsState) {
    for (const mode_t mode : {0755U, 0500U, 02700U}) {
        dir.make_directory("root/.logbackup");
        ::chmod(root.c_str(), 0755);
        ::chmod((root + "/.logbackup").c_str(), mode);
        EXPECT_EQ(problem(), "");
        EXPECT_EQ(mode_of("root/.logbackup"), 0700U);
    }
}

TEST_F(OpenBackupRoot, RefusesStateThatIsNotOurs) {
    const std::string state = root + "/.logbackup";
    dir.make_directory("root/.logbackup");
    ::chmod(root.c_str(), 0755);
    ::chmod(state.c_str(), 0777);
    EXPECT_NE(problem().find("cannot trust '" + state + "': users other than its owner"), std::string::npos)
        << problem();
    ::chmod(state.c_str(), 0700);
    if (test::is_root()) {
        ASSERT_EQ(::chown(state.c_str(), somebody, 0), 0);
        EXPECT_NE(problem().find("cannot trust '" + state + "': it is owned by uid 12345"), std::string::npos)
            << problem();
    }
    std::filesystem::remove(state);
    dir.make_directory("elsewhere");
    dir.link("root/.logbackup", dir.at("elsewhere"));
    EXPECT_NE(problem().find("cannot trust '" + state + "': it is not a directory"), std::string::npos)
        << problem();
    EXPECT_TRUE(std::filesystem::is_empty(dir.at("elsewhere")));
    std::filesystem::remove(state);
    dir.write("root/.logbackup", "");
    EXPECT_NE(problem().find("it is not a directory"), std::string::npos) << problem();
}

TEST_F(OpenBackupRoot, TakesDirectoriesOfItsServicesOver) {
    if (!test::is_root())
        GTEST_SKIP() << "needs root, to make them another user's";
    for (const auto* name : {"web", "db", "archive", "elsewhere", ".logbackup/live/web", ".logbackup/live/db",
                             ".logbackup/live/link"})
        dir.make_directory(std::string("root/") + name);
    dir.link("root/link", "elsewhere");
    ::chmod(root.c_str(), 0755);
    for (const auto* name : {"web", "archive", "elsewhere"})
        ASSERT_EQ(::chown(dir.at(std::string("root/") + name).c_str(), somebody, 0), 0);
    ::chmod(dir.at("root/db").c_str(), 0777);
    EXPECT_EQ(problem(), "");
    for (const auto* name : {"root/web", "root/db"}) {
        EXPECT_EQ(owner_of(name), 0U) << name;
        EXPECT_EQ(mode_of(name), 0750U) << name;
    }
    EXPECT_EQ(owner_of("root/archive"), somebody) << "it is no service's";
    EXPECT_EQ(owner_of("root/elsewhere"), somebody) << "a link leads there";
}

TEST(RequireMounted, WantsAnotherMountThanThatOfTheTop) {
    const test::TempDir dir;
    test::in_private_mounts([&] {
        const auto problem = [](const std::string& path) {
            try {
                require_mounted(path);
            } catch (const Error& error) {
                return std::string(error.what());
            }
            return std::string();
        };
        // What is mounted above the directory of this test is not this test's affair.
        const std::string above = dir.make_directory("above");
        EXPECT_EQ(problem("/not/there"),
                  "nothing is mounted at the backup root '/not/there': '/' is on the file system of '/'");
        EXPECT_NE(problem("/"), "");
        test::bind_mount(above, above);
        EXPECT_EQ(problem(above), "");
        EXPECT_EQ(problem(above + "/to/be/made"), "") << "the nearest directory that is there counts";
        EXPECT_FALSE(dir.has("above/to"));
        test::mount_tmpfs(above, "size=64k");
        dir.make_directory("above/made");
        EXPECT_EQ(problem(above + "/made"), "");
        dir.link("link", above);
        EXPECT_EQ(problem(dir.at("link")), "") << "links are the operator's";
        dir.link("above/back", "/");
        EXPECT_NE(problem(above + "/back"), "");
    });
}

} // namespace
} // namespace logbackup
