// SPDX-License-Identifier: MIT
#include "rsync_after.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

using namespace e2e;

namespace {
struct stat status_of(const fs::path& path) {
    struct stat status {};
    EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
    return status;
}

/// The files that were set aside: "<name>~<UTC time>" without the time.
std::multimap<std::string, std::string> set_aside(const Tree& tree) {
    std::multimap<std::string, std::string> result;
    for (const auto& [name, content] : tree)
        if (const auto tilde = name.find('~'); tilde != std::string::npos)
            result.emplace(name.substr(0, tilde), content);
    return result;
}
} // namespace

class Save : public BothWays {
  protected:
    void SetUp() override {
        BothWays::SetUp();
        id = engine.share_empty({"web", "web-1"});
    }
    /// Runs a script in the log directory of the container.
    void in_logs(const std::string& script) { engine.exec(id, "cd /opt/logs; " + script); }
    Tree saved() { return tree_of(backup / "web/web-1"); }
    fs::path in_backup(const std::string& name) { return backup / "web/web-1" / name; }

    /// An rsync that comes after a script.
    std::string rsync_after(const std::string& script, const std::string& options = "") {
        rsync_.reset();
        rsync_.emplace(scratch.path() / "rsync", script, options);
        return rsync_->path();
    }
    /// An rsync that notes how often it is called.
    std::string counting_rsync() {
        return rsync_after("echo x >> '" + (scratch.path() / "calls").string() + "'");
    }
    std::size_t rsync_calls() {
        const auto calls = scratch.path() / "calls";
        return fs::exists(calls) ? fs::file_size(calls) / 2 : 0;
    }

    std::string id;

  private:
    std::optional<RsyncAfter> rsync_;
};
IN_BOTH_WAYS(Save);

TEST_P(Save, AppendsOnlyWhatIsNew) {
    in_logs("head -c 3000000 /dev/urandom > big.log; echo one > small.log");
    expect_clean(run_once());
    const auto inode = status_of(in_backup("big.log")).st_ino;

    in_logs("head -c 70000 /dev/urandom >> big.log");
    const Result second = run_once();
    expect_clean(second);
    EXPECT_NE(second.out.find("0 new, 1 changed; 68.4 KiB saved"), std::string::npos) << second.out;
    EXPECT_EQ(read_file(in_backup("big.log")), engine.cat(id, "/opt/logs/big.log"));
    EXPECT_EQ(status_of(in_backup("big.log")).st_ino, inode);
    EXPECT_EQ(saved().size(), 2U);
}

TEST_P(Save, OneRsyncForAllContainersAndNoneWhenNothingChanged) {
    const auto other = engine.start({"db", "db-0"});
    engine.exec(other, "echo b > /opt/logs/b.log");
    in_logs("echo a > a.log; : > empty.log");
    const auto rsync = counting_rsync();
    expect_clean(run_once({"--rsync", rsync}));
    EXPECT_EQ(rsync_calls(), 1U);
    expect_clean(run_once({"--rsync", rsync}));
    expect_clean(run_once({"--rsync", rsync}));
    EXPECT_EQ(rsync_calls(), 1U);
    in_logs("echo a >> a.log");
    engine.exec(other, "echo b >> /opt/logs/b.log");
    expect_clean(run_once({"--rsync", rsync}));
    EXPECT_EQ(rsync_calls(), 2U);
    EXPECT_EQ(tree_of(backup), (Tree{{"db", "dir"},
                                     {"db/db-0", "dir"},
                                     {"db/db-0/b.log", "b\nb\n"},
                                     {"web", "dir"},
                                     {"web/web-1", "dir"},
                                     {"web/web-1/a.log", "a\na\n"},
                                     {"web/web-1/empty.log", ""}}));
}

TEST_P(Save, AFileThatIsTruncatedIsSetAsideAndBegunAgain) {
    in_logs("echo a long first line > app.log");
    expect_clean(run_once());
    in_logs("echo short > app.log");
    const Result result = run_once();
    expect_clean(result);
    EXPECT_NE(result.out.find("1 set aside"), std::string::npos) << result.out;
    EXPECT_EQ(read_file(in_backup("app.log")), "short\n");
    EXPECT_EQ(set_aside(saved()),
              (std::multimap<std::string, std::string>{{"app.log", "a long first line\n"}}));

    // Again within the same second, and grown past what was saved.
    in_logs("echo grown beyond what was there before > app.log");
    expect_clean(run_once());
    EXPECT_EQ(read_file(in_backup("app.log")), "grown beyond what was there before\n");
    EXPECT_EQ(set_aside(saved()), (std::multimap<std::string, std::string>{{"app.log", "a long first line\n"},
                                                                           {"app.log", "short\n"}}));
}

