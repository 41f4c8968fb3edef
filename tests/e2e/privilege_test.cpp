// SPDX-License-Identifier: MIT
#include "support.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <sstream>

using namespace e2e;

namespace {

/// 0: the kernel has no Landlock.
long landlock_version() {
    return std::max(0L, ::syscall(444, nullptr, 0, 1));
}

/// A member of /proc/<pid>/status, such as "CapEff".
std::string status_of(pid_t pid, const std::string& name) {
    std::istringstream lines(read_file("/proc/" + std::to_string(pid) + "/status"));
    for (std::string line; std::getline(lines, line);)
        if (const auto begin = name.size() + 1; line.starts_with(name + ":"))
            return line.substr(std::min(line.size(), line.find_first_not_of(" \t", begin)));
    return {};
}

std::vector<std::string> split(const std::string& text, char at) {
    std::vector<std::string> parts;
    std::istringstream stream(text);
    for (std::string part; std::getline(stream, part, at);)
        parts.push_back(part);
    return parts;
}

/// A port of this machine on which somebody listens.
class Listener {
  public:
    Listener() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* any = reinterpret_cast<sockaddr*>(&address);
        if (::bind(socket_.get(), any, size) != 0 || ::listen(socket_.get(), 5) != 0 ||
            ::getsockname(socket_.get(), any, &size) != 0)
            throw std::runtime_error("cannot listen");
        port_ = ::ntohs(address.sin_port);
    }
    [[nodiscard]] std::string port() const { return std::to_string(port_); }

  private:
    logbackup::UniqueFd socket_;
    unsigned port_ = 0;
};

} // namespace

/// The programs that a run starts, looked at while they run: each stops itself first.
class Privilege : public BothWays {
  protected:
    void SetUp() override {
        BothWays::SetUp();
        fs::permissions(scratch.path(), fs::perms(0755)); // also nobody may start what is there
        id = engine.share_empty({"web", "web-1"});
    }
    void in_logs(const std::string& script) { engine.exec(id, "cd /opt/logs; " + script); }

    /// A stand-in that stops itself and then becomes the real program.
    std::string stopping(const std::string& name, const std::string& before = "kill -STOP $$") {
        const auto path = write_script(scratch.path() / "bin" / name,
                                       before + "\nexec " + logbackup::find_program(name) + " \"$@\"");
        fs::permissions(path, fs::perms(0755));
        return path.string();
    }
    /// Makes a run, and `look` while a stand-in is stopped. Whoever starts it has things open and in its
    /// environment that are nobody's business.
    int run_and_look(const std::string& stand_in, const std::function<void(pid_t)>& look,
                     const std::vector<std::string>& arguments) {
        auto argv = command(arguments);
        argv.insert(argv.begin(), {"sh", "-c", "exec 7< /etc/passwd; exec \"$@\"", "sh"});
        Background running(argv, {"SECRET_TOKEN=x", "LD_SECRET=x", "RSYNC_RSH=x",
                                  "PATH=" + (scratch.path() / "bin").string() + ":/usr/bin:/bin:/usr/sbin"});
        pid_t child = 0;
        wait_until("it has stopped", [&] {
            child = stopped(stand_in);
            return child != 0;
        });
        look(child);
        ::kill(child, SIGCONT);
        return running.wait();
    }

    std::string id;

  private:
    static pid_t stopped(const std::string& program) {
        for (const auto& entry : fs::directory_iterator("/proc")) {
            const auto pid = std::atoi(entry.path().filename().c_str());
            try {
                const auto arguments = split(read_file(entry.path() / "cmdline"), '\0');
                if (pid > 0 && arguments.size() > 1 && arguments[1] == program &&
                    status_of(pid, "State").starts_with("T"))
                    return pid;
            } catch (const std::exception&) { // it has ended
            }
        }
        return 0;
    }
};
IN_BOTH_WAYS(Privilege);

namespace {

void expect_capabilities(pid_t pid, const std::string& set) {
    for (const auto* name : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
        EXPECT_EQ(status_of(pid, name), set) << name;
    EXPECT_EQ(status_of(pid, "NoNewPrivs"), "1");
}

std::string limit_of(pid_t pid, const std::string& name) {
    std::istringstream lines(read_file("/proc/" + std::to_string(pid) + "/limits"));
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with(name)) {
            std::istringstream values(line.substr(26));
            std::string soft;
            std::string hard;
            values >> soft >> hard;
            return soft + " " + hard;
        }
    return {};
}

std::vector<std::string> environment_of(pid_t pid) {
    auto all = split(read_file("/proc/" + std::to_string(pid) + "/environ"), '\0');
    std::sort(all.begin(), all.end());
    return all;
}

/// What a process has open: "<number> <what>", without the script that its shell reads.
std::vector<std::string> open_in(pid_t pid, const std::string& script) {
    std::vector<std::string> result;
    for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(pid) + "/fd"))
        if (const auto target = fs::read_symlink(entry.path()).string(); target != script)
            result.push_back(entry.path().filename().string() + " " + target);
    return result;
}

