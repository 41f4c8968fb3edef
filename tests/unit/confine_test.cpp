// SPDX-License-Identifier: MIT
#include "util/confine.hpp"

#include "refuse_call.hpp"
#include "support.hpp"
#include "util/process.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

namespace logbackup {
namespace {

/// What a confined shell script prints, and how it ended.
ProcessResult run_confined(const std::string& script, const Confinement& confinement) {
    Command command;
    command.argv = {"/bin/sh", "-c", script};
    command.environment = {"PATH=/usr/bin:/bin", "LC_ALL=C"};
    command.confinement = confinement;
    Limits limits;
    limits.time = std::chrono::seconds(30);
    test::Stop stop;
    return run(command, limits, stop.get());
}

std::string status_lines(const Confinement& confinement) {
    return run_confined("grep -E '^(Cap|NoNewPrivs|Uid|Gid|Groups)' /proc/self/status | tr -s '\\t ' ' '",
                        confinement)
        .out;
}

std::string capabilities(const std::string& set) {
    std::string text;
    for (const auto* name : {"Inh", "Prm", "Eff", "Bnd", "Amb"})
        text += std::string("Cap") + name + ": " + set + "\n";
    return text;
}

/// 0: the kernel has no Landlock.
long landlock_version() {
    return std::max(0L, ::syscall(444, nullptr, 0, 1));
}

TEST(Confine, KeepsOnlyTheCapabilitiesThatAreNamed) {
    if (!test::is_root())
        GTEST_SKIP() << "needs root, to have capabilities";
    Confinement confinement;
    EXPECT_NE(status_lines(confinement).find(capabilities("0000000000000000") + "NoNewPrivs: 1\n"),
              std::string::npos)
        << status_lines(confinement);
    confinement.capabilities = {CAP_DAC_READ_SEARCH};
    EXPECT_NE(status_lines(confinement).find(capabilities("0000000000000004") + "NoNewPrivs: 1\n"),
              std::string::npos)
        << status_lines(confinement);
}

TEST(Confine, GivesNoCapabilitiesThatWeDoNotHave) {
    if (!test::is_root())
        GTEST_SKIP() << "needs root, to have capabilities";
    EXPECT_EQ(test::in_child([] {
                  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
                  std::array<__user_cap_data_struct, 2> own{};
                  ::syscall(SYS_capget, &header, own.data());
                  // Without CAP_SETPCAP the bounding set stays what it is.
                  for (const int lost : {CAP_SETPCAP, CAP_DAC_READ_SEARCH}) {
                      own[0].effective &= ~(1U << static_cast<unsigned>(lost));
                      own[0].permitted &= ~(1U << static_cast<unsigned>(lost));
                  }
                  if (::syscall(SYS_capset, &header, own.data()) != 0)
                      return 2;
                  const auto lines = status_lines({{CAP_DAC_READ_SEARCH, CAP_CHOWN}, RunAs::us, {}, {}});
                  const bool right = lines.find("CapPrm: 0000000000000001\n") != std::string::npos &&
                                     lines.find("CapEff: 0000000000000001\n") != std::string::npos &&
                                     lines.find("NoNewPrivs: 1\n") != std::string::npos;
                  return right ? 0 : 1;
              }),
              0);
}

TEST(Confine, BecomesNobody) {
    if (!test::is_root())
        GTEST_SKIP() << "needs root, to change the user";
    Confinement confinement;
    confinement.run_as = RunAs::nobody;
    EXPECT_EQ(status_lines(confinement), "Uid: 65534 65534 65534 65534\nGid: 65534 65534 65534 65534\n"
                                         "Groups: \n" +
                                             capabilities("0000000000000000") + "NoNewPrivs: 1\n");
}

TEST(Confine, DiesWithItsParentAlsoAsNobody) {
    auto pipe = test::make_pipe();
    EXPECT_EQ(test::in_child([&] {
                  test::Stop stop;
                  Command command;
                  command.argv = {"/bin/sh", "-c", "echo ready; exec sleep 1000"};
                  command.inherited = {pipe.write_end.get()};
                  command.confinement = Confinement{{}, RunAs::nobody, {}, FileAccess{}};
                  command.consume = [](std::string_view) -> Watch { ::_exit(7); };
                  (void)run(command, Limits(), stop.get());
                  return 1;
              }),
              7);
    pipe.write_end.reset();
    EXPECT_TRUE(test::all_writers_end(pipe.read_end.get()));
}

TEST(Confine, LimitsResources) {
    Confinement confinement;
    confinement.limits = {{RLIMIT_AS, 64U << 20U}, {RLIMIT_FSIZE, 512}, {RLIMIT_CPU, 100}};
    EXPECT_EQ(run_confined("ulimit -v; ulimit -f; ulimit -t; ulimit -c; ulimit -Hc", confinement).out,
              "65536\n1\n100\n0\n0\n");
}

class ConfineFiles : public testing::Test {
  protected:
    void SetUp() override {
        if (landlock_version() == 0)
            GTEST_SKIP() << "this kernel has no Landlock";
        for (const auto* path : {"seen/sub/file", "alone", "hidden/file", "target/sub/file"})
            dir.write(path, "text\n");
        for (const auto* path : {"seen", "alone"})
            held.push_back(test::open_path(dir.at(path)));
        target = test::open_path(dir.at("target"));
        confinement.files = FileAccess{{held[0].get(), held[1].get()}, {target.get()}};
    }
    bool can(const std::string& script) {
        return succeeded(run_confined("cd " + dir.path() + "; " + script, confinement).ending);
    }