TEST_P(Save, AFileThatIsRewrittenWithTheSameSizeIsSetAside) {
    in_logs("echo state 1 > state");
    expect_clean(run_once());
    in_logs("echo state 2 > state");
    expect_clean(run_once());
    EXPECT_EQ(read_file(in_backup("state")), "state 2\n");
    EXPECT_EQ(set_aside(saved()), (std::multimap<std::string, std::string>{{"state", "state 1\n"}}));
}

TEST_P(Save, AFileThatIsOnlyTouchedIsLeftAsItIs) {
    in_logs("echo content > app.log");
    expect_clean(run_once());
    const auto before = status_of(in_backup("app.log"));
    in_logs("touch -d '2020-01-01 00:00:00' app.log");
    const auto rsync = counting_rsync();
    expect_clean(run_once({"--rsync", rsync}));
    EXPECT_EQ(rsync_calls(), 0U);
    EXPECT_EQ(saved(), (Tree{{"app.log", "content\n"}}));
    EXPECT_EQ(status_of(in_backup("app.log")).st_ino, before.st_ino);
    EXPECT_EQ(status_of(in_backup("app.log")).st_mtim.tv_sec, 1577836800);
}

TEST_P(Save, AFileCanHaveAnyTime) {
    const auto volume = scratch.path() / "volume";
    write_file(volume / "app.log", "content\n");
    engine.start({"old", "old-1", {"--volume", volume.string() + ":/opt/logs"}});
    for (const auto* time :
         {"2400-01-01 00:00:00 UTC", "1960-01-01 00:00:00.5 UTC", "1969-12-31 23:59:59.9 UTC"}) {
        sh("touch -d '" + std::string(time) + "' '" + (volume / "app.log").string() + "'");
        expect_clean(run_once());
        const auto rsync = counting_rsync();
        expect_clean(run_once({"--rsync", rsync}));
        EXPECT_EQ(rsync_calls(), 0U) << time;
    }
    EXPECT_EQ(status_of(backup / "old/old-1/app.log").st_mtim.tv_nsec, 900'000'000);
}

TEST_P(Save, RotationByRenamingCopiesNothingAgain) {
    in_logs("mkdir archive; for i in 1 2 3; do head -c 1000000 /dev/urandom > app.log.$i; done; head -c "
            "1000000 /dev/urandom > app.log");
    expect_clean(run_once());
    const auto inode = status_of(in_backup("app.log")).st_ino;
    // Two rotations, the last lines of the old file, a new one; the oldest goes to a subdirectory.
    in_logs("echo last line >> app.log; mv app.log.3 archive/app-old.log; mv app.log.2 app.log.3; mv "
            "app.log.1 app.log.2; mv app.log app.log.1; echo new > app.log; "
            "mv app.log.3 app.log.4; mv app.log.2 app.log.3; mv app.log.1 app.log.2; mv app.log app.log.1; "
            "echo newer > app.log");
    const Result result = run_once();
    expect_clean(result);
    EXPECT_NE(result.out.find(" 2 new, 1 changed, 4 renamed; 20 B saved"), std::string::npos) << result.out;
    EXPECT_EQ(status_of(in_backup("app.log.2")).st_ino, inode);
    for (const auto* name :
         {"app.log", "app.log.1", "app.log.2", "app.log.3", "app.log.4", "archive/app-old.log"})
        EXPECT_EQ(read_file(in_backup(name)), engine.cat(id, std::string("/opt/logs/") + name)) << name;
    EXPECT_EQ(saved().size(), 7U);
}

TEST_P(Save, CopytruncateCopiesNothingAgain) {
    in_logs("head -c 1000000 /dev/urandom > app.log");
    expect_clean(run_once());
    in_logs("echo more >> app.log; cp app.log app.log.1; : > app.log; echo new > app.log");
    const Result result = run_once();
    expect_clean(result);
    EXPECT_NE(result.out.find(" 1 new, 1 changed, 1 renamed; 9 B saved"), std::string::npos) << result.out;
    for (const auto* name : {"app.log", "app.log.1"})
        EXPECT_EQ(read_file(in_backup(name)), engine.cat(id, std::string("/opt/logs/") + name)) << name;
    EXPECT_EQ(saved().size(), 2U);
}

