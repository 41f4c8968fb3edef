// SPDX-License-Identifier: MIT
#include "util/process.hpp"

#include "util/descriptors.hpp"
#include "util/unique_fd.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <thread>

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

// The code below runs between fork and exec: it may make only async-signal-safe calls.

[[noreturn]] void fail(int failure, int error) {
    [[maybe_unused]] const auto written = ::write(failure, &error, sizeof error);
    ::_exit(127);
}

enum class Closing { now, on_exec };

/// Also closes descriptors that we inherited or that a library opened. exec closes our own in any case.
void close_all(Closing when) {
    static constexpr long close_range = 436; // the same on all processors
    static constexpr unsigned on_exec = 1U << 2U;
    static constexpr unsigned first = STDERR_FILENO + 1;
    if (::syscall(close_range, first, ~0U, when == Closing::on_exec ? on_exec : 0U) == 0)
        return;
    rlimit limit{}; // close_range with this flag needs Linux 5.11
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const auto most = static_cast<int>(std::min<rlim_t>(limit.rlim_cur, 65536));
    for (int fd = first; fd < most; ++fd)
        if (when == Closing::on_exec)
            ::fcntl(fd, F_SETFD, FD_CLOEXEC);
        else
            ::close(fd);
}

/// Becomes a process group of its own with the usual signals.
void set_apart() {
    ::setpgid(0, 0);
    for (int signal = 1; signal < NSIG; ++signal) // also resets signals that our parent ignores
        ::signal(signal, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// Dies when its parent does.
void die_with(pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent)
        ::_exit(127);
}

[[noreturn]] void become(const std::vector<char*>& argv, const std::vector<char*>& environment,
                         const Command& command, const std::optional<Confiner>& confiner, int out, int err,
                         int failure, pid_t parent) {
    set_apart();
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    ::dup2(command.input < 0 ? null : command.input, STDIN_FILENO);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(err, STDERR_FILENO);
    close_all(Closing::on_exec);
    restore_descriptor_limit();
    for (const int fd : command.inherited)
        ::fcntl(fd, F_SETFD, 0);
    if (const int error = confiner ? confiner->enter() : 0; error != 0)
        fail(failure, error);
    die_with(parent); // after the change of user, which would clear it
    ::execve(argv[0], argv.data(), environment.data());
    fail(failure, errno);
}

/// A running child with its own process group. The destructor kills and reaps any remaining process.
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

    /// Returns the ending once the child has exited.
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

    /// Reaps an ended process of its group; returns false once none is left.
    [[nodiscard]] bool reap_descendant() const { return ::waitpid(-pid_, nullptr, WNOHANG) >= 0; }

  private:
    pid_t pid_;
    bool reaped_ = false;
};

/// Passes the available bytes to `take`, with a bound: a child can write as fast as we read. One call passes
/// everything that a pipe holds when a child ends. Returns false at the end of the stream.
bool drain(int fd, const std::function<Watch(std::string_view)>& take) {
    static constexpr std::size_t most = 1U << 20U; // /proc/sys/fs/pipe-max-size
    std::array<char, 65536> buffer;
    for (std::size_t done = 0; fd >= 0 && done < most;) {
        const auto got = ::read(fd, buffer.data(), buffer.size());
        if (got <= 0)
            return got < 0;
        done += static_cast<std::size_t>(got);
        if (take({buffer.data(), static_cast<std::size_t>(got)}) == Watch::end_it)
            break;
    }
    return true;
}

