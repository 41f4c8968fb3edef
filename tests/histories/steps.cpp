// SPDX-License-Identifier: MIT
#include "steps.hpp"

#include "must.hpp"
#include "util/unique_fd.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <exception>

namespace logbackup::test {
namespace {

[[noreturn]] void be_child(const std::function<std::string()>& work, int output) {
    ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    ::raise(SIGSTOP);
    std::string said;
    int code = 0;
    try {
        said = work();
    } catch (const std::exception& error) {
        said = error.what();
        code = threw;
    }
    [[maybe_unused]] const auto put = ::write(output, said.data(), said.size());
    ::_exit(code);
}

/// Whether the child ran on, and so was seen to stop or to end.
bool go_on(pid_t child, int signal, int& status) {
    ::ptrace(PTRACE_SYSCALL, child, nullptr, signal); // ESRCH when it was killed: waitpid tells
    must(::waitpid(child, &status, 0) == child, "waitpid");
    return WIFSTOPPED(status);
}

std::string read_all(int fd) {
    std::string text;
    std::array<char, 4096> buffer{};
    for (ssize_t got = 0; (got = ::read(fd, buffer.data(), buffer.size())) > 0;)
        text.append(buffer.data(), static_cast<std::size_t>(got));
    return text;
}

} // namespace

Ended run_in_steps(const std::function<std::string()>& work, const Interference& interference) {
    constexpr int call = SIGTRAP | 0x80; // a step, with PTRACE_O_TRACESYSGOOD
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    std::array<int, 2> ends{-1, -1};
    must(::pipe2(ends.data(), O_CLOEXEC) == 0, "pipe");
    const UniqueFd read_end(ends[0]);
    UniqueFd write_end(ends[1]);
    const pid_t child = ::fork();
    must(child >= 0, "fork");
    if (child == 0)
        be_child(work, write_end.get());
    write_end.reset();
    int status = 0;
    must(::waitpid(child, &status, 0) == child && WIFSTOPPED(status), "waitpid");
    must(::ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) == 0,
         "ptrace");
    Ended ended;
    bool killed = false;
    for (int signal = 0; go_on(child, signal, status);) {
        signal = WSTOPSIG(status) == call ? 0 : WSTOPSIG(status);
        if (signal != 0)
            continue;
        ++ended.steps;
        if (const auto found = interference.meanwhile.find(ended.steps);
            found != interference.meanwhile.end())
            found->second();
        if (ended.steps == interference.kill_at) {
            killed = true;
            ::kill(child, SIGKILL);
        }
    }
    while (::waitpid(-1, nullptr, 0) > 0) { // what a killed one has started
    }
    ended.output = read_all(read_end.get());
    if (WIFEXITED(status))
        ended.code = WEXITSTATUS(status);
    else if (!killed)
        throw std::runtime_error("the run was ended by signal " + std::to_string(WTERMSIG(status)));
    return ended;
}

} // namespace logbackup::test