// Written within one tick of the kernel's clock, and renamed.
TEST_P(Save, FilesThatLookAlikeAreNotTakenForOneAnother) {
    in_logs("echo aaaa > app.log.1; touch -d '2026-11-22 10:00:00' app.log.1");
    expect_clean(run_once());
    in_logs("mv app.log.1 app.log.2; echo bbbb > app.log.1; touch -d '2026-11-22 10:00:00' app.log.1");
    expect_clean(run_once());
    EXPECT_EQ(saved(), (Tree{{"app.log.1", "bbbb\n"}, {"app.log.2", "aaaa\n"}}));
}

TEST_P(Save, APlainLogGoesWhenItsCompressedOneIsComplete) {
    in_logs("seq 20000 > app.log");
    expect_clean(run_once());
    in_logs("echo last >> app.log; mv app.log app.log123.tmp; gzip -c app.log123.tmp > whole; "
            "head -c 1000 whole > app.1.gz; echo new > app.log");
    expect_clean(run_once());
    EXPECT_TRUE(saved().contains("app.log123.tmp"));
    in_logs("cat whole > app.1.gz; rm whole app.log123.tmp");
    const auto result = run_once({"-v"});
    expect_clean(result);
    EXPECT_NE(result.out.find("drop       app.log123.tmp  its bytes are in app.1.gz"), std::string::npos)
        << result.out;
    EXPECT_FALSE(saved().contains("app.log123.tmp"));
    EXPECT_EQ(read_file(in_backup("app.1.gz")), engine.cat(id, "/opt/logs/app.1.gz"));
}

TEST_P(Save, WhatTheContainerDeletesStays) {
    in_logs("echo x > app.log; mkdir d; echo y > d/y.log");
    expect_clean(run_once());
    in_logs("rm -r app.log d");
    expect_clean(run_once());
    EXPECT_EQ(saved(), (Tree{{"app.log", "x\n"}, {"d", "dir"}, {"d/y.log", "y\n"}}));
}

TEST_P(Save, NamesOfAnyBytesArrive) {
    in_logs(R"sh(for n in '-rf' '#hash' ';semicolon' 'with space' '*' '?' ' ' '"' "'" '$HOME' '~' 'a:b' \
  "$(printf 'new\nline')" "$(printf 'latin\344')" "$(printf 'esc\033[31m')" "$(head -c 255 /dev/zero | tr '\0' n)"; do
  printf '%s' "$n" > "./$n"
done
mkdir -- '--delete'; echo in > '--delete/-')sh");
    const Result result = run_once({"-v"});
    expect_clean(result);
    const Tree tree = saved();
    EXPECT_EQ(tree.size(), 18U);
    for (const auto& [name, content] : tree) {
        if (name != "--delete" && name != "--delete/-") {
            EXPECT_EQ(name, content);
        }
    }
    EXPECT_EQ(result.out.find('\033'), std::string::npos);
    EXPECT_NE(result.out.find("new\\x0aline"), std::string::npos) << result.out;

    // Set aside, the long name is cut.
    in_logs("for n in ./*; do [ -d \"$n\" ] || : > \"$n\"; done");
    expect_clean(run_once());
    EXPECT_EQ(saved().size(), 18U + 16U);
}

