// SPDX-License-Identifier: MIT
#include "util/watchdog.hpp"

#include "util/answers.hpp"
#include "util/files.hpp"
#include "util/text.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>

namespace logbackup {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int input = 3;
constexpr std::chrono::seconds longest_answer{2};

bool answers_now(const std::string& directory) {
    return answers(
        [&] {
            const UniqueFd held(::open(directory.c_str(), O_PATH | O_CLOEXEC));
            (void)names_in(held.get(), "");
        },
        longest_answer);
}

/// The names that come, each ended by a zero byte, until it is time.
std::string names_until(Clock::time_point moment) {
    std::string names;
    for (std::array<char, 4096> buffer{}; Clock::now() < moment;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(moment - Clock::now()).count();
        pollfd more{input, POLLIN, 0};
        ::poll(&more, 1, static_cast<int>(std::clamp<std::chrono::milliseconds::rep>(left, 0, 60'000)));
        if ((more.revents & POLLIN) == 0)
            continue;
        const auto got = ::read(input, buffer.data(), buffer.size());
        names.append(buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    }
    return names;
}

[[noreturn]] void keep_watch(Clock::time_point moment, pid_t parent) {
    const std::string names = names_until(moment);
    std::string silent;
    for (std::size_t at = 0; at < names.size();) {
        const std::string name = names.substr(at, names.find('\0', at) - at);
        at += name.size() + 1;
        if (!answers_now(name))
            silent += (silent.empty() ? "" : ", ") + in_quotes(name);
    }
    const std::string message = "logbackup: error: stopped by --max-duration: " +
                                (silent.empty() ? "a file on a network volume" : silent) +
                                " does not answer; what is saved is valid, the next run goes on from it\n";
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, message.data(), message.size());
    if (::getppid() == parent)
        ::kill(parent, SIGALRM);
    ::_exit(0);
}

} // namespace

void Watchdog::start() {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0)
        return;
    UniqueFd read_end(ends[0]);
    to_child_.reset(ends[1]);
    const pid_t parent = ::getpid();
    child_ = ::fork();
    if (child_ != 0)
        return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent)
        ::_exit(0);
    // Nothing that the parent holds, as its lock, is to be held longer by this.
    if (read_end.get() != input)
        ::dup2(read_end.get(), input);
    ::close_range(input + 1, ~0U, 0);
    keep_watch(*moment_, parent);
}

void Watchdog::watch(const std::string& directory) {
    if (!moment_)
        return;
    if (child_ < 0)
        start();
    [[maybe_unused]] const auto written = ::write(to_child_.get(), directory.c_str(), directory.size() + 1);
}

Watchdog::~Watchdog() {
    if (child_ <= 0)
        return;
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
}

} // namespace logbackup
