// SPDX-License-Identifier: MIT
#include "rsync_after.hpp"
#include "support.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <sstream>

using namespace e2e;

class Metrics : public e2e::Test {
  protected:
    const fs::path file = scratch.path() / "logbackup.prom";

    Result measured(std::vector<std::string> arguments = {}) {
        arguments.insert(arguments.end(), {"--metrics", file.string()});
        return run_once(arguments);
    }
    /// The value of a sample; "none" when it is not there.
    [[nodiscard]] std::string value(const std::string& sample) const {
        std::istringstream lines(read_file(file));
        for (std::string line; std::getline(lines, line);)
            if (line.starts_with(sample + " "))
                return line.substr(sample.size() + 1);
        return "none";
    }
    void expect_valid() const {
        const Result checked = run({"sh", "-c", "promtool check metrics < '" + file.string() + "'"});
        EXPECT_EQ(checked.code, 0) << checked.out << checked.err;
        EXPECT_EQ(checked.err, "") << "what promtool would do otherwise";
    }
};

TEST_F(Metrics, AreWhatTheRunDid) {
    const auto id = engine.start({"web", "web-1"});
    engine.exec(id, "echo 12345 > /opt/logs/app.log");
    expect_clean(measured());
    expect_valid();
    EXPECT_EQ(value("logbackup_bytes_saved_total"), "6");
    EXPECT_EQ(value("logbackup_files_total{action=\"new\"}"), "1");
    EXPECT_EQ(value("logbackup_containers{status=\"saved\"}"), "1");
    EXPECT_EQ(value("logbackup_live_log_directories"), "1");
    EXPECT_EQ(value("logbackup_log_directories{coverage=\"live\"}"), "1");
    EXPECT_EQ(value("logbackup_last_run_exit_code"), "0.000");
    EXPECT_EQ(value("logbackup_last_success_timestamp_seconds"),
              value("logbackup_last_run_timestamp_seconds"));
    struct stat status {};
    ASSERT_EQ(::stat(file.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0644U) << "the collector is another user";

    engine.exec(id, "echo 1 >> /opt/logs/app.log");
    expect_clean(measured());
    EXPECT_EQ(value("logbackup_bytes_saved_total"), "8") << "counters go on";
    EXPECT_EQ(value("logbackup_files_total{action=\"changed\"}"), "1");
    engine.exec(id, "echo lost >> /opt/logs/app.log");
    engine.kill(id);
    engine.remove(id);
    expect_clean(measured());
    EXPECT_EQ(value("logbackup_cut_total"), "1");
    EXPECT_EQ(value("logbackup_live_log_directories"), "0");
    expect_valid();
}

TEST_F(Metrics, TellWhenNothingCouldBeDone) {
    engine.exec(engine.start({"web", "web-1"}), "echo x > /opt/logs/app.log");
    expect_clean(measured());
    const auto success = value("logbackup_last_success_timestamp_seconds");
    const Result result = measured({"--docker", "/bin/false"});
    EXPECT_EQ(result.code, 1);
    EXPECT_EQ(value("logbackup_last_run_exit_code"), "1.000");
    EXPECT_EQ(value("logbackup_last_success_timestamp_seconds"), success);
    EXPECT_NE(value("logbackup_last_run_timestamp_seconds"), success);
    EXPECT_EQ(value("logbackup_errors_total{kind=\"run\"}"), "1");
    expect_valid();
}

TEST_F(Metrics, OneOddContainerLeavesTheRunASuccess) {
    engine.exec(engine.start({"web", "web-1"}), "mkdir -p /opt/logs/a/b; echo x > /opt/logs/a/b/app.log");
    expect_clean(measured());
    const auto before = value("logbackup_last_success_timestamp_seconds");
    EXPECT_EQ(value("logbackup_log_directories_incomplete{reason=\"depth\"}"), "0");
    EXPECT_EQ(measured({"--max-depth", "1"}).code, 0);
    EXPECT_NE(value("logbackup_last_success_timestamp_seconds"), before);
    EXPECT_EQ(value("logbackup_log_directories_incomplete{reason=\"depth\"}"), "1");
    EXPECT_EQ(value("logbackup_containers{status=\"incomplete\"}"), "1");
    expect_valid();
}

TEST_F(Metrics, ThatCannotBeWrittenAreAFailure) {
    engine.exec(engine.start({"web", "web-1"}), "echo x > /opt/logs/app.log");
    const Result result = run_once({"--metrics", (scratch.path() / "none/x.prom").string()});
    EXPECT_EQ(result.code, 3);
    EXPECT_NE(result.err.find("cannot write the metrics"), std::string::npos) << result.err;
    EXPECT_EQ(read_file(backup / "web/web-1/app.log"), "x\n");
    fs::create_symlink("/etc/passwd", file);
    expect_clean(measured());
    EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(file))) << "the link is replaced, not followed";
}