std::size_t count_of(const std::vector<std::string>& all, const std::string& part) {
    return static_cast<std::size_t>(std::count_if(
        all.begin(), all.end(), [&](const std::string& one) { return one.find(part) != std::string::npos; }));
}

} // namespace

TEST_P(Privilege, RsyncHasTheRightToReadAndNoOther) {
    in_logs("echo one > app.log; chown 1000 app.log; chmod 600 app.log");
    const auto rsync = stopping("rsync");
    const auto look = [&](pid_t pid) {
        expect_capabilities(pid, "0000000000000004"); // CAP_DAC_READ_SEARCH
        EXPECT_EQ(limit_of(pid, "Max core file size"), "0 0");
        EXPECT_EQ(environment_of(pid), (std::vector<std::string>{"LC_ALL=C", "PATH=/usr/bin:/bin"}));
        const auto open = open_in(pid, rsync);
        EXPECT_EQ(count_of(open, "/dev/null"), 1U);
        EXPECT_EQ(count_of(open, "pipe:"), 2U);
        EXPECT_EQ(count_of(open, (backup / ".logbackup/incoming").string()), 1U);
        EXPECT_EQ(count_of(open, (backup / ".logbackup/lock").string()), 1U);
        EXPECT_EQ(count_of(open, "/held-files"), 1U);
        EXPECT_EQ(count_of(open, "/app.log"), 1U);
        EXPECT_EQ(open.size(), 7U) << testing::PrintToString(open);
    };
    const auto log = (scratch.path() / "messages").string();
    EXPECT_EQ(run_and_look(rsync, look, {"--rsync", rsync, "--log-file", log}), 0);
    EXPECT_EQ(read_file(backup / "web/web-1/app.log"), "one\n");
}

TEST_P(Privilege, GzipHasNoRightsAtAll) {
    in_logs("seq 1000 > app.log");
    expect_clean(run_once());
    in_logs("gzip app.log");
    const auto gzip = stopping("gzip");
    const auto look = [&](pid_t pid) {
        expect_capabilities(pid, "0000000000000000");
        EXPECT_EQ(status_of(pid, "Uid"), "65534\t65534\t65534\t65534");
        EXPECT_EQ(status_of(pid, "Gid"), "65534\t65534\t65534\t65534");
        EXPECT_EQ(status_of(pid, "Groups"), "");
        EXPECT_EQ(limit_of(pid, "Max address space"), "536870912 536870912");
        EXPECT_EQ(limit_of(pid, "Max file size"), "0 0");
        EXPECT_EQ(limit_of(pid, "Max core file size"), "0 0");
        EXPECT_EQ(environment_of(pid), (std::vector<std::string>{"LC_ALL=C", "PATH=/usr/bin:/bin"}));
        const auto open = open_in(pid, gzip);
        EXPECT_EQ(count_of(open, (backup / "web/web-1/app.log.gz").string()), 1U);
        EXPECT_EQ(count_of(open, "pipe:"), 2U);
        EXPECT_EQ(open.size(), 3U) << testing::PrintToString(open);
    };
    EXPECT_EQ(run_and_look(gzip, look, {}), 0);
    EXPECT_EQ(tree_of(backup / "web/web-1").size(), 1U) << "the plain copy is dropped";
}

TEST_P(Privilege, DockerGetsItsEnvironmentAndNoDescriptors) {
    in_logs("echo one > app.log");
    const auto flag = scratch.path() / "bin/stopped";
    const auto docker = stopping("docker", "[ -e '" + flag.string() + "' ] || { : > '" + flag.string() +
                                               "'; kill -STOP $$; }");
    const auto look = [&](pid_t pid) {
        for (const auto& variable : environment_of(pid)) {
            const auto name = variable.substr(0, variable.find('='));
            EXPECT_TRUE(name.starts_with("DOCKER_") || name == "PATH" || name == "HOME" || name == "TZ" ||
                        name == "TMPDIR" || name == "LC_ALL" || name.starts_with("XDG_") ||
                        name == "SSH_AUTH_SOCK" || name.ends_with("_PROXY") || name.ends_with("_proxy"))
                << variable;
        }
        const auto open = open_in(pid, docker);
        EXPECT_EQ(count_of(open, "/dev/null"), 1U);
        EXPECT_EQ(count_of(open, "pipe:"), 2U);
        EXPECT_EQ(open.size(), 3U) << testing::PrintToString(open);
    };
    const auto log = (scratch.path() / "messages").string();
    EXPECT_EQ(run_and_look(docker, look, {"--docker", docker, "--log-file", log}), 0);
    EXPECT_EQ(read_file(backup / "web/web-1/app.log"), "one\n");
}