TEST_P(Save, TypeAndModeOfEverythingThatArrives) {
    in_logs("echo x > app.log; chmod 4777 app.log; chown 1000:1000 app.log; mkfifo fifo; mknod device c 1 3; "
            "mknod disk b 7 0; mkdir d; chmod 7777 d; echo y > d/y.log");
    const logbackup::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{AF_UNIX, {}};
    std::string pid = engine.docker({"inspect", "--format", "{{.State.Pid}}", id});
    pid.pop_back();
    const std::string path = "/proc/" + pid + "/root/opt/logs/socket";
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);

    const Result result = run_once({"-v"});
    expect_clean(result);
    EXPECT_EQ(saved(), (Tree{{"app.log", "x\n"}, {"d", "dir"}, {"d/y.log", "y\n"}}));
    for (const auto* reason : {"a FIFO", "a socket", "a device"})
        EXPECT_NE(result.out.find(reason), std::string::npos) << result.out;
    EXPECT_NE(result.out.find("4 skipped"), std::string::npos) << result.out;
    for (const auto* name : {"app.log", "d/y.log"}) {
        EXPECT_EQ(status_of(in_backup(name)).st_mode, S_IFREG | 0640U);
        EXPECT_EQ(status_of(in_backup(name)).st_uid, 0U);
    }
    for (const auto& directory : {backup, backup / "web", backup / "web/web-1", in_backup("d")})
        EXPECT_EQ(status_of(directory).st_mode, S_IFDIR | 0750U) << directory;
    EXPECT_EQ(status_of(backup / ".logbackup").st_mode, S_IFDIR | 0700U);
}

TEST_P(Save, GroupHandsFilesAndDirectoriesOver) {
    in_logs("mkdir d; echo x > d/x.log; : > empty.log");
    expect_clean(run_once({"--group", "adm"}));
    const gid_t adm = 4;
    for (const auto& path : {backup / "web", backup / "web/web-1", in_backup("d"), in_backup("d/x.log"),
                             in_backup("empty.log")}) {
        EXPECT_EQ(status_of(path).st_gid, adm) << path;
        EXPECT_EQ(status_of(path).st_uid, 0U) << path;
    }
}

TEST_P(Save, LinksThatStayInsideAreMadeAgainOthersFollowedInTheContainerOrSkipped) {
    in_logs("echo x > app-1.log; ln -s app-1.log current.log; mkdir d; ln -s ../app-1.log d/up.log; ln -s "
            "/dev/stdout out; ln -s ../../etc/passwd leads-out; ln -s . dot; ln -s dot/.. sly");
    const Result result = run_once({"-v"});
    expect_clean(result);
    const Tree expected{{"app-1.log", "x\n"}, {"current.log", "-> app-1.log"},
                        {"d", "dir"},         {"d/up.log", "-> ../app-1.log"},
                        {"dot", "-> ."},      {"leads-out", engine.cat(id, "/etc/passwd")}};
    EXPECT_EQ(saved(), expected);
    EXPECT_NE(result.out.find("a link that leads to no file: '/dev/stdout'"), std::string::npos)
        << result.out;

    in_logs("echo y > app-2.log; ln -sf app-2.log current.log");
    expect_clean(run_once());
    EXPECT_EQ(saved().at("current.log"), "-> app-2.log");
    EXPECT_EQ(saved().size(), expected.size() + 1);
}

TEST_P(Save, TypesThatChangeAreSetAside) {
    in_logs("echo file > a; mkdir b; echo in b > b/x; ln -s a c");
    expect_clean(run_once());
    in_logs("rm -r a b c; mkdir a; echo in a > a/x; echo file > b; echo was a link > c");
    expect_clean(run_once());
    const Tree tree = saved();
    EXPECT_EQ(tree.at("a/x"), "in a\n");
    EXPECT_EQ(tree.at("b"), "file\n");
    EXPECT_EQ(tree.at("c"), "was a link\n");
    EXPECT_EQ(set_aside(tree), (std::multimap<std::string, std::string>{
                                   {"a", "file\n"}, {"b", "dir"}, {"b", "in b\n"}, {"c", "-> a"}}));
}

