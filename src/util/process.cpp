// SPDX-License-Identifier: MIT
#include "logbackup/util/process.hpp"

#include "logbackup/util/error.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <sstream>

namespace logbackup {
namespace {

using Clock = std::chrono::steady_clock;

struct Pipe {
    UniqueFd read_end;
    UniqueFd write_end;
};

Pipe make_pipe(int flags) {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), flags) != 0)
        return {};
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
    std::vector<char*> result;
    result.reserve(strings.size() + 1);
    for (const auto& s : strings)
        result.push_back(const_cast<char*>(s.c_str()));
    result.push_back(nullptr);
    return result;
}

// Between fork and exec: only async-signal-safe calls.
[[noreturn]] void become(const std::vector<char*>& argv, const std::vector<char*>& environment,
                         const Command& command, int out, int err, int failure, pid_t parent) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent)
        ::_exit(127);
    for (int signal = 1; signal < NSIG; ++signal) // also those that whoever started us ignores
        ::signal(signal, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    ::dup2(command.input < 0 ? null : command.input, STDIN_FILENO);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(err, STDERR_FILENO);
    for (const int fd : command.inherited)
        ::fcntl(fd, F_SETFD, 0);
    ::execve(argv[0], argv.data(), environment.data());
    const int error = errno;
    [[maybe_unused]] const auto written = ::write(failure, &error, sizeof error);
    ::_exit(127);
}