// What somebody can do who has taken rsync over.
TEST_P(Privilege, RsyncReachesNothingElse) {
    if (landlock_version() < 6)
        GTEST_SKIP() << "this kernel does not restrict files, network and signals";
    in_logs("echo one > app.log");
    expect_clean(run_once());
    in_logs("echo two >> app.log");
    const Listener listener;
    const auto saved = (backup / "web/web-1/app.log").string();
    const auto state = (backup / ".logbackup").string();
    const auto outside = (scratch.path() / "outside").string();
    write_file(outside, "outside\n");
    const std::vector<std::pair<std::string, std::string>> tries{
        {"shadow", "cat /etc/shadow"},
        {"etc", "ls /etc"},
        {"saved", "cat '" + saved + "'"},
        {"environment", "cat /proc/$PPID/environ"},
        {"extend", "sh -c \"echo x >> '" + saved + "'\""},
        {"plant", "sh -c \"echo > '" + (backup / "planted").string() + "'\""},
        {"record", "sh -c \"echo x >> '" + state + "/live/web/web-1'\""},
        {"arrive", "sh -c \"echo > '" + state + "/incoming/planted'\""},
        {"outside", "sh -c \"echo x >> '" + outside + "'\""},
        {"device", "sh -c \"echo x > /dev/null\""},
        {"network", "bash -c \": < /dev/tcp/127.0.0.1/" + listener.port() + "\""},
        {"signal", "kill -0 $PPID"},
        {"mount", "mount -t tmpfs none '" + state + "/incoming'"},
        {"owner", "chown 1000 '" + outside + "'"}};
    std::string script = "reached=\n";
    std::string all;
    for (const auto& [name, attempt] : tries) {
        script += attempt + " && reached=\"$reached " + name + "\"\n";
        all += " " + name;
    }
    script += "echo \"reached:$reached.\" >&2; exit 1";
    const auto rsync = write_script(scratch.path() / "bin/rsync", script);

    const Result confined = run_once({"--rsync", rsync.string()});
    EXPECT_EQ(confined.code, 3);
    EXPECT_NE(confined.err.find("; reached:."), std::string::npos) << confined.err;
    EXPECT_EQ(read_file(outside), "outside\n");
    EXPECT_EQ(read_file(saved), "one\n");
    // The same where nothing is confined: it has failed for no other reason.
    const Result free = run({"unshare", "--mount", rsync.string()});
    EXPECT_NE(free.err.find("reached:" + all), std::string::npos) << free.err;
}

TEST_P(Privilege, FilesOfEveryOwnerAndModeAreSaved) {
    in_logs("n=0; for owner in 0 1000 65534 231072 4000000000; do for mode in 0 200 400 600 640 4755; do "
            "n=$((n+1)); mkdir -p d$n; echo $n > d$n/app.log; chown $owner:$owner d$n/app.log d$n; "
            "chmod $mode d$n/app.log; chmod $([ $((n % 2)) = 0 ] && echo 700 || echo 0) d$n; done; done");
    expect_clean(run_once());
    in_logs("for n in $(seq 30); do echo more >> d$n/app.log; done");
    expect_clean(run_once());
    for (int n = 1; n <= 30; ++n)
        EXPECT_EQ(read_file(backup / "web/web-1" / ("d" + std::to_string(n)) / "app.log"),
                  std::to_string(n) + "\nmore\n");
}

// As in a container, where root has CAP_DAC_OVERRIDE but not CAP_DAC_READ_SEARCH.
TEST_P(Privilege, RsyncReadsWithWhatRightThereIs) {
    in_logs("echo one > app.log; chown 1000 app.log; chmod 600 app.log");
    auto argv = command();
    argv.insert(argv.begin(), {"setpriv", "--bounding-set=-dac_read_search", "--inh-caps=-all", "--"});
    expect_clean(run(argv));
    EXPECT_EQ(read_file(backup / "web/web-1/app.log"), "one\n");
}