// copytruncate under a writer without O_APPEND: the file goes on at the old offset, behind a hole.
TEST_P(Save, AHoleStaysAHole) {
    in_logs("head -c 100000 /dev/urandom > app.log");
    expect_clean(run_once());
    in_logs(": > app.log; dd if=/dev/urandom of=app.log bs=4096 seek=5000 count=2 conv=notrunc 2>/dev/null");
    const Result result = run_once();
    expect_clean(result);
    EXPECT_NE(result.out.find("; 8.0 KiB saved"), std::string::npos) << result.out;
    EXPECT_EQ(read_file(in_backup("app.log")), engine.cat(id, "/opt/logs/app.log"));
    EXPECT_LT(status_of(in_backup("app.log")).st_blocks * 512, 100'000);

    in_logs("dd if=/dev/urandom of=app.log bs=4096 seek=5002 count=2 conv=notrunc 2>/dev/null");
    expect_clean(run_once());
    EXPECT_EQ(read_file(in_backup("app.log")), engine.cat(id, "/opt/logs/app.log"));
    EXPECT_LT(status_of(in_backup("app.log")).st_blocks * 512, 100'000);
    EXPECT_EQ(set_aside(saved()).size(), 1U);
}

// More files than the direct way holds open at once.
TEST_P(Save, ManyFiles) {
    in_logs("mkdir d; for i in $(seq 1000); do echo line $i > d/$i.log; done");
    expect_clean(run_once());
    in_logs("for i in $(seq 1000); do echo more $i >> d/$i.log; done");
    expect_clean(run_once());
    const Tree tree = saved();
    EXPECT_EQ(tree.size(), 1001U);
    for (int i = 1; i <= 1000; ++i) {
        const std::string n = std::to_string(i);
        EXPECT_EQ(tree.at("d/" + n + ".log"), "line " + n + "\nmore " + n + "\n");
    }
    EXPECT_FALSE(fs::exists(backup / ".logbackup/held-files"));
}

TEST_P(Save, ManyFilesWithFewDescriptors) {
    in_logs("mkdir d; for i in $(seq 1000); do echo line $i > d/$i.log; done");
    auto limited = command();
    limited.insert(limited.begin(), {"prlimit", "--nofile=700:700"});
    expect_clean(run(limited));
    in_logs("for i in $(seq 1000); do echo more $i >> d/$i.log; done");
    expect_clean(run(limited));
    const Tree tree = saved();
    for (int i = 1; i <= 1000; ++i) {
        const std::string n = std::to_string(i);
        EXPECT_EQ(tree.at("d/" + n + ".log"), "line " + n + "\nmore " + n + "\n");
    }
}

// Whoever has a write lease on a file keeps others waiting for 45 s when they open it.
TEST_P(Save, WhatRsyncIsToReadGetsNoWriteLease) {
    const auto volume = scratch.path() / "volume";
    for (int i = 0; i < 300; ++i)
        write_file(volume / std::to_string(i), "line\n");
    engine.start({"many", "many-1", {"--volume", volume.string() + ":/opt/logs"}});
    const auto granted = (scratch.path() / "granted").string();
    const auto rsync =
        rsync_after("python3 -c '\nimport fcntl, os\nfor name in os.listdir(\"" + volume.string() +
                    "\"):\n    file = open(\"" + volume.string() +
                    "/\" + name)\n    try:\n        fcntl.fcntl(file, fcntl.F_SETLEASE, "
                    "fcntl.F_WRLCK)\n        print(name)\n    except OSError:\n        pass\n' > " +
                    granted);
    auto limited = command({"--service", "many", "--rsync", rsync});
    limited.insert(limited.begin(), {"prlimit", "--nofile=700:700"});
    expect_clean(run(limited));
    EXPECT_EQ(read_file(granted), "");
    EXPECT_EQ(tree_of(backup / "many/many-1").size(), 300U);
}

// A container is removed while its mounts are read: nothing may hold it, and what is open is saved.
TEST_P(Save, AContainerCanBeRemovedDuringARun) {
    in_logs("head -c 20000000 /dev/urandom > big.log");
    const auto content = engine.cat(id, "/opt/logs/big.log");
    const auto slow = write_script(scratch.path() / "rsync", "exec /usr/bin/rsync --bwlimit=8m \"$@\"");
    Background running(command({"--rsync", slow.string()}));
    wait_until("bytes arrive", [&] { return has_arrived(backup, 1'000'000); });
    engine.remove(id);
    EXPECT_EQ(running.wait(), 0);
    EXPECT_EQ(read_file(in_backup("big.log")), content);
}

/// What containers do between the plan of a run and its rsync, or while rsync reads: an rsync that does it
/// first.
class Race : public Save {
  protected:
    std::string rsync_after_in_logs(const std::string& script) {
        const auto merged = engine.docker({"inspect", "--format", "{{.GraphDriver.Data.MergedDir}}", id});
        return rsync_after("cd '" + merged.substr(0, merged.size() - 1) + "/opt/logs' && " + script);
    }
    /// Whether what was saved first is there still, whole, under some name.
    void expect_kept(const std::string& content) {
        for (const auto& [name, saved_content] : saved())
            if (saved_content.starts_with(content))
                return;
        ADD_FAILURE() << "what was saved is lost";
    }
    void expect_in_the_end_all_is_saved(const std::string& first) {
        expect_kept(first);
        expect_clean(run_once());
        expect_kept(first);
        for (const auto* name : {"a.log", "a.log.1"})
            if (run({"docker", "exec", id, "test", "-f", std::string("/opt/logs/") + name}).code == 0) {
                EXPECT_EQ(read_file(in_backup(name)), engine.cat(id, std::string("/opt/logs/") + name))
                    << name;
            }
    }
    std::string save_first() {
        in_logs("seq 5000 | sed 's/^/first /' > a.log");
        expect_clean(run_once());
        auto first = read_file(in_backup("a.log"));
        in_logs("seq 100 | sed 's/^/more /' >> a.log");
        return first;
    }
};
IN_BOTH_WAYS(Race);

// rsync would write its target anew from the start: what is saved must never be its target.
TEST_P(Race, ALogThatIsTruncatedWhileItIsRead) {
    in_logs("seq 5000 | sed 's/^/first /' > a.log");
    expect_clean(run_once());
    const auto first = read_file(in_backup("a.log"));
    for (int i = 0; i < 3; ++i) {
        in_logs("cat a.log > a; mv a a.log; head -c 60000000 /dev/zero | tr '\\0' x >> a.log");
        const auto merged = engine.docker({"inspect", "--format", "{{.GraphDriver.Data.MergedDir}}", id});
        const auto incoming = (backup / ".logbackup/incoming/0000000").string();
        const auto log = merged.substr(0, merged.size() - 1) + "/opt/logs/a.log";
        const auto rsync =
            rsync_after("(while [ $(stat -c %s '" + incoming + "') -lt 10000000 ]; do :; done; : > '" + log +
                            "'; echo NEW >> '" + log + "') &",
                        "--bwlimit=60m");
        const Result result = run_once({"--rsync", rsync});
        EXPECT_EQ(result.code, 0) << result.err;
        expect_kept(first);
        expect_clean(run_once());
        expect_kept(first);
        EXPECT_EQ(read_file(in_backup("a.log")), "NEW\n");
    }
}

TEST_P(Race, ALogThatIsRotatedBeforeItIsRead) {
    const auto first = save_first();
    expect_clean(run_once(
        {"--rsync", rsync_after_in_logs("mv a.log a.log.1; seq 9000 | sed 's/^/second log /' > a.log")}));
    expect_in_the_end_all_is_saved(first);
}

TEST_P(Race, ALogThatIsTruncatedAndGrowsAgainBeforeItIsRead) {
    const auto first = save_first();
    expect_clean(run_once({"--rsync", rsync_after_in_logs("seq 9000 | sed 's/^/written again /' > a.log")}));
    expect_in_the_end_all_is_saved(first);
}

TEST_P(Race, ALogBehindAHoleThatIsWrittenAnew) {
    in_logs("dd if=/dev/zero of=a.log bs=1 count=0 seek=1048576 2>/dev/null; seq 5000 | sed 's/^/first /' >> "
            "a.log");
    expect_clean(run_once());
    const auto first = read_file(in_backup("a.log"));
    in_logs("seq 100 | sed 's/^/more /' >> a.log");
    const auto size = std::to_string(first.size());
    expect_clean(run_once(
        {"--rsync", rsync_after_in_logs(": > a.log; dd if=/dev/zero of=a.log bs=1 count=0 seek=" + size +
                                        " 2>/dev/null; seq 9000 | sed 's/^/new /' >> a.log")}));
    expect_in_the_end_all_is_saved(first);
}

TEST_P(Race, ALogThatBecomesADirectoryOrALink) {
    const auto first = save_first();
    expect_clean(run_once({"--rsync", rsync_after_in_logs("rm a.log; mkdir a.log; echo x > a.log/x")}));
    expect_kept(first);
    expect_clean(run_once());
    expect_kept(first);
    in_logs("rm -r a.log; echo y > b.log");
    expect_clean(run_once({"--rsync", rsync_after_in_logs("rm b.log; ln -s /etc/group b.log")}));
    for (const auto& [name, content] : saved()) // in the direct way the file itself is held, and saved
        EXPECT_EQ(content.find("root:"), std::string::npos) << name;
}