/// A running child that is its own process group. The destructor kills and reaps what is left.
class Child {
  public:
    explicit Child(pid_t pid) : pid_(pid) {}
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() {
        if (!reaped_) {
            ::kill(-pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
    }

    /// The ending, once the child has exited.
    std::optional<Ending> reap() {
        int status = 0;
        if (::waitpid(pid_, &status, WNOHANG) != pid_)
            return std::nullopt;
        reaped_ = true;
        if (WIFSIGNALED(status))
            return Ending(Signaled{WTERMSIG(status)});
        return Ending(Exited{WEXITSTATUS(status)});
    }
    void signal_group(int signal) const { ::kill(-pid_, signal); }

    /// Reaps what has ended of its group; false once nothing is left of it.
    [[nodiscard]] bool reap_descendant() const { return ::waitpid(-pid_, nullptr, WNOHANG) >= 0; }

  private:
    pid_t pid_;
    bool reaped_ = false;
};

/// Takes what is there to read. False when more than `limit` bytes have come together.
bool drain(int fd, std::string& text, std::size_t limit) {
    std::array<char, 65536> buffer;
    while (fd >= 0) {
        const auto got = ::read(fd, buffer.data(), buffer.size());
        if (got <= 0)
            break;
        if (text.size() + static_cast<std::size_t>(got) > limit)
            return false;
        text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return true;
}

int milliseconds_until(Clock::time_point moment) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(moment - Clock::now()).count();
    return static_cast<int>(std::clamp<std::chrono::milliseconds::rep>(left, 0, 60'000));
}

/// Waits for a child's end, reading its output, and ends it when it must.
class Supervisor {
  public:
    Supervisor(Child& child, const Limits& limits, StopSignal& stop, const std::function<Watch()>& watch)
        : child_(child), limits_(limits), stop_(stop), watch_(watch) {}

    ProcessResult run(int out, int err) {
        for (;;) {
            // A closed pipe stays ready for ever: it is taken out of the set by a negative descriptor.
            std::array<pollfd, 3> fds{{{out, POLLIN, 0}, {err, POLLIN, 0}, {stop_.fd(), POLLIN, 0}}};
            ::poll(fds.data(), fds.size(), next_wait());
            read(out, err);
            if ((fds[0].revents & POLLHUP) != 0)
                out = -1;
            if ((fds[1].revents & POLLHUP) != 0)
                err = -1;
            const bool stopping = stop_.requested();
            if (const auto ending = child_.reap()) {
                read(out, err);
                end_group();
                if (!forced_)
                    result_.ending = fits_ ? *ending : Ending(Overflowed{limits_.output});
                return std::move(result_);
            }
            if (!forced_)
                decide(stopping);
            else if (Clock::now() >= kill_at_)
                kill();
        }
    }

  private:
    void read(int out, int err) {
        fits_ = drain(out, result_.out, limits_.output) && fits_;
        fits_ = drain(err, result_.err, limits_.output) && fits_;
    }

    [[nodiscard]] int next_wait() const {
        const bool at_first = Clock::now() - begin_ < std::chrono::milliseconds(100);
        int wait = !watch_ ? 60'000 : at_first ? 5 : 200;
        if (forced_)
            return std::min(wait, milliseconds_until(kill_at_));
        if (limits_.time)
            wait = std::min(wait, milliseconds_until(begin_ + *limits_.time));
        if (stop_.deadline())
            wait = std::min(wait, milliseconds_until(*stop_.deadline()));
        return wait;
    }

    void decide(bool stopping) {
        if (!fits_)
            terminate(Overflowed{limits_.output});
        else if (stopping)
            terminate(Cancelled{});
        else if (limits_.time && Clock::now() >= begin_ + *limits_.time)
            terminate(TimedOut{*limits_.time});
        else if (watch_ && watch_() == Watch::end_it) {
            forced_ = true;
            result_.ending = NotNeeded{};
            kill();
        }
    }

    void terminate(Ending why) {
        forced_ = true;
        result_.ending = why;
        kill_at_ = Clock::now() + limits_.grace;
        child_.signal_group(SIGTERM);
    }

    /// What the child left behind in its group. We are its reaper by now (PR_SET_CHILD_SUBREAPER); when it is
    /// reaped its descriptors are closed, and with them the lock that it may have inherited.
    void end_group() {
        child_.signal_group(SIGKILL);
        const auto patience = Clock::now() + std::chrono::seconds(1);
        while (child_.reap_descendant() && Clock::now() < patience) {
            pollfd changed{stop_.fd(), POLLIN, 0};
            ::poll(&changed, 1, 10);
            [[maybe_unused]] const bool noted = stop_.requested();
        }
    }

    void kill() {
        child_.signal_group(SIGKILL);
        kill_at_ = Clock::now() + limits_.grace; // again then: it can sleep where no signal reaches it
    }

    Child& child_;
    const Limits& limits_;
    StopSignal& stop_;
    const std::function<Watch()>& watch_;
    const Clock::time_point begin_ = Clock::now();
    bool fits_ = true;    ///< its output, in the limit
    bool forced_ = false; ///< we are ending it; result_.ending says why
    Clock::time_point kill_at_;
    ProcessResult result_{Exited{0}, {}, {}};
};

} // namespace

ProcessResult run(const Command& command, const Limits& limits, StopSignal& stop,
                  const std::function<Watch()>& watch) {
    Pipe out = make_pipe(O_CLOEXEC | O_NONBLOCK);
    Pipe err = make_pipe(O_CLOEXEC | O_NONBLOCK);
    Pipe failure = make_pipe(O_CLOEXEC);
    if (!out.read_end || !err.read_end || !failure.read_end)
        return {SpawnFailed{errno}, {}, {}};
    // The child writes to blocking pipes; only our ends are non-blocking.
    for (const auto* pipe : {&out, &err})
        ::fcntl(pipe->write_end.get(), F_SETFL, 0);
    const auto argv = pointers(command.argv);
    const auto environment = pointers(command.environment);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1); // a child's own children become ours when it ends
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0)
        return {SpawnFailed{errno}, {}, {}};
    if (pid == 0)
        become(argv, environment, command, out.write_end.get(), err.write_end.get(), failure.write_end.get(),
               parent);
    Child child(pid);
    ::setpgid(pid, pid); // also here, so that the group exists whoever runs first
    out.write_end.reset();
    err.write_end.reset();
    failure.write_end.reset();
    int error = 0;
    if (::read(failure.read_end.get(), &error, sizeof error) == static_cast<ssize_t>(sizeof error))
        return {SpawnFailed{error}, {}, {}};
    return Supervisor(child, limits, stop, watch).run(out.read_end.get(), err.read_end.get());
}

namespace {
std::string seconds(std::chrono::milliseconds time) {
    std::ostringstream text;
    text << std::chrono::duration<double>(time).count() << " s";
    return text.str();
}

struct Describe {
    std::string operator()(const SpawnFailed& e) const {
        return "could not be started: " + error_text(e.error);
    }
    std::string operator()(const Exited& e) const { return "exited with code " + std::to_string(e.code); }
    std::string operator()(const Signaled& e) const {
        return "was ended by signal " + std::to_string(e.signal) + " (" + ::strsignal(e.signal) + ")";
    }
    std::string operator()(const TimedOut& e) const { return "did not finish within " + seconds(e.limit); }
    std::string operator()(const Cancelled&) const { return "was stopped"; }
    std::string operator()(const NotNeeded&) const { return "had done its work"; }
    std::string operator()(const Overflowed& e) const {
        return "printed more than " + std::to_string(e.limit >> 20U) + " MiB";
    }
};
} // namespace

std::string describe(const Ending& ending) {
    return std::visit(Describe{}, ending);
}

bool succeeded(const Ending& ending) {
    const auto* exited = std::get_if<Exited>(&ending);
    return exited != nullptr && exited->code == 0;
}

std::string last_lines(const std::string& text, std::size_t count) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);)
        if (!line.empty())
            lines.push_back(std::move(line));
    std::string joined;
    for (std::size_t i = lines.size() > count ? lines.size() - count : 0; i < lines.size(); ++i)
        joined += (joined.empty() ? "" : "; ") + lines[i];
    return joined;
}

namespace {
bool is_program(const std::string& path) {
    struct stat status {};
    return ::access(path.c_str(), X_OK) == 0 && ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}
} // namespace

std::string find_program(const std::string& name) {
    if (name.find('/') != std::string::npos)
        return is_program(name) ? name : std::string();
    const char* path = std::getenv("PATH");
    std::istringstream directories(
        std::string(path != nullptr ? path : "") +
        ":/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin:/snap/bin:/opt/bin");
    for (std::string directory; std::getline(directories, directory, ':');) {
        // An empty or relative entry would mean the current directory: not a place to run programs from.
        std::string candidate = directory;
        candidate.append("/").append(name);
        if (directory.starts_with('/') && is_program(candidate))
            return candidate;
    }
    return {};
}

} // namespace logbackup