TEST_F(Metrics, AreOfRunsForAllContainersOnly) {
    engine.exec(engine.start({"web", "web-1"}), "echo x > /opt/logs/app.log");
    expect_clean(measured({"--service", "web"}));
    EXPECT_FALSE(fs::exists(file));
    expect_clean(measured({"--dry-run"}));
    EXPECT_FALSE(fs::exists(file));
}

TEST(Alerts, AreValid) {
    const auto rules = fs::path(LOGBACKUP_SOURCE_DIRECTORY) / "scripts/package/logbackup.rules.yml";
    const Result checked = run({"promtool", "check", "rules", rules.string()});
    EXPECT_EQ(checked.code, 0) << checked.out << checked.err;
    EXPECT_NE(checked.out.find("3 rules found"), std::string::npos) << checked.out;
}

class Skipped : public e2e::Test {};

TEST_F(Skipped, RunsBecomeVisibleWhenThereAreMany) {
    engine.exec(engine.start({"web", "web-1"}), "echo x > /opt/logs/app.log");
    const fs::path go_on = scratch.path() / "go-on";
    const fs::path metrics = scratch.path() / "logbackup.prom";
    const fs::path started = scratch.path() / "started";
    const RsyncAfter slow(scratch.path() / "rsync", "touch '" + started.string() + "'; while [ ! -e '" +
                                                        go_on.string() + "' ]; do sleep 0.05; done");
    Background running(command({"--rsync", slow.path()}));
    wait_until("it saves", [&] { return fs::exists(started); });
    for (int i = 1; i <= 7; ++i) {
        const Result result = run_once({"--quiet", "--warn-skipped", "3"});
        EXPECT_EQ(result.code, 75);
        EXPECT_EQ(result.out, "");
        if (i % 3 == 0)
            EXPECT_NE(result.err.find(std::to_string(i) + " runs ended at once since it began"),
                      std::string::npos)
                << result.err;
        else
            EXPECT_EQ(result.err, "");
    }
    EXPECT_EQ(run_once({"--quiet", "--warn-skipped", "0"}).err, "");
    write_file(go_on, "");
    EXPECT_EQ(running.wait(), 0);
    expect_clean(run_once({"--metrics", metrics.string()}));
    EXPECT_NE(read_file(metrics).find("\nlogbackup_skipped_runs_total 8\n"), std::string::npos)
        << read_file(metrics);
}

/// What the system log gets: we stand in its place in a mount namespace of our own.
class Syslog : public e2e::Test {
  protected:
    /// The messages that wait at this socket. Each begins with its priority: "<30>" is daemon, info.
    static std::vector<std::string> received(int socket) {
        std::vector<std::string> messages;
        std::array<char, 4096> message{};
        for (ssize_t got = 0; (got = ::recv(socket, message.data(), message.size(), MSG_DONTWAIT)) > 0;)
            messages.emplace_back(message.data(), static_cast<std::size_t>(got));
        return messages;
    }
};

TEST_F(Syslog, GetsTheMessages) {
    engine.exec(engine.start({"web", "web-1"}), "echo x > /opt/logs/app.log");
    const fs::path socket = scratch.path() / "log";
    const int receiver = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socket.string().copy(address.sun_path, sizeof(address.sun_path) - 1);
    ASSERT_EQ(::bind(receiver, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    std::vector<std::string> argv{"unshare",
                                  "--mount",
                                  "sh",
                                  "-c",
                                  "mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && ln -s '" +
                                      socket.string() + "' /dev/log && exec \"$@\"",
                                  "sh"};
    const auto run_with_syslog = command({"--syslog", "--quiet"});
    argv.insert(argv.end(), run_with_syslog.begin(), run_with_syslog.end());
    expect_clean(run(argv));
    const std::vector<std::string> messages = received(receiver);
    ::close(receiver);
    ASSERT_EQ(messages.size(), 2U);
    for (const auto& message : messages)
        EXPECT_NE(message.find("logbackup["), std::string::npos) << message;
    const std::string& warning = messages[0];
    const std::string& summary = messages[1];
    EXPECT_TRUE(warning.starts_with("<28>")) << warning;
    EXPECT_NE(warning.find("a new backup begins at"), std::string::npos) << warning;
    EXPECT_TRUE(summary.starts_with("<30>")) << summary;
    EXPECT_NE(summary.find("1 container, 1 file: 1 new, 0 changed; 2 B saved to"), std::string::npos)
        << summary;
}