// A program whose libraries are in a place of their own is no reason to save nothing.
TEST_P(Privilege, AnRsyncThatCannotStartWithItsFilesRestrictedIsRunWithout) {
    if (landlock_version() == 0)
        GTEST_SKIP() << "this kernel does not restrict files";
    in_logs("echo one > app.log");
    const auto elsewhere = scratch.path() / "elsewhere";
    write_script(elsewhere / "interpreter",
                 "echo x >> '" + (scratch.path() / "calls").string() + "'; exec /usr/bin/rsync \"$@\"");
    // As a loader does that misses a library.
    const auto rsync = write_script(scratch.path() / "bin/rsync",
                                    "exec '" + (elsewhere / "interpreter").string() + "' \"$@\" || exit 127");
    expect_clean(run_once({"--rsync", rsync.string()}));
    EXPECT_EQ(read_file(backup / "web/web-1/app.log"), "one\n");
    EXPECT_EQ(read_file(scratch.path() / "calls"), "x\n");
}

// But what starts, and then behaves as if it had not, is not: it could be somebody's who wants more.
TEST_P(Privilege, AnRsyncThatFailsAfterItsStartStaysConfined) {
    if (landlock_version() == 0)
        GTEST_SKIP() << "this kernel does not restrict files";
    in_logs("echo one > app.log");
    const auto calls = scratch.path() / "calls";
    const auto rsync =
        write_script(scratch.path() / "bin/rsync",
                     "[ \"$1\" = --version ] && exit 0; echo x >> '" + calls.string() + "'; exit 127");
    const Result result = run_once({"--rsync", rsync.string()});
    EXPECT_EQ(result.code, 3);
    EXPECT_NE(result.err.find("rsync exited with code 127"), std::string::npos) << result.err;
    EXPECT_FALSE(fs::exists(calls));
}

TEST_P(Privilege, WhatTheProgramKeepsForItselfIsItsOwn) {
    in_logs("seq 1000 > app.log");
    const auto ended = engine.start({"job", "job-1", {}, "echo x > /opt/logs/app.log"});
    engine.wait(ended);
    expect_clean(run_once());
    engine.remove(ended);
    const auto missed = engine.start({"job", "job-2", {}, "echo x > /opt/logs/app.log"});
    engine.wait(missed);
    engine.remove(missed);
    in_logs("echo more >> app.log");
    expect_clean(run_once());
    std::size_t files = 0;
    for (const auto& entry : fs::recursive_directory_iterator(backup / ".logbackup")) {
        struct stat status {};
        ASSERT_EQ(::lstat(entry.path().c_str(), &status), 0);
        EXPECT_EQ(status.st_mode, entry.is_directory() ? S_IFDIR | 0700U : S_IFREG | 0600U) << entry.path();
        EXPECT_EQ(status.st_uid, 0U) << entry.path();
        files += entry.is_directory() ? 0U : 1U;
    }
    EXPECT_GE(files, 5U) << "the lock, the time of the last run, and a live, an ended and a missed record";
}

TEST_P(Privilege, ABackupRootOfOthersIsRefused) {
    in_logs("echo one > app.log");
    fs::create_directories(backup);
    fs::permissions(backup, fs::perms(0777));
    const Result refused = run_once();
    EXPECT_EQ(refused.code, 1);
    EXPECT_NE(refused.err.find("cannot trust '" + backup.string() +
                               "': users other than its owner may write to it\nhint: chmod go-w "),
              std::string::npos)
        << refused.err;
    EXPECT_TRUE(fs::is_empty(backup));
    fs::permissions(backup, fs::perms(0755));
    expect_clean(run_once());
}

TEST_P(Privilege, ALinkInThePlaceOfADirectoryIsNotFollowed) {
    const auto other = engine.start({"db", "db-0"});
    engine.exec(other, "echo other > /opt/logs/app.log");
    in_logs("echo one > app.log");
    const auto elsewhere = scratch.path() / "elsewhere";
    for (const auto* place : {"web", "web/web-1"}) {
        fs::remove_all(backup);
        fs::remove_all(elsewhere);
        fs::create_directories((backup / place).parent_path());
        fs::permissions(backup, fs::perms(0755));
        fs::create_directories(elsewhere / "web-1");
        fs::create_directory_symlink(elsewhere, backup / place);
        const Result result = run_once();
        EXPECT_EQ(result.code, 3) << place;
        const bool is_service = place == std::string("web"); // then nobody knows which names are taken
        EXPECT_NE(result.err.find(is_service ? "'web/web-1': cannot read the directory 'web': Not a directory"
                                             : "'web/web-1: app.log': cannot "),
                  std::string::npos)
            << result.err;
        EXPECT_EQ(read_file(backup / "db/db-0/app.log"), "other\n");
        EXPECT_EQ(tree_of(elsewhere), (Tree{{"web-1", "dir"}})) << place;
    }
}
