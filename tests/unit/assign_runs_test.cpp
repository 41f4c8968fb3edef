// SPDX-License-Identifier: MIT
#include "program_node.hpp"

#include "util/files.hpp"

#include <gtest/gtest.h>

namespace logbackup {
namespace {

using test::expect_clean;
using test::ProgramEnd;
using Json = nlohmann::json;

/// Where runs of the program save what.
class AssignRuns : public test::ProgramNode {
  protected:
    [[nodiscard]] struct stat status_of_saved(const std::string& name) const {
        struct stat status {};
        EXPECT_EQ(::lstat((backup + "/" + name).c_str(), &status), 0) << name;
        return status;
    }
};

TEST_F(AssignRuns, SeveralInstancesOfAPodAtTheFirstRunAreToldApart) {
    for (const std::string text : {"one", "two", "three"}) {
        const auto id = start("web", "web-1");
        write(id, "/opt/logs/app.log", text + "\n");
        kill(id);
    }
    expect_clean(run_once());
    EXPECT_EQ(content("web/web-1@1/app.log"), "one\n");
    EXPECT_EQ(content("web/web-1@2/app.log"), "two\n");
    EXPECT_EQ(content("web/web-1/app.log"), "three\n");
}

TEST_F(AssignRuns, ThePodOfAStatefulSetThatIsMadeAgainDoesNotContinueTheOldOnesFiles) {
    const auto old = start("db", "db-0");
    write(old, "/opt/logs/db.log", "old\n");
    expect_clean(run_once());
    remove(old);
    const auto saved_until = rfc3339(time_of(status_of_saved(".logbackup/last-run").st_mtim));
    expect_clean(run_once()); // its record ends before the new one comes
    EXPECT_EQ(record("ended/db/db-0")["saved_until"], saved_until) << "the last run that saw it";
    EXPECT_EQ(record("ended/db/db-0")["coverage"], "cut");

    const auto again = start("db", "db-0");
    write(again, "/opt/logs/db.log", "new\n");
    expect_clean(run_once());
    EXPECT_EQ(content("db/db-0/db.log"), "new\n");
    EXPECT_EQ(content("db/db-0@1/db.log"), "old\n");
    EXPECT_EQ(record("ended/db/db-0@1")["containers"], Json::array({old}));
}

TEST_F(AssignRuns, TheSameNamesInTwoNamespacesAreTwoDirectoriesThatStay) {
    const auto a = start("web", "web-1");
    const auto b = start("web", "web-1", {}, "other");
    for (int i = 0; i < 3; ++i) {
        append(a, "/opt/logs/app.log", "a" + std::to_string(i) + "\n");
        append(b, "/opt/logs/app.log", "b" + std::to_string(i) + "\n");
        expect_clean(run_once());
    }
    EXPECT_EQ(content("web/web-1/app.log"), "a0\na1\na2\n");
    EXPECT_EQ(content("web/web-1@1/app.log"), "b0\nb1\nb2\n");
    EXPECT_EQ(tree().size(), 5U);
}

TEST_F(AssignRuns, ARestartedContainerOnAVolumeGoesOnInTheSameDirectory) {
    const std::string volume = dir.make_directory("emptydir");
    for (int i = 1; i <= 3; ++i) {
        const auto id = start("web", "web-1", {{"bind", volume, "/opt/logs"}});
        dir.write("emptydir/app.log", dir.read("emptydir/app.log") + "run\n");
        kill(id);
        expect_clean(run_once());
        if (i > 1)
            remove(id);
    }
    EXPECT_EQ(tree(), (Tree{{"web", "dir"}, {"web/web-1", "dir"}, {"web/web-1/app.log", "run\nrun\nrun\n"}}));
    EXPECT_EQ(record("live/web/web-1")["containers"].size(), 3U);
}

TEST_F(AssignRuns, ADirectoryThatSeveralContainersMountIsSavedOnceUnderItsWriter) {
    const std::string shared = dir.make_directory("shared");
    start("reader", "web-1", {{"bind", shared, "/opt/logs", MountAccess::read_only}});
    const auto writer = start("web", "web-1", {{"bind", shared, "/opt/logs"}});
    start("web", "web-2", {{"bind", shared, "/opt/logs"}});
    dir.write("shared/app.log", "once\n");
    const auto expected = [](const std::string& text) {
        return Tree{{"reader", "dir"},    {"reader/web-1", "-> ../web/web-1"}, {"web", "dir"},
                    {"web/web-1", "dir"}, {"web/web-1/app.log", text},         {"web/web-2", "-> web-1"}};
    };
    for (int i = 0; i < 2; ++i) {
        const ProgramEnd result = run_once();
        expect_clean(result);
        EXPECT_EQ(tree(), expected("once\n"));
        EXPECT_NE(result.out.find("shared, see web/web-1"), std::string::npos) << result.out;
    }

    // The others go on in it when the first is gone.
    remove(writer);
    dir.write("shared/app.log", "once\nmore\n");
    expect_clean(run_once());
    EXPECT_EQ(tree(), expected("once\nmore\n"));
    for (const std::string service : {"reader", "web"})
        EXPECT_NE(run_once({"list", "--service", service}).out.find("web-1"), std::string::npos) << service;
}

TEST_F(AssignRuns, ATreeOfAPlainRsyncLoopIsAdoptedWithoutCopyingAgain) {
    const auto id = start("web", "web-1");
    std::string log;
    for (int line = 0; log.size() < 300'000; ++line)
        log += "2026-11-22 14:55:12,000 INFO line " + std::to_string(line) + "\n";
    write(id, "/opt/logs/app.log", log);
    write(id, "/opt/logs/old/app.1.log", "rotated\n");
    const std::string source = dir.at(below(id, "/opt/logs/"));
    sh("chown -R 1000:1000 '" + source + "'; chmod 4755 '" + source + "app.log'; mkdir -p '" + backup +
       "/web/web-1'; rsync -a '" + source + "' '" + backup + "/web/web-1/'");
    write_saved("web/web-1/gone.log", "dropped by the application since\n");
    const auto before = status_of_saved("web/web-1/app.log");
    EXPECT_EQ(before.st_mode & 07777U, 04755U);
    EXPECT_EQ(before.st_uid, 1000U);
    sh("echo one more line >> '" + source + "app.log'");

    const ProgramEnd result = run_once();

    expect_clean(result);
    EXPECT_EQ(tree(), (Tree{{"web", "dir"},
                            {"web/web-1", "dir"},
                            {"web/web-1/app.log", log + "one more line\n"},
                            {"web/web-1/gone.log", "dropped by the application since\n"},
                            {"web/web-1/old", "dir"},
                            {"web/web-1/old/app.1.log", "rotated\n"}}));
    const auto after = status_of_saved("web/web-1/app.log");
    EXPECT_EQ(after.st_ino, before.st_ino);
    EXPECT_NE(result.out.find("0 new, 1 changed; 14 B saved"), std::string::npos) << result.out;
    EXPECT_EQ(after.st_mode & 07777U, 0640U);
    EXPECT_EQ(status_of_saved("web/web-1/old").st_mode & 07777U, 0750U);
    for (const auto& status : {after, status_of_saved("web/web-1/old")})
        EXPECT_EQ(std::pair(status.st_uid, status.st_gid), std::pair(0U, 0U));
}

} // namespace
} // namespace logbackup