int milliseconds_until(Clock::time_point moment) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(moment - Clock::now()).count();
    return static_cast<int>(std::clamp<std::chrono::milliseconds::rep>(left, 0, 60'000));
}

constexpr std::size_t most_errors = 1U << 20U; // bytes; error output is for people

/// Waits for a child's end, reads its output, and ends the child when necessary.
class Supervisor {
  public:
    Supervisor(Child& child, const Command& command, const Limits& limits, StopSignal& stop,
               const std::function<Watch()>& watch)
        : child_(child), command_(command), limits_(limits), stop_(stop), watch_(watch) {}

    ProcessResult run(int out, int err) {
        for (;;) {
            std::array<pollfd, 3> fds{{{out, POLLIN, 0}, {err, POLLIN, 0}, {stop_.fd(), POLLIN, 0}}};
            ::poll(fds.data(), fds.size(), next_wait());
            read(out, err);
            const bool stopping = stop_.requested();
            if (const auto ending = child_.reap()) {
                read(out, err);
                end_group();
                if (!forced_)
                    result_.ending = enough_      ? Ending(NotNeeded{})
                                     : !exceeded_ ? *ending
                                                  : Ending(Overflowed{*exceeded_});
                return std::move(result_);
            }
            if (!forced_)
                decide(stopping);
            else if (Clock::now() >= kill_at_)
                kill();
        }
    }

  private:
    void read(int& out, int& err) {
        // A closed pipe stays ready forever: a negative descriptor takes it out of the set.
        if (!drain(out, [this](std::string_view bytes) { return take_output(bytes); }))
            out = -1;
        if (!drain(err, [this](std::string_view bytes) {
                return collect(result_.err, bytes, std::min(limits_.output, most_errors));
            }))
            err = -1;
    }

    Watch take_output(std::string_view bytes) {
        if (!command_.consume)
            return collect(result_.out, bytes, limits_.output);
        if (!enough_ && !forced_)
            enough_ = command_.consume(bytes) == Watch::end_it;
        return enough_ ? Watch::end_it : Watch::go_on;
    }

    Watch collect(std::string& text, std::string_view bytes, std::size_t most) {
        if (text.size() + bytes.size() > most) {
            exceeded_ = most;
            return Watch::end_it;
        }
        text.append(bytes);
        return Watch::go_on;
    }

    [[nodiscard]] int next_wait() const {
        int wait = watch_ ? watch_wait() : 60'000;
        if (forced_)
            return std::min(wait, milliseconds_until(kill_at_));
        if (limits_.time)
            wait = std::min(wait, milliseconds_until(begin_ + *limits_.time));
        if (stop_.deadline())
            wait = std::min(wait, milliseconds_until(*stop_.deadline()));
        return wait;
    }

    /// A twentieth of the time so far: a short command is ended soon, and a long one is not watched often.
    [[nodiscard]] int watch_wait() const {
        const auto so_far = std::chrono::floor<std::chrono::milliseconds>(Clock::now() - begin_);
        return static_cast<int>(std::clamp<std::int64_t>(so_far.count() / 20, 5, 200));
    }

    void decide(bool stopping) {
        if (exceeded_)
            terminate(Overflowed{*exceeded_});
        else if (stopping)
            terminate(Cancelled{});
        else if (limits_.time && Clock::now() >= begin_ + *limits_.time)
            terminate(TimedOut{*limits_.time});
        else if (enough_ || (watch_ && watch_() == Watch::end_it)) {
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

    /// Kills and reaps what the child left in its group. By now we are its reaper (PR_SET_CHILD_SUBREAPER).
    /// Reaping ensures that its descriptors are closed, and releases an inherited lock.
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
        // Kill again then: the child can sleep where no signal reaches it.
        kill_at_ = Clock::now() + limits_.grace;
    }

    Child& child_;
    const Command& command_;
    const Limits& limits_;
    StopSignal& stop_;
    const std::function<Watch()>& watch_;
    const Clock::time_point begin_ = Clock::now();
    std::optional<std::size_t> exceeded_; ///< the output limit that the child exceeded
    bool enough_ = false;                 ///< the consumer returned `end_it`
    bool forced_ = false;                 ///< we are ending it; result_.ending says why
    Clock::time_point kill_at_;
    ProcessResult result_{Exited{0}, {}, {}};
};

/// Starts a command, and gives the child's ends of the pipes away. Makes the pipes, but not one that has a
/// write end already. Returns the pid; 0, and sets errno, when it cannot be started.
pid_t spawn(const Command& command, Pipe& out, Pipe& err) {
    out = make_pipe(O_CLOEXEC | O_NONBLOCK);
    if (!err.write_end)
        err = make_pipe(O_CLOEXEC | O_NONBLOCK);
    Pipe failure = make_pipe(O_CLOEXEC);
    if (!out.read_end || !err.write_end || !failure.read_end)
        return 0;
    // The child writes to blocking pipes; only our ends are non-blocking.
    for (const auto* pipe : {&out, &err})
        ::fcntl(pipe->write_end.get(), F_SETFL, 0);
    const auto argv = pointers(command.argv);
    const auto environment = pointers(command.environment);
    std::optional<Confiner> confiner;
    if (command.confinement)
        confiner.emplace(*command.confinement, command.argv.front());
    ::prctl(PR_SET_CHILD_SUBREAPER, 1); // a child's own children become ours when it ends
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0)
        return 0;
    if (pid == 0)
        become(argv, environment, command, confiner, out.write_end.get(), err.write_end.get(),
               failure.write_end.get(), parent);
    ::setpgid(pid, pid); // also done in the child: the group exists whichever runs first
    out.write_end.reset();
    err.write_end.reset();
    failure.write_end.reset();
    int error = 0;
    if (::read(failure.read_end.get(), &error, sizeof error) != static_cast<ssize_t>(sizeof error))
        return pid;
    ::waitpid(pid, nullptr, 0);
    errno = error;
    return 0;
}

} // namespace

