// SPDX-License-Identifier: MIT
#include "util/stop_signal.hpp"

#include "util/error.hpp"

#include <sys/signalfd.h>

#include <cerrno>
#include <csignal>

namespace logbackup {

StopSignal::StopSignal(std::optional<std::chrono::milliseconds> limit) {
    if (limit)
        deadline_ = std::chrono::steady_clock::now() + *limit;
    if (limit) {
        // Last resort for a system call that never returns (a dead NFS server): SIGALRM's default action.
        static constexpr std::chrono::seconds patience{60};
        ::signal(SIGALRM, SIG_DFL);
        ::alarm(static_cast<unsigned>((std::chrono::ceil<std::chrono::seconds>(*limit) + patience).count()));
    }
    ::signal(SIGCHLD, SIG_DFL);
    ::signal(SIGPIPE, SIG_IGN);
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD})
        sigaddset(&set, signal);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    fd_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd_)
        throw Error("cannot receive signals: " + error_text(errno));
}

StopSignal::~StopSignal() {
    if (deadline_)
        ::alarm(0);
}

bool StopSignal::requested() {
    signalfd_siginfo info{};
    while (::read(fd_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
        const int signal = static_cast<int>(info.ssi_signo);
        if (signal != SIGCHLD && !signal_)
            signal_ = signal;
    }
    return signal_ || (deadline_ && std::chrono::steady_clock::now() >= *deadline_);
}

} // namespace logbackup