    test::TempDir dir;
    std::vector<UniqueFd> held;
    UniqueFd target;
    Confinement confinement;
};

TEST_F(ConfineFiles, OpensOnlyWhatIsNamed) {
    EXPECT_TRUE(can("cat seen/sub/file alone && ls seen && cat target/sub/file"));
    EXPECT_TRUE(can("echo more >> target/sub/file && : > target/sub/file && echo text > target/sub/file"));
    const std::vector<std::string> beyond{"cat hidden/file",
                                          "ls .",
                                          "cat /etc/passwd",
                                          "cat /proc/self/status",
                                          "echo x >> hidden/file",
                                          "echo x >> seen/sub/file",
                                          "echo > seen/new",
                                          "echo > target/made",
                                          "mkdir target/new",
                                          "ln -s x target/link",
                                          "mv target/sub/file target/file",
                                          "rm target/file"};
    for (const auto& script : beyond)
        EXPECT_FALSE(can(script)) << script;
    EXPECT_EQ(dir.read("hidden/file") + dir.read("seen/sub/file") + dir.read("target/sub/file"),
              "text\ntext\ntext\n");
    confinement.files.reset();
    for (const auto& script : beyond)
        EXPECT_TRUE(can(script)) << script << " failed for another reason";
}

TEST_F(ConfineFiles, DoesWithoutLandlockWhereTheKernelHasNone) {
    for (const int error : {ENOSYS, EOPNOTSUPP}) // too old; switched off
        EXPECT_EQ(test::in_child([&] {
                      if (!test::refuse_call(444, error))
                          return 2;
                      return can("cat hidden/file") ? 0 : 1;
                  }),
                  0);
}

TEST_F(ConfineFiles, DoesNotStartWhatCannotBeConfined) {
    EXPECT_EQ(test::in_child([&] {
                  if (!test::refuse_call(446, EPERM))
                      return 2;
                  const auto result = run_confined("true", confinement);
                  const auto* failed = std::get_if<SpawnFailed>(&result.ending);
                  return failed != nullptr && failed->error == EPERM ? 0 : 1;
              }),
              0);
}

TEST_F(ConfineFiles, KeepsWhatIsOpen) {
    Command command;
    command.argv = {"/bin/cat"};
    const UniqueFd input(::open(dir.at("hidden/file").c_str(), O_RDONLY | O_CLOEXEC));
    command.input = input.get();
    command.confinement = confinement;
    test::Stop stop;
    EXPECT_EQ(run(command, Limits(), stop.get()).out, "text\n");
}

TEST_F(ConfineFiles, StartsAProgramFromAnyDirectory) {
    dir.write_program("bin/tool", "#!/bin/sh\n. ${0%/*}/part\n");
    dir.write("bin/part", "echo started\n");
    dir.link("link", "bin/tool");
    Command command;
    command.confinement = confinement;
    test::Stop stop;
    command.argv = {dir.at("bin/tool")};
    EXPECT_EQ(run(command, Limits(), stop.get()).out, "started\n");
    command.argv = {dir.at("link")};
    EXPECT_TRUE(std::holds_alternative<Exited>(run(command, Limits(), stop.get()).ending));
}

TEST_F(ConfineFiles, ConnectsToNobody) {
    if (landlock_version() < 4 || find_program("bash").empty())
        GTEST_SKIP() << "this kernel restricts no TCP, or there is no bash to try it";
    const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    ASSERT_EQ(::bind(listener.get(), any, size), 0);
    ASSERT_EQ(::listen(listener.get(), 5), 0);
    ASSERT_EQ(::getsockname(listener.get(), any, &size), 0);
    const std::string script =
        "bash -c ': < /dev/tcp/127.0.0.1/" + std::to_string(::ntohs(address.sin_port)) + "'";
    EXPECT_FALSE(can(script));
    confinement.files.reset();
    EXPECT_TRUE(can(script));
}

TEST_F(ConfineFiles, SignalsOnlyItsOwn) {
    if (landlock_version() < 6)
        GTEST_SKIP() << "this kernel restricts no signals";
    EXPECT_FALSE(can("kill -0 $PPID"));
    EXPECT_TRUE(can("sleep 100 & kill $!"));
    confinement.files.reset();
    EXPECT_TRUE(can("kill -0 $PPID"));
}

} // namespace
} // namespace logbackup
