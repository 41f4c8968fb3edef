// SPDX-License-Identifier: MIT
#include "util/process.hpp"

#include "refuse_call.hpp"
#include "support.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace logbackup {
namespace {

using namespace std::chrono_literals;
using test::Stop;

/// No test waits for these: they only keep a broken one from hanging.
Limits generous() {
    Limits limits;
    limits.time = 30s;
    limits.grace = 5s;
    return limits;
}

Command shell(const std::string& script) {
    Command command;
    command.argv = {"/bin/sh", "-c", script};
    command.environment = {"PATH=/usr/bin:/bin", "LC_ALL=C"};
    return command;
}

ProcessResult run_shell(const std::string& script, const Limits& limits = generous()) {
    Stop stop;
    return run(shell(script), limits, stop.get());
}

template <class T> T ending_as(const ProcessResult& result) {
    const auto* ending = std::get_if<T>(&result.ending);
    if (ending == nullptr) {
        ADD_FAILURE() << "it " << describe(result.ending) << "; stderr: " << result.err;
        return T{};
    }
    return *ending;
}

TEST(Run, GivesTheExitCode) {
    for (const int code : {0, 1, 7, 127, 255})
        EXPECT_EQ(ending_as<Exited>(run_shell("exit " + std::to_string(code))).code, code);
}

TEST(Run, GivesTheSignal) {
    EXPECT_EQ(ending_as<Signaled>(run_shell("kill -KILL $$")).signal, SIGKILL);
    EXPECT_EQ(ending_as<Signaled>(run_shell("kill -TERM $$")).signal, SIGTERM);
}

TEST(Run, SaysWhyAProgramCannotBeStarted) {
    const test::TempDir dir;
    Stop stop;
    const auto error_of = [&](const std::string& path) {
        Command command;
        command.argv = {path};
        return ending_as<SpawnFailed>(run(command, generous(), stop.get())).error;
    };
    EXPECT_EQ(error_of(dir.at("missing")), ENOENT);
    EXPECT_EQ(error_of(dir.write("not-executable", "text")), EACCES);
    EXPECT_EQ(error_of(dir.path()), EACCES);
    EXPECT_EQ(error_of(dir.write_program("not-a-program", "\x01garbage")), ENOEXEC);
}

TEST(Run, CapturesBothStreams) {
    const auto result = run_shell("echo out; echo err >&2; exit 3");
    EXPECT_EQ(ending_as<Exited>(result).code, 3);
    EXPECT_EQ(result.out, "out\n");
    EXPECT_EQ(result.err, "err\n");
}

TEST(Run, CapturesMoreThanAPipeHoldsFromBothStreamsAtOnce) {
    // 100 rounds of 4 KiB to each: neither may be read to its end before the other.
    const auto result = run_shell("b=$(printf '%4096s' x); i=0; "
                                  "while [ $i -lt 100 ]; do echo \"$b\"; echo \"$b\" >&2; i=$((i+1)); done");
    EXPECT_EQ(ending_as<Exited>(result).code, 0);
    EXPECT_EQ(result.out.size(), 100U * 4097);
    EXPECT_EQ(result.out, result.err);
}

TEST(Run, EndsWhatPrintsTooMuch) {
    for (const std::string stream : {"1", "2"}) {
        Limits limits = generous();
        limits.output = 100'000;
        const auto result =
            run_shell("while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done >&" + stream, limits);
        EXPECT_EQ(ending_as<Overflowed>(result).limit, 100'000U);
        EXPECT_LE(result.out.size(), 100'000U);
        EXPECT_LE(result.err.size(), 100'000U);
    }
}

TEST(Run, TakesOutputUpToTheLimit) {
    Limits limits = generous();
    limits.output = 5000;
    const auto result = run_shell("printf '%5000s' x", limits);
    EXPECT_EQ(ending_as<Exited>(result).code, 0);
    EXPECT_EQ(result.out.size(), 5000U);
}

TEST(Run, NoticesTooMuchOutputOfAChildThatHasEndedAlready) {
    // The child prints only when told, and has ended before anybody looks.
    const test::TempDir dir;
    const UniqueFd go(::open(dir.fifo("go").c_str(), O_RDWR | O_CLOEXEC));
    Limits limits = generous();
    limits.output = 1000;
    Stop stop;
    bool told = false;
    const auto result =
        run(shell("read x < " + dir.at("go") + "; printf '%5000s' x"), limits, stop.get(), [&] {
            if (std::exchange(told, true))
                return Watch::go_on;
            EXPECT_EQ(::write(go.get(), "x\n", 2), 2);
            siginfo_t info{};
            EXPECT_EQ(::waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
            return Watch::go_on;
        });
    EXPECT_EQ(ending_as<Overflowed>(result).limit, 1000U);
}

TEST(Run, EndsTheWholeGroupAtTheTimeLimit) {
    auto pipe = test::make_pipe();
    Command command = shell("/bin/sleep 1000 & /bin/sleep 1000 & wait");
    command.inherited = {pipe.write_end.get()};
    Limits limits = generous();
    limits.time = 100ms;
    Stop stop;
    const auto result = run(command, limits, stop.get());
    EXPECT_EQ(ending_as<TimedOut>(result).limit, 100ms);
    pipe.write_end.reset();
    EXPECT_TRUE(test::all_writers_end(pipe.read_end.get()));
}

TEST(Run, KillsAGroupThatIgnoresSigterm) {
    auto pipe = test::make_pipe();
    Command command = shell("trap '' TERM; /bin/sleep 1000 & /bin/sleep 1000; wait");
    command.inherited = {pipe.write_end.get()};
    Limits limits = generous();
    limits.time = 100ms;
    limits.grace = 100ms;
    Stop stop;
    const auto result = run(command, limits, stop.get());
    pipe.write_end.reset();
    EXPECT_EQ(ending_as<TimedOut>(result).limit, 100ms);
    EXPECT_TRUE(test::all_writers_end(pipe.read_end.get()));
}

TEST(Run, KillsWhatAnEndedChildLeavesInItsGroup) {
    auto pipe = test::make_pipe();
    Command command = shell("trap '' TERM; /bin/sleep 1000 & exit 5");
    command.inherited = {pipe.write_end.get()};
    Stop stop;
    const auto result = run(command, generous(), stop.get());
    pipe.write_end.reset();
    EXPECT_EQ(ending_as<Exited>(result).code, 5);
    EXPECT_TRUE(test::all_writers_end(pipe.read_end.get()));
}

TEST(Run, DoesNotWaitForAGrandchildThatHoldsTheOutput) {
    // In a session of its own it is not killed, and it ends only when the pipe is closed, after the run.
    const auto pipe = test::make_pipe();
    Command command =
        shell("echo before; setsid cat /proc/self/fd/" + std::to_string(pipe.read_end.get()) + " & exit 6");
    command.inherited = {pipe.read_end.get()};
    Stop stop;
    const auto result = run(command, generous(), stop.get());
    EXPECT_EQ(ending_as<Exited>(result).code, 6);
    EXPECT_EQ(result.out, "before\n");
}

TEST(Run, GivesDevNullAsStandardInput) {
    const auto result = run_shell("readlink /proc/self/fd/0; cat");
    EXPECT_EQ(ending_as<Exited>(result).code, 0);
    EXPECT_EQ(result.out, "/dev/null\n");
}

TEST(Run, GivesTheInputThatIsAskedFor) {
    auto pipe = test::make_pipe();
    ASSERT_EQ(::write(pipe.write_end.get(), "hello", 5), 5);
    pipe.write_end.reset();
    Command command = shell("cat");
    command.input = pipe.read_end.get();
    Stop stop;
    EXPECT_EQ(run(command, generous(), stop.get()).out, "hello");
}

TEST(Run, GivesExactlyTheEnvironment) {
    const test::Variable secret("LOGBACKUP_UNIT_SECRET", "x");
    Command command;
    command.argv = {"/usr/bin/env"};
    Stop stop;
    EXPECT_EQ(run(command, generous(), stop.get()).out, "");
    command.environment = {"B=2", "A=1 \n'\"$(id)", "EMPTY="};
    EXPECT_EQ(run(command, generous(), stop.get()).out, "B=2\nA=1 \n'\"$(id)\nEMPTY=\n");
}

TEST(Run, PassesArgumentsWithoutAShell) {
    Command command;
    command.argv = {"/bin/echo", "$(id)", "a b", "*", ";"};
    Stop stop;
    EXPECT_EQ(run(command, generous(), stop.get()).out, "$(id) a b * ;\n");
}

void expect_only_the_named_descriptors() {
    const auto pipe = test::make_pipe();
    const UniqueFd passed(::fcntl(pipe.read_end.get(), F_DUPFD_CLOEXEC, 200));
    const UniqueFd kept(::fcntl(pipe.read_end.get(), F_DUPFD, 300)); // as others open them
    Command command = shell("ls /proc/self/fd");
    command.inherited = {passed.get()};
    Stop stop;
    std::istringstream out(run(command, generous(), stop.get()).out);
    const std::vector<std::string> numbers{std::istream_iterator<std::string>(out), {}};
    const std::vector<std::string> wanted{"0", "1", "2", std::to_string(passed.get()), "3"}; // 3: of ls
    EXPECT_TRUE(std::is_permutation(numbers.begin(), numbers.end(), wanted.begin(), wanted.end()))
        << out.str();
    EXPECT_NE(::fcntl(passed.get(), F_GETFD) & FD_CLOEXEC, 0) << "here it is still closed on exec";
}

TEST(Run, PassesOnlyTheDescriptorsThatAreNamed) {
    expect_only_the_named_descriptors();
    EXPECT_EQ(test::in_child([] {
                  if (!test::refuse_call(436, ENOSYS)) // close_range: Linux before 5.9
                      return 2;
                  expect_only_the_named_descriptors();
                  return testing::Test::HasFailure() ? 1 : 0;
              }),
              0);
}

TEST(Run, GivesAProcessGroupOfItsOwn) {
    const auto result = run_shell("ps -o pgid= -p $$ 2>/dev/null || cut -d' ' -f5 /proc/$$/stat; echo $$");
    std::istringstream out(result.out);
    pid_t group = 0;
    pid_t pid = -1;
    out >> group >> pid;
    EXPECT_EQ(group, pid);
    EXPECT_NE(group, ::getpgrp());
}

/// The masks of ignored and blocked signals that a child of this process sees.
std::string masks_of_a_child() {
    Stop stop;
    Command command;
    command.argv = {"/bin/grep", "-E", "^Sig(Ign|Blk)", "/proc/self/status"};
    return run(command, generous(), stop.get()).out;
}

TEST(Run, GivesDefaultSignals) {
    const std::string none = "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n";
    const auto ignoring = [&](int signal) {
        return test::in_child([&] {
            ::signal(signal, SIG_IGN);
            return masks_of_a_child() == none ? 0 : 1;
        });
    };
    EXPECT_EQ(ignoring(SIGPIPE), 0);
    EXPECT_EQ(ignoring(SIGCHLD), 0);
    EXPECT_EQ(ignoring(SIGTERM), 0) << "SIGTERM ignored by who started us is ignored by the child";
    EXPECT_EQ(ignoring(SIGHUP), 0) << "SIGHUP ignored by who started us (nohup) is ignored by the child";
}

TEST(Run, GetsTheExitCodeAlthoughSigchldWasIgnored) {
    EXPECT_EQ(test::in_child([] {
                  ::signal(SIGCHLD, SIG_IGN);
                  StopSignal stop;
                  const auto result = run(shell("exit 7"), generous(), stop);
                  const auto* exited = std::get_if<Exited>(&result.ending);
                  return exited != nullptr ? exited->code : 1;
              }),
              7);
}

TEST(Run, IsCancelledByAStopSignal) {
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
        // The child itself sends the signal to us: it runs for sure when it comes.
        EXPECT_EQ(test::in_child([signal] {
                      StopSignal stop;
                      const auto script = "kill -" + std::to_string(signal) + " $PPID; exec sleep 1000";
                      const auto result = run(shell(script), generous(), stop);
                      return std::holds_alternative<Cancelled>(result.ending) && stop.signal() == signal &&
                                     stop.requested()
                                 ? 0
                                 : 1;
                  }),
                  0)
            << signal;
    }
}

TEST(Run, IsCancelledWhenTheStopCameBefore) {
    EXPECT_EQ(test::in_child([] {
                  StopSignal stop;
                  ::raise(SIGTERM);
                  const auto result = run(shell("exec sleep 1000"), generous(), stop);
                  return std::holds_alternative<Cancelled>(result.ending) ? 0 : 1;
              }),
              0);
}

TEST(Run, IsCancelledByTheDeadlineOfTheRun) {
    Stop stop(100ms);
    const auto result = run(shell("exec sleep 1000"), generous(), stop.get());
    EXPECT_TRUE(std::holds_alternative<Cancelled>(result.ending));
    EXPECT_TRUE(stop.get().requested());
    EXPECT_FALSE(stop.get().signal());
}

TEST(Run, AsksItsWatcherWhileTheChildRuns) {
    const test::TempDir dir;
    const UniqueFd go(::open(dir.fifo("go").c_str(), O_RDWR | O_CLOEXEC));
    Stop stop;
    int calls = 0;
    const auto result = run(shell("read x < " + dir.at("go")), generous(), stop.get(), [&] {
        if (++calls == 2) {
            EXPECT_EQ(::write(go.get(), "x\n", 2), 2);
        }
        return Watch::go_on;
    });
    EXPECT_EQ(ending_as<Exited>(result).code, 0);
    EXPECT_GE(calls, 2);
}

TEST(Run, EndsAChildThatIsNotNeededAnyLonger) {
    Stop stop;
    const auto result = run(shell("trap '' TERM; echo begun; sleep 1000"), generous(), stop.get(),
                            [] { return Watch::end_it; });
    EXPECT_TRUE(std::holds_alternative<NotNeeded>(result.ending)) << describe(result.ending);
}

Command consumed_shell(const std::string& script, std::function<Watch(std::string_view)> consume) {
    Command command = shell(script);
    command.consume = std::move(consume);
    return command;
}

TEST(Consumer, TakesMoreThanTheLimitOfOutput) {
    std::string taken;
    const auto command = consumed_shell("seq 1 500000; echo err >&2", [&](std::string_view bytes) {
        EXPECT_FALSE(bytes.empty());
        taken += bytes;
        return Watch::go_on;
    });
    Limits limits = generous();
    limits.output = 1000;
    Stop stop;
    const auto result = run(command, limits, stop.get());
    EXPECT_EQ(ending_as<Exited>(result).code, 0);
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(result.err, "err\n");
    std::string expected;
    for (int i = 1; i <= 500'000; ++i)
        expected += std::to_string(i) + "\n";
    EXPECT_TRUE(taken == expected) << taken.size() << " bytes";
}

TEST(Consumer, DoesNotLiftTheLimitOfStandardError) {
    const auto command = consumed_shell("while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done >&2",
                                        [](std::string_view) { return Watch::go_on; });
    Limits limits = generous();
    limits.output = 100'000;
    Stop stop;
    EXPECT_EQ(ending_as<Overflowed>(run(command, limits, stop.get())).limit, 100'000U);
}

TEST(Consumer, EndsTheGroupAtOnceAndIsNotCalledAgain) {
    // The second piece is there before the first one has been dealt with.
    const test::TempDir dir;
    const UniqueFd go(::open(dir.fifo("go").c_str(), O_RDWR | O_CLOEXEC));
    const UniqueFd done(::open(dir.fifo("done").c_str(), O_RDWR | O_CLOEXEC));
    auto pipe = test::make_pipe();
    int calls = 0;
    auto command = consumed_shell("trap '' TERM; sleep 1000 & echo a; read x < " + dir.at("go") +
                                      "; echo b; echo > " + dir.at("done") + "; wait",
                                  [&](std::string_view) {
                                      ++calls;
                                      char byte = 0;
                                      EXPECT_EQ(::write(go.get(), "x\n", 2), 2);
                                      EXPECT_EQ(::read(done.get(), &byte, 1), 1);
                                      return Watch::end_it;
                                  });
    command.inherited = {pipe.write_end.get()};
    Stop stop;
    const auto result = run(command, generous(), stop.get());
    EXPECT_TRUE(std::holds_alternative<NotNeeded>(result.ending)) << describe(result.ending);
    EXPECT_EQ(calls, 1);
    pipe.write_end.reset();
    EXPECT_TRUE(test::all_writers_end(pipe.read_end.get()));
}

TEST(Consumer, HasEnoughOfAChildThatHasEndedAlready) {
    const test::TempDir dir;
    const UniqueFd go(::open(dir.fifo("go").c_str(), O_RDWR | O_CLOEXEC));
    const auto command = consumed_shell("read x < " + dir.at("go") + "; echo all",
                                        [](std::string_view) { return Watch::end_it; });
    Stop stop;
    bool told = false;
    const auto result = run(command, generous(), stop.get(), [&] {
        if (std::exchange(told, true))
            return Watch::go_on;
        EXPECT_EQ(::write(go.get(), "x\n", 2), 2);
        siginfo_t info{};
        EXPECT_EQ(::waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
        return Watch::go_on;
    });
    EXPECT_TRUE(std::holds_alternative<NotNeeded>(result.ending)) << describe(result.ending);
}

TEST(Consumer, GetsThePiecesOfASlowChildAsTheyCome) {
    // The child prints the second piece only when the first one has been taken.
    const test::TempDir dir;
    const UniqueFd go(::open(dir.fifo("go").c_str(), O_RDWR | O_CLOEXEC));
    std::vector<std::string> pieces;
    const auto command =
        consumed_shell("echo a; read x < " + dir.at("go") + "; echo b", [&](std::string_view bytes) {
            pieces.emplace_back(bytes);
            EXPECT_EQ(::write(go.get(), "x\n", 2), 2);
            return Watch::go_on;
        });
    Stop stop;
    EXPECT_EQ(ending_as<Exited>(run(command, generous(), stop.get())).code, 0);
    EXPECT_EQ(pieces, (std::vector<std::string>{"a\n", "b\n"}));
}

TEST(Consumer, DoesNotWaitForAGrandchildThatGoesOnPrinting) {
    // In a session of its own it is not killed: SIGPIPE ends it after the run. The child ends once it prints.
    const test::TempDir dir;
    const UniqueFd go(::open(dir.fifo("go").c_str(), O_RDWR | O_CLOEXEC));
    bool told = false;
    const auto command =
        consumed_shell("setsid yes & read x < " + dir.at("go") + "; exit 6", [&](std::string_view) {
            if (!std::exchange(told, true)) {
                EXPECT_EQ(::write(go.get(), "x\n", 2), 2);
            }
            return Watch::go_on;
        });
    Stop stop;
    EXPECT_EQ(ending_as<Exited>(run(command, generous(), stop.get())).code, 6);
}

TEST(Consumer, DoesNotKeepAChildFromItsTimeLimitNorFromAStop) {
    // Each piece is held on to until there is more to read: the pipe is never found empty.
    const test::TempDir dir;
    dir.fifo("written");
    UniqueFd written;
    std::size_t taken = 0;
    std::size_t known = 0;
    const auto command =
        consumed_shell("exec 9> " + dir.at("written") + "; while :; do printf '%4096s' x; printf x >&9; done",
                       [&](std::string_view bytes) {
                           for (taken += bytes.size(); known * 4096 <= taken; ++known) {
                               char byte = 0;
                               EXPECT_EQ(::read(written.get(), &byte, 1), 1);
                           }
                           return Watch::go_on;
                       });
    const auto start_anew = [&] {
        written.reset(); // and with it what is in it
        written.reset(::open(dir.at("written").c_str(), O_RDWR | O_CLOEXEC));
        taken = known = 0;
    };
    Limits limits = generous();
    limits.time = 100ms;
    Stop never;
    start_anew();
    EXPECT_EQ(ending_as<TimedOut>(run(command, limits, never.get())).limit, 100ms);
    start_anew();
    Stop stop(100ms);
    ending_as<Cancelled>(run(command, generous(), stop.get()));
}

TEST(StopSignal, IsNotRequestedByTheEndOfAChild) {
    Stop stop;
    test::in_child([] { return 0; });
    EXPECT_FALSE(stop.get().requested());
    EXPECT_FALSE(stop.get().deadline());
}

TEST(StopSignal, StaysRequested) {
    EXPECT_EQ(test::in_child([] {
                  StopSignal stop;
                  ::raise(SIGTERM);
                  ::raise(SIGINT);
                  const bool once = stop.requested() && stop.signal();
                  const auto first = stop.signal();
                  return once && stop.requested() && stop.signal() == first ? 0 : 1;
              }),
              0);
}

TEST(StopSignal, EndsNoProcessThatOutlivesIt) {
    EXPECT_EQ(test::in_child([] {
                  {
                      const StopSignal stop(1000ms);
                      if (::alarm(60) == 0)
                          return 1; // it had set none
                  }
                  return ::alarm(0) == 0 ? 0 : 2;
              }),
              0);
}

TEST(Describe, SaysHowAChildEnded) {
    EXPECT_EQ(describe(Exited{23}), "exited with code 23");
    EXPECT_EQ(describe(Signaled{9}), "was ended by signal 9 (Killed)");
    EXPECT_EQ(describe(SpawnFailed{ENOENT}), "could not be started: No such file or directory");
    EXPECT_NE(describe(TimedOut{2500ms}).find("2.5 s"), std::string::npos);
    EXPECT_FALSE(describe(Cancelled{}).empty());
    EXPECT_NE(describe(Overflowed{64U << 20U}).find("64 MiB"), std::string::npos);
}

TEST(Succeeded, OnlyOnExitCodeZero) {
    EXPECT_TRUE(succeeded(Exited{0}));
    for (const Ending& ending : {Ending(Exited{1}), Ending(Signaled{9}), Ending(SpawnFailed{2}),
                                 Ending(TimedOut{}), Ending(Cancelled{}), Ending(Overflowed{})})
        EXPECT_FALSE(succeeded(ending));
}

TEST(LastLines, JoinsTheLastNonEmptyLines) {
    EXPECT_EQ(last_lines("", 3), "");
    EXPECT_EQ(last_lines("\n\n", 3), "");
    EXPECT_EQ(last_lines("a\n", 3), "a");
    EXPECT_EQ(last_lines("a\n\nb\nc\nd", 3), "b; c; d");
    EXPECT_EQ(last_lines("a\nb\n\n\n", 1), "b");
    EXPECT_EQ(last_lines("a\nb", 0), "");
}

} // namespace
} // namespace logbackup
