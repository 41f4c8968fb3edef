// SPDX-License-Identifier: MIT
#include "program_node.hpp"

#include "in_private_mounts.hpp"
#include "refuse_call.hpp"

#include <gtest/gtest.h>

#include <sys/syscall.h>

#include <algorithm>

namespace logbackup {
namespace {

namespace fs = std::filesystem;
using test::expect_clean;
using test::ProgramEnd;
using test::says;

constexpr const char* new_backup = "a new backup begins at ";

/// Whose backup it is, on which disk, and on which kind of file system: runs of the program.
class BackupRootRuns : public test::ProgramNode {
  protected:
    const std::string disk = dir.make_directory("disk");
    std::string id;

    void SetUp() override {
        ProgramNode::SetUp();
        if (IsSkipped())
            return;
        backup = disk + "/backup";
        id = start("web", "web-1");
        write(id, "/opt/logs/app.log", "one\n");
    }
    /// The run of a host with another machine id, or where there is none, with another name.
    ProgramEnd elsewhere(const Arguments& arguments) {
        const std::string machine_id = dir.write("machine-id", "0123456789abcdef0123456789abcdef\n");
        before_run = [machine_id] {
            const std::string name = "elsewhere";
            return ::unshare(CLONE_NEWNS | CLONE_NEWUTS) == 0 &&
                   ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                   ::sethostname(name.data(), name.size()) == 0 &&
                   (!fs::exists("/etc/machine-id") ||
                    ::mount(machine_id.c_str(), "/etc/machine-id", nullptr, MS_BIND, nullptr) == 0);
        };
        const ProgramEnd ended = run_once(arguments);
        before_run = nullptr;
        return ended;
    }
    /// The client of an engine that keeps these containers in another directory.
    std::string other_engine() const {
        return dir.write_program("other-engine", "#!/bin/sh\n'" + docker + "' \"$@\" | sed 's#\"" +
                                                     dir.at("engine") +
                                                     "/containers/#\"/elsewhere/containers/#'\n");
    }
    /// Each file of the backup with its content, the program's own among them.
    Tree everything() const {
        Tree all = files();
        for (auto& [name, content] : test::files_of(backup + "/.logbackup"))
            all[".logbackup/" + name] = content;
        return all;
    }
    static Arguments with(Arguments arguments, const Arguments& further) {
        arguments.insert(arguments.end(), further.begin(), further.end());
        return arguments;
    }
};

TEST_F(BackupRootRuns, ANewOneIsSaidAlsoWhenQuiet) {
    test::in_private_mounts([&] {
        test::mount_tmpfs(disk, "mode=0755");
        const ProgramEnd first = run_once({"--quiet"});
        EXPECT_EQ(first.code, 0);
        EXPECT_TRUE(says(first, std::string(new_backup) + "'" + backup + "'")) << first.err;
        EXPECT_EQ(run_once({"--quiet"}).err, "");
        ASSERT_EQ(::umount(disk.c_str()), 0);
        const ProgramEnd below = run_once({"--quiet"});
        EXPECT_TRUE(says(below, new_backup)) << "its disk is not mounted";
        EXPECT_EQ(std::count(below.err.begin(), below.err.end(), '\n'), 1) << below.err;
    });
}

TEST_F(BackupRootRuns, OneThatWasMadeBeforeThereWereIdentitiesIsTakenAsItIs) {
    expect_clean(run_once());
    fs::remove(backup + "/.logbackup/identity");
    EXPECT_EQ(run_once({"--quiet"}).err, "");
    EXPECT_TRUE(has(".logbackup/identity"));
}

// Who asks what would be saved is told that nothing would.
TEST_F(BackupRootRuns, ADryRunRefusesWhatARunRefuses) {
    const auto expect_same = [&](const Arguments& arguments, const char* said) {
        const ProgramEnd dry = run_once(with(arguments, {"--dry-run"}));
        const ProgramEnd run = run_once(arguments);
        EXPECT_TRUE(says(run, said)) << run.err;
        EXPECT_EQ(dry.err, run.err);
        EXPECT_EQ(dry.code, run.code);
    };
    test::in_private_mounts([&] {
        expect_clean(run_once());
        expect_same({"--rsync", "/nowhere/rsync"}, "cannot find the program '/nowhere/rsync'");
        fs::remove_all(backup);
        ASSERT_EQ(::mount("none", disk.c_str(), "tmpfs", MS_RDONLY, "mode=0755"), 0);
        expect_same({}, "cannot make the backup root");
        ASSERT_EQ(::umount(disk.c_str()), 0);
        fs::create_directory(backup);
        fs::permissions(backup, fs::perms(0777));
        expect_same({}, "users other than its owner may write to it");
        fs::permissions(backup, fs::perms(0750));
        ASSERT_EQ(::mount("none", backup.c_str(), "tmpfs", MS_RDONLY, "mode=0750"), 0);
        expect_same({}, "cannot write to the backup root");
        ASSERT_EQ(::umount(backup.c_str()), 0);
    });
}

TEST_F(BackupRootRuns, OfADirectoryThatIsNoBackupListNamesTheNearest) {
    expect_clean(run_once());
    const std::string good = backup;
    for (const auto& other : {good + "/web", disk}) {
        backup = other;
        const ProgramEnd listed = run_once({"list"});
        EXPECT_EQ(listed.code, 1);
        EXPECT_TRUE(says(listed, "no backup at '" + other + "'")) << listed.err;
        EXPECT_TRUE(says(listed, "the nearest is '" + good + "'")) << listed.err;
    }
    backup = dir.path();
    EXPECT_FALSE(says(run_once({"list"}), "the nearest"));
}

TEST_F(BackupRootRuns, OfAnotherHostIsRefusedUntilItIsAdopted) {
    expect_clean(run_once());
    const Tree before = everything();
    for (const Arguments& arguments : {Arguments{}, {"--dry-run"}, {"verify"}, {"prune", "--keep", "1d"}}) {
        const ProgramEnd refused = elsewhere(arguments);
        EXPECT_EQ(refused.code, 1) << refused.out;
        EXPECT_TRUE(says(refused, "it belongs to another host, ")) << refused.err;
        EXPECT_TRUE(says(refused, "this is 'elsewhere'")) << refused.err;
        EXPECT_TRUE(says(refused, "run 'logbackup --adopt' once")) << refused.err;
    }
    EXPECT_EQ(everything(), before);
    const ProgramEnd checked = elsewhere({"check", "--quiet"});
    EXPECT_EQ(checked.code, 1);
    EXPECT_NE(checked.out.find("it belongs to another host"), std::string::npos) << checked.out;
    const ProgramEnd listed = elsewhere({"list"});
    EXPECT_EQ(listed.code, 0) << listed.err;
    EXPECT_NE(listed.out.find("web-1"), std::string::npos);

    EXPECT_EQ(elsewhere({"--adopt", "--dry-run"}).code, 0);
    EXPECT_EQ(everything(), before) << "a dry run adopts nothing";
    expect_clean(elsewhere({"--adopt"}));
    expect_clean(elsewhere({}));
    const ProgramEnd former = run_once();
    EXPECT_EQ(former.code, 1);
    EXPECT_TRUE(says(former, "it belongs to another host, 'elsewhere'")) << former.err;
}

TEST_F(BackupRootRuns, OfAnotherEngineIsRefusedUntilItIsAdopted) {
    expect_clean(run_once());
    const Tree before = everything();
    const std::string other = other_engine();
    for (const Arguments& arguments : {Arguments{}, {"--dry-run"}, {"verify"}}) {
        const ProgramEnd refused = run_once(with(arguments, {"--docker", other}));
        EXPECT_EQ(refused.code, 1) << refused.out;
        EXPECT_TRUE(says(refused, "it belongs to another Docker engine")) << refused.err;
        EXPECT_TRUE(says(refused, "this is that of '/elsewhere'")) << refused.err;
    }
    EXPECT_EQ(everything(), before);
    EXPECT_EQ(run_once({"check", "--quiet", "--docker", other}).code, 1);
    expect_clean(run_once({"--docker", other, "--adopt"}));
    expect_clean(run_once({"--docker", other}));
    EXPECT_EQ(run_once().code, 1);
}

TEST_F(BackupRootRuns, OfANewerVersionIsRefused) {
    expect_clean(run_once());
    write_saved(".logbackup/identity", R"({"format": 99})");
    for (const Arguments& arguments :
         {Arguments{}, {"--adopt"}, {"list"}, {"check"}, {"prune", "--keep", "1d"}}) {
        const ProgramEnd refused = run_once(arguments);
        EXPECT_EQ(refused.code, 1);
        EXPECT_NE((refused.out + refused.err).find("made by a newer logbackup (format 99)"),
                  std::string::npos)
            << refused.out << refused.err;
    }
    write_saved(".logbackup/identity", "");
    EXPECT_EQ(run_once().code, 1);
    expect_clean(run_once({"--adopt"}));
}

/// A file system such as NFS or FUSE, which knows no rename that does not replace.
TEST_F(BackupRootRuns, WorksWhereNothingCanBeRenamedWithoutReplacing) {
    before_run = [] { return test::refuse_call(SYS_renameat2, EINVAL); };
    expect_clean(run_once());
    EXPECT_EQ(content("web/web-1/app.log"), "one\n");
    in(id, "/opt/logs", "echo two >> app.log && mv app.log app.log.1 && echo three > app.log");
    expect_clean(run_once());
    EXPECT_EQ(test::tree_of(backup + "/web"),
              (Tree{{"web-1", "dir"}, {"web-1/app.log", "three\n"}, {"web-1/app.log.1", "one\ntwo\n"}}));
    write(id, "/opt/logs/app.log.1", "anew\n"); // shorter: what was saved is set aside
    expect_clean(run_once());
    const Tree aside = test::tree_of(backup + "/web/web-1");
    EXPECT_EQ(aside.size(), 3U);
    EXPECT_EQ(aside.at("app.log.1"), "anew\n");
    remove(id); // a restart of the pod: its directory moves
    id = start("web", "web-1");
    write(id, "/opt/logs/app.log", "four\n");
    expect_clean(run_once());
    EXPECT_EQ(test::tree_of(backup + "/web/web-1@1"), aside);
    EXPECT_EQ(content("web/web-1/app.log"), "four\n");
    age("web/web-1@1", std::chrono::hours(25 * 365 * 24));
    const ProgramEnd pruned = prune({"--keep", "30d"});
    EXPECT_EQ(pruned.code, 0) << pruned.err;
    EXPECT_FALSE(has("web/web-1@1"));
    EXPECT_FALSE(has_record("ended/web/web-1@1"));
    const std::string checked = run_once({"check", "--json"}).out;
    EXPECT_NE(checked.find(R"("name":"file system","status":"ok")"), std::string::npos) << checked;
}

} // namespace
} // namespace logbackup