ProcessResult run(const Command& command, const Limits& limits, StopSignal& stop,
                  const std::function<Watch()>& watch) {
    Pipe out;
    Pipe err;
    const pid_t pid = spawn(command, out, err);
    if (pid == 0)
        return {SpawnFailed{errno}, {}, {}};
    Child child(pid);
    return Supervisor(child, command, limits, stop, watch).run(out.read_end.get(), err.read_end.get());
}

SideCommand::~SideCommand() {
    if (pid_ == 0)
        return;
    ::kill(-pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

std::unique_ptr<SideCommand> SideCommand::start(const Command& command) {
    Pipe out;
    Pipe err;
    err.write_end = UniqueFd(::open("/dev/null", O_WRONLY | O_CLOEXEC)); // what it says there is for nobody
    const pid_t pid = spawn(command, out, err);
    return pid == 0 ? nullptr : std::unique_ptr<SideCommand>(new SideCommand(pid, std::move(out.read_end)));
}

namespace {

/// The copy of this process that works beside it.
[[noreturn]] void work_apart(const std::function<std::string(StopSignal&)>& work, int out, pid_t parent) {
    set_apart();
    die_with(parent);
    ::dup2(out, STDOUT_FILENO);
    close_all(Closing::now);
    try {
        StopSignal stop;
        const std::string text = work(stop);
        for (std::size_t done = 0; done < text.size();) {
            const auto written = ::write(STDOUT_FILENO, text.data() + done, text.size() - done);
            if (written < 0)
                break;
            done += static_cast<std::size_t>(written);
        }
    } catch (const std::exception&) { // who reads its output takes nothing for no answer
        ::_exit(1);
    }
    ::_exit(0);
}

} // namespace

std::unique_ptr<SideCommand> SideCommand::start(const std::function<std::string(StopSignal&)>& work) {
    Pipe out = make_pipe(O_CLOEXEC | O_NONBLOCK);
    if (!out.read_end)
        return nullptr;
    ::fcntl(out.write_end.get(), F_SETFL, 0);
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0)
        return nullptr;
    if (pid == 0)
        work_apart(work, out.write_end.get(), parent);
    ::setpgid(pid, pid);
    return std::unique_ptr<SideCommand>(new SideCommand(pid, std::move(out.read_end)));
}

UniqueFd SideCommand::give_output() {
    ::fcntl(fd(), F_SETFL, 0); // blocking
    return std::move(out_);
}

Ending SideCommand::wait() {
    Child child(std::exchange(pid_, 0));
    for (const auto patience = Clock::now() + std::chrono::seconds(1); Clock::now() < patience;) {
        if (const auto ending = child.reap())
            return *ending;
        std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    return TimedOut{std::chrono::seconds(1)};
}

std::optional<std::string> SideCommand::read() {
    std::string text;
    const bool is_open = drain(fd(), [&](std::string_view bytes) {
        text.append(bytes);
        return Watch::go_on;
    });
    return is_open || !text.empty() ? std::optional(std::move(text)) : std::nullopt;
}

} // namespace logbackup
