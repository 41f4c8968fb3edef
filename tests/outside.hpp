// SPDX-License-Identifier: MIT
#pragma once

#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

/// A shell script for a stand-in of a confined program, which can write nothing and signal nobody itself:
/// another process runs it whenever the stand-in asks for it. They tell each other by opening FIFOs, which
/// the stand-in may open for reading when they are in its own directory.
class Outside {
  public:
    /// `directory` exists, and is that of the stand-in.
    Outside(const std::string& directory, const std::string& script) : directory_(directory) {
        for (const auto* name : {"/called", "/ready"}) {
            ::mkfifo((directory + name).c_str(), 0644);
            ::chmod((directory + name).c_str(), 0644);
        }
        const std::string loop =
            "cd '" + directory + "'; while : > called; do ( " + script + "\n); : > ready; done";
        runner_ = ::fork();
        if (runner_ == 0) {
            ::setpgid(0, 0);
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            sigset_t none;
            sigemptyset(&none);
            ::sigprocmask(SIG_SETMASK, &none, nullptr);
            ::execl("/bin/sh", "sh", "-c", loop.c_str(), nullptr);
            ::_exit(127);
        }
        ::setpgid(runner_, runner_);
    }
    Outside(const Outside&) = delete;
    Outside& operator=(const Outside&) = delete;
    ~Outside() {
        ::kill(-runner_, SIGKILL);
        ::waitpid(runner_, nullptr, 0);
    }

    /// What the stand-in, a shell script, says to have the script run and to wait for its end.
    [[nodiscard]] std::string call() const {
        return "read -r _ < '" + directory_ + "/called'; read -r _ < '" + directory_ + "/ready' || :";
    }

  private:
    std::string directory_;
    pid_t runner_ = -1;
};
